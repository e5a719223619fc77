import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveModule } from "./resolve-module.ts";

let root = "";

function put(path: string, content: unknown): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "sluice-resolve-"));
  put("app/filters/audit.ts", "");
  put("app/node_modules/dual/package.json", { exports: { require: "./r.cjs", import: "./i.js" } });
  put("app/node_modules/dual/i.js", "");
  put("node_modules/@acme/many/package.json", {
    exports: {
      ".": { node: { import: "./index.js" }, default: "./no.js" },
      "./one": "./lib/one.js",
      "./filters/*": "./lib/*.js",
      "./filters/inner/*": ["not-relative", "./inner/*.js"],
      "./private/*": null,
      "./gone": "./gone.js",
      "./out": "./../../../outside.js",
    },
  });
  for (const file of ["index.js", "lib/one.js", "lib/two.js", "inner/three.js"])
    put(`node_modules/@acme/many/${file}`, "");
  put("outside.js", "");
  put("app/making/package.json", { sluice: { source: "./src/index.ts" }, exports: "./dist/index.js" });
  put("app/making/src/index.ts", "");
  put("app/made/package.json", { exports: "./dist/index.js" });
  put("app/made/dist/index.js", "");
  put("app/unbuilt/package.json", { exports: "./dist/index.js" });
  put("app/astray/package.json", { sluice: { source: "../outside.js" } });
  put("app/bare/index.js", "");
  put("app/broken/package.json", "{");
  put("node_modules/old/package.json", { main: "lib" });
  put("node_modules/old/lib/index.js", "");
  put("node_modules/older/package.json", {});
  put("node_modules/older/index.js", "");
});
afterAll(() => rmSync(root, { recursive: true }));

const found = [
  ["a file beside the configuration", "./filters/audit.ts", "app/filters/audit.ts"],
  ["a file above it", "../outside.js", "outside.js"],
  ["a package in the making, by its folder: its source", "./making", "app/making/src/index.ts"],
  ["a package that is built, by its folder", "./made/", "app/made/dist/index.js"],
  ["a package by its import condition", "dual", "app/node_modules/dual/i.js"],
  ["a package of a folder above, with nested conditions", "@acme/many", "node_modules/@acme/many/index.js"],
  ["an exported subpath", "@acme/many/one", "node_modules/@acme/many/lib/one.js"],
  ["an exported pattern", "@acme/many/filters/two", "node_modules/@acme/many/lib/two.js"],
  [
    "the longest pattern, and the first target that is one",
    "@acme/many/filters/inner/three",
    "node_modules/@acme/many/inner/three.js",
  ],
  ["a package that has main", "old", "node_modules/old/lib/index.js"],
  ["a file of a package without exports", "old/lib/index.js", "node_modules/old/lib/index.js"],
  ["a package that has nothing", "older", "node_modules/older/index.js"],
] as const;

test.for(found)("finds %s", ([, specifier, path]) => {
  expect(resolveModule(specifier, join(root, "app"))).toEqual({ url: pathToFileURL(join(root, path)).href });
});

test("finds a file by its URL and by its absolute path", () => {
  const file = join(root, "outside.js");
  const { href } = pathToFileURL(file);
  expect(resolveModule(file, root)).toEqual({ url: href });
  expect(resolveModule(href, root)).toEqual({ url: href });
});

const refused = [
  ["./filters/none.ts", "there is no file ./filters/none.ts"],
  ["not-there", 'the package "not-there" is not installed here'],
  ["@acme/many/two", 'the package "@acme/many" does not export "@acme/many/two"'],
  ["@acme/many/private/x", 'the package "@acme/many" does not export "@acme/many/private/x"'],
  ["@acme/many/gone", 'the package "@acme/many" lacks its file ./gone.js'],
  ["@acme/many/out", 'the package "@acme/many" lacks its file ./../../../outside.js'],
  ["dual/r.cjs", 'the package "dual" does not export "dual/r.cjs"'],
  ["./bare", "the folder ./bare has no package.json"],
  ["./unbuilt", 'the package "./unbuilt" lacks its file ./dist/index.js'],
  ["./astray", 'sluice.source in ./astray/package.json is "../outside.js", which is no file of the package'],
  ["", '"" is no name of a package and no path'],
  ["@acme", '"@acme" is no name of a package and no path'],
] as const;

test.for(refused)("refuses %s", ([specifier, message]) => {
  expect(resolveModule(specifier, join(root, "app"))).toEqual({ message });
});

test("says what is wrong with a package.json", () => {
  expect(resolveModule("./broken", join(root, "app"))).toEqual({
    message: expect.stringMatching(/^"\.\/broken" cannot be resolved: .*JSON/),
  });
});

test("a path without ./ gets a hint", () => {
  const message = 'the package "filters" is not installed here';
  expect(resolveModule("filters/audit.ts", join(root, "app"))).toEqual({ message, suggestion: "./filters/audit.ts" });
});
