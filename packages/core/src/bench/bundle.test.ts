// A module as one file: it loads from anywhere, equal code has equal digests, and what cannot be one file says why.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { bundleModules, unpackBundles } from "./bundle.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

function module_(path: string, text: string) {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
  return { specifier: path, url: pathToFileURL(join(folder, path)).href };
}

module_("limit.ts", "export const limit: number = 7;");
module_("node_modules/cjs/index.js", 'module.exports = { tmp: require("node:os").tmpdir() };');
const filter = module_(
  "filter.ts",
  'import { limit } from "./limit.ts";\nimport cjs from "cjs";\nexport default { limit, tmp: cjs.tmp };',
);

async function bundlesOf(...modules: readonly ReturnType<typeof module_>[]) {
  const result = await bundleModules(modules);
  if ("problem" in result) throw new Error(result.problem);
  return result.bundles;
}

test("it takes along what it imports, CommonJS included", async () => {
  const bundles = await bundlesOf(filter);
  const [unpacked] = unpackBundles(bundles, join(folder, "elsewhere"));
  expect(unpacked).toMatchObject({ specifier: "filter.ts" });
  const loaded = (await import(unpacked!.url)) as { default: unknown };
  expect(loaded.default).toEqual({ limit: 7, tmp: tmpdir() });
});

test("the list of a built-in package is its export too", async () => {
  const bundles = await bundlesOf(module_("list.ts", "export const filters = [1, 2];"));
  const [unpacked] = unpackBundles(bundles, join(folder, "list"));
  expect(((await import(unpacked!.url)) as { default: unknown }).default).toEqual([1, 2]);
});

test("equal code has an equal digest, other code another", async () => {
  const [first] = await bundlesOf(filter);
  const [again] = await bundlesOf(filter);
  expect(again!.digest).toBe(first!.digest);
  module_("limit.ts", "export const limit: number = 8;");
  const [changed] = await bundlesOf(filter);
  expect(changed!.digest).not.toBe(first!.digest);
});

test("a native addon cannot be one file, and the sentence says which module", async () => {
  module_("addon.node", "");
  const native = module_("native.ts", 'import addon from "./addon.node";\nexport default addon;');
  expect(await bundleModules([native])).toEqual({
    problem: expect.stringMatching(/^native\.ts cannot be put into one file: .*addon\.node/),
  });
});
