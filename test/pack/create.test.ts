// `create-sluice-filter` as npm would bring it: a filter package made by it outside of the repository, installed against the tarballs, tested, built, run and packed; and a
// proxy elsewhere that uses it by its name.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { within } from "../support/eventually.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { Outside } from "./world.ts";

const MINUTES = 60_000;
vi.setConfig({ testTimeout: 2 * MINUTES });

const outside = new Outside();
const { project, stranger } = outside;
const filter = join(project, "my-filter");

beforeAll(async () => {
  await outside.install();
  expect(await outside.succeed("npx", "--no-install", "create-sluice-filter", "my-filter")).toContain("npm install");
  await stranger.succeed(filter, "npm", "install", "--no-save", ...outside.tarballs);
}, 5 * MINUTES);
afterAll(() => outside.remove());

/** By the `sluice` that is installed in the folder; resolves when it serves. */
async function run(cwd: string, config: string): Promise<SluiceProcess> {
  writeFileSync(join(cwd, "free.yaml"), config);
  const proxy = new SluiceProcess(["run", "free.yaml"], "", {
    command: [join(cwd, "node_modules/.bin/sluice")],
    cwd,
    env: stranger.env,
  });
  onTestFinished(() => proxy.kill());
  await within("the proxy serves", proxy.serves(), MINUTES);
  return proxy;
}

async function header(proxy: SluiceProcess, path: string): Promise<string | null> {
  return (await fetch(`http://127.0.0.1:${proxy.port("127.0.0.1:0")}${path}`)).headers.get("x-my-filter");
}

test("asks for versions, and for no Node where there is one", async () => {
  expect(await outside.succeed("npx", "--no-install", "create-sluice-filter", "other")).toContain("example.http.other");
  const manifest = JSON.parse(readFileSync(join(project, "other/package.json"), "utf8")) as {
    readonly peerDependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const { version } = outside.packed[0]!;
  expect(manifest.peerDependencies).toEqual({ "@sluice/sdk": `^${version}` });
  expect(manifest.devDependencies).toMatchObject({ "@sluice/core": `^${version}`, "@sluice/sdk": `^${version}` });
  expect(manifest.devDependencies).not.toHaveProperty("node");
});

test("ends with 2 and a sentence where there is something already", async () => {
  expect(await outside.run("npx", "--no-install", "create-sluice-filter", "my-filter")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the folder my-filter is not empty\n") as string,
  });
});

test("the package passes its tests, and is built", async () => {
  expect(await stranger.succeed(filter, "npm", "test")).toMatch(/Tests\s+\d+ passed \(\d+\)/);
  await stranger.succeed(filter, "npm", "run", "build");
});

test("the package answers, from its folder and installed from its tarball", async () => {
  const yaml = readFileSync(join(filter, "proxy.yaml"), "utf8").replace(":10000", ":0").replace(":9901", ":0");
  const near = await run(filter, yaml);
  expect([await header(near, "/"), await header(near, "/loud")]).toEqual(["hello", "HELLO"]);
  await stranger.succeed(filter, "npm", "pack", "--pack-destination", project);
  await outside.succeed("npm", "install", "./my-filter-0.1.0.tgz");
  const far = await run(project, yaml.replace('["."]', '["my-filter"]'));
  expect([await header(far, "/"), await header(far, "/loud")]).toEqual(["hello", "HELLO"]);
});
