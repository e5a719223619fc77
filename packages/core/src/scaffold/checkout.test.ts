// Whether code runs from a checkout of Sluice.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { checkoutOf } from "./checkout.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-checkout-")));
afterAll(() => rmSync(folder, { recursive: true }));

function file(path: string, text: string): string {
  const place = join(folder, path);
  mkdirSync(join(place, ".."), { recursive: true });
  writeFileSync(place, text);
  return pathToFileURL(place).href;
}

file("clone/package.json", '{ "name": "sluice", "workspaces": ["packages/core"] }');
file("other/package.json", '{ "name": "other", "workspaces": ["packages/core"] }');
for (const place of ["clone/packages/core", "clone/examples/node_modules/@sluice/core", "other/packages/core"])
  file(`${place}/package.json`, '{ "name": "@sluice/core" }');

test("its own code, from the sources and built", () => {
  expect(checkoutOf(file("clone/packages/core/src/scaffold/checkout.ts", ""))).toBe(join(folder, "clone"));
  expect(checkoutOf(file("clone/packages/core/dist/chunk.js", ""))).toBe(join(folder, "clone"));
});

test("neither what was installed inside of it, nor another repository", () => {
  expect(checkoutOf(file("clone/examples/node_modules/@sluice/core/dist/chunk.js", ""))).toBeNull();
  expect(checkoutOf(file("other/packages/core/dist/chunk.js", ""))).toBeNull();
});

test("this one", () => {
  expect(checkoutOf(import.meta.url)).toBe(join(import.meta.dirname, "../../../.."));
});
