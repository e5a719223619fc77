// `sluice new filter`: what it tells, and how it ends.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { run } from "./program.ts";

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-cli-new-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function newFilter(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await run(["new", "filter", ...argv], { out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}

test.each(["http", "network", "listener"])("--kind %s tells what there is and what to do next", async (kind) => {
  const directory = join(folder, `my-${kind}`);
  const { code, out, err } = await newFilter(directory, "--kind", kind, "--name", `@acme/sluice-${kind}`);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(new RegExp(`^@acme/sluice-${kind}: the filter acme\\.${kind}\\.${kind}\n`));
  for (const told of [...readdirSync(directory).filter((file) => file !== "src"), "src/index.test.ts"])
    expect(out).toContain(`  ${told}\n`);
  expect(out).toMatch(/ {2}npm install\n {2}npm test\n {2}npm start +# then: curl /);
});

test("a folder that is a file, and a name that is none, end with 2 and one sentence", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(await newFilter(file)).toEqual({ code: 2, out: "", err: `sluice: ${file} is a file, expected a folder\n` });
  expect(await newFilter(join(folder, "Bad"))).toEqual({
    code: 2,
    out: "",
    err: 'sluice: "Bad" is no name for a package, expected lower case as in my-filter or @acme/my-filter\n',
  });
});

test.each([
  [[], "missing required argument 'dir'"],
  [["x", "--kind", "udp"], "Allowed choices are http, network, listener"],
])("%j is refused", async (argv, message) => {
  const { code, out, err } = await newFilter(...argv);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain(message);
});
