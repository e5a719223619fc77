// Bundles behave as the modules that they are made of: what they import, what they know of themselves, what is wrong with them.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BundleError } from "../config/bundler.ts";
import { loadBundle } from "./compile-bundle.ts";
import { ReadFiles } from "./file-signature.ts";
import { ModuleBundler } from "./module-bundler.ts";

let folder = "";
let files: ReadFiles;
const bundler = new ModuleBundler(new ReadFiles());

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-bundle-")));
  write("node_modules/plain/package.json", '{ "name": "plain", "version": "1.0.0", "main": "index.js" }');
  write("node_modules/plain/index.js", 'exports.kind = "commonjs"; exports.same = {};');
  write(
    "node_modules/esm/package.json",
    '{ "name": "esm", "type": "module", "exports": { ".": { "require": "./no.cjs", "import": "./yes.js" }, "./data.json": "./data.json" } }',
  );
  write(
    "node_modules/esm/yes.js",
    'export const kind = "import"; export default "default of it"; export const same = {};',
  );
  write("node_modules/esm/data.json", '{ "a": 1 }');
  write("linked/package.json", '{ "name": "linked", "type": "module", "exports": "./index.js" }');
  write("linked/index.js", "export default 1;");
  symlinkSync("../linked", join(folder, "node_modules/linked"));
});
afterAll(async () => {
  await bundler.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return pathToFileURL(path).href;
}

/** The exports of a module with that text. */
async function load(text: string, name = "entry.ts"): Promise<Readonly<Record<string, unknown>>> {
  const url = write(name, text);
  files = new ReadFiles();
  bundler.files = files;
  const bundle = await bundler.bundle(url);
  return (await loadBundle(url, bundle!)) as Readonly<Record<string, unknown>>;
}

describe("what a bundle imports", () => {
  test("packages by their conditions for import, with default, named and whole exports", async () => {
    const { default: found } = await load(`
import plain, { kind } from "plain";
import value, { kind as other, same } from "esm";
import * as all from "esm";
export default [plain.kind, kind, value, other, all.default, all.same === same, Object.keys(all).sort()];
`);
    expect(found).toEqual([
      "commonjs",
      "commonjs",
      "default of it",
      "import",
      "default of it",
      true,
      ["default", "kind", "same"],
    ]);
  });

  test("packages are the same as everywhere in the process, also those that are imported late", async () => {
    const { default: found } = await load(`
import { same } from "esm";
export default async () => (await import("esm")).same === same;
`);
    expect(await (found as () => Promise<boolean>)()).toBe(true);
  });

  test("modules of Node, with and without the prefix, and JSON", async () => {
    write("data.json", '{ "b": [2] }');
    const bare = "path";
    const { default: found } = await load(`
import { sep } from "${bare}";
import * as path from "node:path";
import data from "./data.json" with { type: "json" };
import far from "esm/data.json" with { type: "json" };
export default [sep === path.sep, data.b[0], far.a];
`);
    expect(found).toEqual([true, 2, 1]);
  });

  test("each file knows its own place", async () => {
    write(
      "deep/inner.ts",
      "export const place: string[] = [import.meta.url, import.meta.filename, import.meta.dirname];",
    );
    const { default: found } = await load(
      'import { place } from "./deep/inner.ts";\nexport default [import.meta.url, ...place];',
    );
    const inner = join(folder, "deep/inner.ts");
    expect(found).toEqual([
      pathToFileURL(join(folder, "entry.ts")).href,
      pathToFileURL(inner).href,
      inner,
      join(folder, "deep"),
    ]);
  });

  test("circles of files", async () => {
    write("a.ts", 'import { b } from "./b.ts";\nexport const a = () => "a" + b();');
    write("b.ts", 'import { a } from "./a.ts";\nexport const b = () => (typeof a === "function" ? "b" : "?");');
    expect((await load('export { a as default } from "./a.ts";'))["default"]).toSatisfy(
      (a: () => string) => a() === "ab",
    );
  });

  test("CommonJS of one's own may require packages", async () => {
    write("old.cjs", 'module.exports = { kind: require("plain").kind };');
    expect((await load('import old from "./old.cjs";\nexport default old.kind;'))["default"]).toBe("commonjs");
  });
});

describe("what is wrong is told with its place, as Node would refuse it", () => {
  test.each([
    ["a package that is not there", 'import "nowhere";', /entry\.ts:1:8 the package "nowhere" is not installed here$/],
    [
      "a name that a package lacks",
      'import { no } from "esm";\nexport default no;',
      /entry\.ts:1:10 No matching export in "\S+" for import "no"$/,
    ],
    ["an ending that is left out", 'import "./data";', /entry\.ts:1:8 there is no file \.\/data$/],
    [
      "several errors",
      'import "./x.ts";\nimport "./y.ts";',
      /entry\.ts:1:8 there is no file \.\/x\.ts; \S+entry\.ts:2:8 there is no file \.\/y\.ts$/,
    ],
    ["a file of another kind", 'import "./a.css";', /no kind of file that modules are made of/],
  ])("%s", async (_what, text, message) => {
    write("a.css", "");
    await expect(load(text)).rejects.toThrow(message);
  });

  test("a package that throws", async () => {
    write("node_modules/bad/package.json", '{ "name": "bad", "type": "module", "exports": "./index.js" }');
    write("node_modules/bad/index.js", 'throw new Error("no good");');
    await expect(load('import "bad";')).rejects.toThrow(/no good/);
  });

  test("a dynamic import that fails is the filter's to catch", async () => {
    const { default: found } = await load('export default () => import("nowhere").catch(() => "caught");');
    expect(await (found as () => Promise<string>)()).toBe("caught");
  });
});

describe("what is bundled, and when again", () => {
  test("not what is installed, but what is linked", async () => {
    expect(await bundler.bundle(pathToFileURL(join(folder, "node_modules/esm/yes.js")).href)).toBeNull();
    expect(await bundler.bundle(pathToFileURL(join(folder, "node_modules/linked/index.js")).href)).not.toBeNull();
  });

  test("only what changed; its files are noted all the same", async () => {
    const url = write("cached.ts", 'import "./a-part.ts";\nexport default 1;');
    write("a-part.ts", "export {};");
    const first = await bundler.bundle(url);
    bundler.files = new ReadFiles();
    expect(await bundler.bundle(url)).toBe(first);
    expect([...bundler.files.all.keys()].map((path) => path.slice(folder.length + 1)).sort()).toEqual([
      "a-part.ts",
      "cached.ts",
    ]);
    write("a-part.ts", "export const changed = 1; console.assert(changed);");
    expect((await bundler.bundle(url))!.digest).not.toBe(first!.digest);
  });

  test("an edit that moves lines is another version: stacks would be wrong", async () => {
    const url = write("moved.ts", "export default 1;");
    const first = await bundler.bundle(url);
    write("moved.ts", "\n\nexport default 1;");
    const second = await bundler.bundle(url);
    expect(second!.code).toBe(first!.code);
    expect(second!.digest).not.toBe(first!.digest);
  });

  test("a component is known by its bytes alone", async () => {
    const url = write("filter.wasm", "one");
    const first = await bundler.bundle(url);
    expect(first).toMatchObject({ code: null });
    write("filter.wasm", "another");
    expect((await bundler.bundle(url))!.digest).not.toBe(first!.digest);
  });
});

test.each(["gone.ts", "gone.wasm"])("a file that went since it was found is told, and watched: %s", async (name) => {
  const noted = new ReadFiles();
  bundler.files = noted;
  const url = pathToFileURL(join(folder, name)).href;
  await expect(bundler.bundle(url)).rejects.toThrow(BundleError);
  expect([...noted.all]).toEqual([[join(folder, name), null]]);
});
