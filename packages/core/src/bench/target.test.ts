// What a target names: the sentence where it names nothing.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { findTarget } from "./target.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-target-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(path: string, text = ""): string {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
}

const built = file("built/dist/main.js");
file("built/package.json", '{ "exports": { ".": { "default": "./dist/main.js" } } }');
const source = file("source/src/index.ts");
file("source/package.json", '{ "exports": "./dist/index.js" }');
file("nothing/package.json", "{}");
const local = file("source/other.ts");
const yaml = file("proxy.yaml");
const config = file("sluice.config.ts");
const installed = file("node_modules/@acme/gate/index.js");
file("node_modules/@acme/gate/package.json", '{ "name": "@acme/gate", "main": "index.js" }');

const find = (target: string) => findTarget(target, folder, ["envoy.filters.http.buffer"]);
const url = (path: string): unknown => expect.objectContaining({ url: pathToFileURL(path).href });

test.each([
  ["./built", { kind: "module", module: url(built), manifest: join(folder, "built/package.json") }],
  ["source", { kind: "module", module: url(source), manifest: join(folder, "source/package.json") }],
  ["source/other.ts", { kind: "module", module: url(local), manifest: join(folder, "source/package.json") }],
  ["@acme/gate", { kind: "module", module: url(installed) }],
  ["proxy.yaml", { kind: "config", file: yaml }],
  ["./sluice.config.ts", { kind: "config", file: config }],
  ["envoy.filters.http.buffer", { kind: "builtin", id: "envoy.filters.http.buffer" }],
])("%s", (target, expected) => {
  expect(find(target)).toMatchObject(expected);
});

test.each([
  ["./none", "there is no file or directory ./none"],
  ["nothing", "nothing has nothing to measure"],
  ["@acme/none", 'the package "@acme/none" is not installed here; expected a package\'s directory'],
  ["envoy.filters.http.bufer", "expected a package's directory, a file"],
])("%s names nothing", (target, sentence) => {
  expect(() => find(target)).toThrow(sentence);
});

test("a file that is neither module nor configuration", () => {
  file("notes.md");
  expect(() => find("notes.md")).toThrow(
    "notes.md is neither a module (.ts, .mts, .js, .mjs, .wasm) nor a configuration",
  );
});
