// No unfinished work, no silent tests, no `any` in the contract, small files, nothing of one machine.
import { describe, expect, test } from "vitest";
import { hygieneProblems, lockProblems, MAX_LINES } from "./rules/hygiene.ts";
import { file, repository } from "./tree.ts";

test("the repository is clean", () => {
  expect(repository().length).toBeGreaterThan(50);
  expect(hygieneProblems(repository())).toEqual([]);
});

test("the lock file names no address, and every platform", () => {
  const lock = repository().find(({ path }) => path === "package-lock.json");
  expect(lockProblems(lock!.text)).toEqual([]);
});

describe("the rule refuses", () => {
  // Joined from parts, so that this file does not contain what it forbids.
  const bad = (...parts: string[]): string => parts.join("");

  test.each([
    ["packages/core/src/a.ts", bad("// TO", "DO: later")],
    ["packages/core/src/a.ts", bad("/* FIX", "ME */")],
    ["packages/core/src/a.test.ts", bad("test", ".skip('a', () => {})")],
    ["packages/core/src/a.test.ts", bad("describe", ".only('a', () => {})")],
    ["packages/core/src/a.test.ts", bad("it.concurrent", ".todo('a')")],
    ["packages/core/src/a.test.ts", bad("test", ".skipIf(true)('a', () => {})")],
    ["packages/core/src/a.test.ts", bad("x", "it('a', () => {})")],
    ["packages/core/src/a.test.ts", bad("context", ".skip()")],
    ["packages/sdk/src/a.ts", "export function a(b: any): void {}"],
    ["packages/sdk/src/a.ts", "export type A = Map<string, any>;"],
    ["packages/sdk/src/a.ts", "const a = b as any;"],
    ["docs/a.md", bad("see /ho", "me/someone/sluice")],
    ["README.md", bad("`cd /wo", "rk/main`")],
    [".npmrc", bad("registry=https://registry.npm", "js.org/")],
  ])("%s with: %s", (path, text) => {
    expect(hygieneProblems([file(path, `\n${text}\n`)])).toEqual([expect.stringContaining(`${path}:2  `)]);
  });

  test.each([
    ["packages/sdk/src/a.ts", "/** Takes any number of headers, any: of them (any order). */"],
    ["packages/core/src/a.ts", "const work = '/network/home/';"],
    ["packages/core/src/a.ts", "buffer.skip(3); test.each([1])"],
  ])("but not %s with: %s", (path, text) => {
    expect(hygieneProblems([file(path, text)])).toEqual([]);
  });

  test("a file past the limit", () => {
    const lines = (count: number): string => "a();\n".repeat(count);
    expect(hygieneProblems([file("packages/core/src/a.ts", lines(MAX_LINES))])).toEqual([]);
    expect(hygieneProblems([file("packages/core/src/a.ts", lines(MAX_LINES + 1))])).toHaveLength(1);
  });

  test("a lock file with an address, or without a platform", () => {
    const lock = {
      packages: {
        "": {},
        "node_modules/@sluice/sdk": { resolved: "packages/sdk", link: true },
        "node_modules/a": {
          resolved: "https://host/a.tgz",
          optionalDependencies: { "a-linux": "1.0.0", "a-darwin": "1.0.0" },
        },
        "node_modules/a/node_modules/a-linux": { version: "1.0.0" },
      },
    };
    expect(lockProblems(JSON.stringify(lock))).toEqual([
      "package-lock.json: node_modules/a is resolved to https://host/a.tgz",
      "package-lock.json: a-darwin, optional for node_modules/a, is missing",
    ]);
  });
});
