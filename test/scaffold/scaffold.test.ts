// A new filter package, as `sluice new filter` makes it in a checkout: linked to the checkout's packages, installed by npm outside of it, and everything that its
// README promises. The HTTP filter goes the whole way; the other kinds use its installation. Needs the build that `npm test` makes first.
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { within } from "../support/eventually.ts";
import { LineClient } from "../support/line-client.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { Stranger } from "../support/stranger.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const CLI = join(root, "packages/core/dist/cli.js");
const MINUTES = 60_000;
vi.setConfig({ testTimeout: 2 * MINUTES });

const folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-scaffold-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const stranger = new Stranger(join(folder, "old/bin"), "20.19.5");
const modern = new Stranger(join(folder, "new/bin"));

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

function readManifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as Manifest;
}

/** In the folder of all of them. */
function newFilter(name: string, kind: string, shell = stranger): Promise<string> {
  return shell.succeed(folder, process.execPath, CLI, "new", "filter", name, "--kind", kind);
}

function npm(name: string, ...args: string[]): Promise<string> {
  return stranger.succeed(join(folder, name), "npm", ...args);
}

/** What `npm start` runs, on free ports. */
async function start(name: string, change = (yaml: string): string => yaml): Promise<SluiceProcess> {
  const cwd = join(folder, name);
  const yaml = readFileSync(join(cwd, "proxy.yaml"), "utf8").replace(":10000", ":0").replace(":9901", ":0");
  writeFileSync(join(cwd, "free.yaml"), change(yaml));
  const command = [join(cwd, "node_modules/.bin/node"), join(cwd, "node_modules/.bin/sluice")] as const;
  const proxy = new SluiceProcess(["run", "free.yaml", "--watch"], "", {
    command: [...command],
    cwd,
    env: stranger.env,
  });
  onTestFinished(() => proxy.kill());
  await within(`${name} serves`, proxy.serves(), MINUTES);
  return proxy;
}

const FRONT = "127.0.0.1:0";

beforeAll(async () => {
  expect(existsSync(CLI), "packages/core is built (npm run build)").toBe(true);
  await newFilter("my-filter", "http");
  await npm("my-filter", "install");
}, 4 * MINUTES);

describe("an HTTP filter", () => {
  test("links to the packages of this checkout, which npm has left alone", () => {
    const { devDependencies } = readManifest("my-filter");
    for (const name of ["core", "sdk"]) {
      const place = join(root, "packages", name);
      expect(devDependencies[`@sluice/${name}`]).toBe(`file:${relative(join(folder, "my-filter"), place)}`);
      expect(`${realpathSync(join(folder, "my-filter/node_modules/@sluice", name))}/`).toBe(`${place}/`);
    }
    expect(existsSync(join(root, "packages/sdk/node_modules"))).toBe(false);
  });

  test("brings a Node, where that of the shell is too old", async () => {
    expect(await npm("my-filter", "exec", "--", "node", "-p", "process.versions.node")).toMatch(/^2[4-9]\./);
    const { devDependencies, allowScripts } = readManifest("my-filter");
    expect([Object.hasOwn(devDependencies, "node"), allowScripts]).toEqual([true, { esbuild: true, node: true }]);
    await newFilter("on-a-new-node", "http", modern);
    const other = readManifest("on-a-new-node");
    expect([Object.hasOwn(other.devDependencies, "node"), other.allowScripts]).toEqual([false, { esbuild: true }]);
  });

  test("passes its own tests", async () => {
    expect(await npm("my-filter", "test")).toMatch(/Tests\s+\d+ passed \(\d+\)/);
  });

  test("fails them where its types are wrong", async () => {
    const source = join(folder, "my-filter/src/index.ts");
    const before = readFileSync(source, "utf8");
    onTestFinished(() => writeFileSync(source, before));
    writeFileSync(source, before.replace("settings.value)", "settings.valeu)"));
    const types = await stranger.run(join(folder, "my-filter"), "npm", "test");
    expect([types.code, types.stdout]).toEqual([1, expect.stringContaining("Property 'valeu' does not exist")]);
  });

  test("is built, and the built one is a filter too", async () => {
    await npm("my-filter", "run", "build");
    const script = 'const { default: filter } = await import("my-filter"); console.log(filter.id);';
    const printed = await npm("my-filter", "exec", "--", "node", "--input-type=module", "-e", script);
    expect(printed.trim()).toBe("example.http.my-filter");
    expect(readFileSync(join(folder, "my-filter/dist/index.d.ts"), "utf8")).toContain("HttpFilterDefinition");
  });

  test("is benchmarked", async () => {
    const printed = await npm("my-filter", "run", "bench", "--silent", "--", "--rounds", "1", "--json");
    const report = JSON.parse(printed) as { total: { filter: string; hooks: Array<{ hook: string }> } };
    expect(report.total.filter).toBe("example.http.my-filter");
    expect(report.total.hooks.map(({ hook }) => hook)).toEqual(["onResponseHeaders"]);
  });

  test("answers behind a proxy, and so does what is saved", async () => {
    const proxy = await start("my-filter");
    const ask = async (path: string): Promise<string | null> =>
      (await fetch(`http://127.0.0.1:${proxy.port(FRONT)}${path}`)).headers.get("x-my-filter");
    expect([await ask("/"), await ask("/loud")]).toEqual(["hello", "HELLO"]);
    const source = join(folder, "my-filter/src/index.ts");
    const before = readFileSync(source, "utf8");
    onTestFinished(() => writeFileSync(source, before));
    writeFileSync(source, before.replace("settings.value)", '"changed")'));
    await within("the edit is swapped in", proxy.says(/swapped in/), MINUTES);
    expect([await ask("/"), await ask("/loud")]).toEqual(["changed", "HELLO"]);
  });
});

describe.each(["network", "listener"])("a %s filter", (kind) => {
  const name = `my-${kind}`;

  beforeAll(async () => {
    await newFilter(name, kind);
    symlinkSync(join(folder, "my-filter/node_modules"), join(folder, name, "node_modules"));
  });

  test("needs what an HTTP filter needs", () => {
    const [{ dependencies, devDependencies }, other] = [readManifest(name), readManifest("my-filter")];
    expect([dependencies, devDependencies]).toEqual([other.dependencies, other.devDependencies]);
  });

  test("passes its own tests", async () => {
    expect(await npm(name, "test")).toMatch(/Tests\s+\d+ passed \(\d+\)/);
  });
});

test("the network filter's proxy echoes, up to the quota", async () => {
  const proxy = await start("my-network");
  const client = await LineClient.open({ kind: "ip", host: "127.0.0.1", port: proxy.port(FRONT) });
  onTestFinished(() => client.close());
  expect(await client.ask("hello")).toBe("hello");
  client.send("x".repeat(100));
  await within("the proxy closes the connection", client.closed());
});

test("the listener filter's proxy welcomes all but who is denied", async () => {
  const ask = async (proxy: SluiceProcess): Promise<string> =>
    (await fetch(`http://127.0.0.1:${proxy.port(FRONT)}/`)).text();
  expect(await ask(await start("my-listener"))).toBe("welcome\n");
  const strict = await start("my-listener", (yaml) => yaml.replace("192.0.2.1", "127.0.0.1"));
  await expect(ask(strict)).rejects.toThrow("fetch failed");
});
