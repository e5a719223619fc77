import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModule, sourceOfValue } from "./module-source.ts";
import { Problems } from "./problems.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function copy(value: unknown): { root: unknown; lines: string } {
  const problems = new Problems();
  return { root: sourceOfValue(value, "config", problems)?.root, lines: problems.format() };
}

test("plain data is copied; undefined entries are left out, big integers keep their digits", () => {
  const value = { a: [1, "x", null, true], b: { c: undefined, d: 9007199254740993n, e: 5n }, __proto__: null };
  const { root, lines } = copy(value);
  expect(lines).toBe("");
  expect(root).toEqual({ a: [1, "x", null, true], b: { d: "9007199254740993", e: 5 } });
  expect(root).not.toBe(value);
});

test("what is no data is refused with its path, all at once", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = { inner: cycle };
  const { root, lines } = copy({ f: () => 1, list: [Number.NaN, new Map()], cycle });
  expect(root).toBeUndefined();
  expect(lines.split("\n").slice(0, -1)).toEqual([
    "config  f  found a function, expected plain data",
    "config  list[0]  found NaN, expected plain data",
    "config  list[1]  found an object of a class, expected plain data",
    "config  cycle.self.inner  found a value that contains itself, expected plain data",
    "4 errors",
  ]);
});

test("a value that is used twice is no cycle", () => {
  const shared = { a: 1 };
  expect(copy({ one: shared, two: shared }).root).toEqual({ one: { a: 1 }, two: { a: 1 } });
});

test("something that is no object is refused", () => {
  expect(copy([1]).lines).toContain("the configuration is no object, expected an object");
});

async function read(name: string, text: string): Promise<{ root: unknown; lines: string }> {
  const problems = new Problems();
  const file = join(folder, name);
  writeFileSync(file, text);
  return { root: (await readModule(file, problems))?.root, lines: problems.format().replaceAll(file, name) };
}

test("the default export of a module is the configuration", async () => {
  expect(await read("good.mjs", "export default { listeners: [] };")).toEqual({ root: { listeners: [] }, lines: "" });
});

test("modules without one, that throw, or that are not there are told", async () => {
  expect((await read("empty.mjs", "export const a = 1;")).lines).toContain(
    "empty.mjs  the module has no default export, expected export default",
  );
  expect((await read("throws.mjs", 'throw new Error("no luck");')).lines).toContain(
    "throws.mjs  the module cannot be loaded: no luck",
  );
  const problems = new Problems();
  await readModule(join(folder, "none.ts"), problems);
  expect(problems.errorCount).toBe(1);
});
