// Dependencies point one way (design: the house), and the rule that says so can fail.
import { describe, expect, test } from "vitest";
import { importProblems, importsOf } from "./rules/imports.ts";
import { file, isTypeScript, repository, type SourceFile } from "./tree.ts";

test("every import of the repository points the right way", () => {
  expect(importProblems(repository())).toEqual([]);
});

test("the rule sees the repository's imports", () => {
  const sources = repository().filter(({ path }) => isTypeScript(path) && path.startsWith("packages/"));
  const count = sources.reduce((sum, { text }) => sum + importsOf(text).length, 0);
  expect(count).toBeGreaterThan(sources.length / 2);
});

describe("how imports are found", () => {
  test("in every form, with their line", () => {
    const text = [
      'import a from "a";',
      'import type { B } from "b";',
      "import {",
      "  c,",
      '} from "c";',
      'import "d";',
      'export * from "e";',
      'export type { F } from "f";',
      'const g = await import("g");',
      'let h: import("h").H;',
    ].join("\n");
    expect(importsOf(text)).toEqual([
      { specifier: "a", line: 1 },
      { specifier: "b", line: 2 },
      { specifier: "c", line: 3 },
      { specifier: "d", line: 6 },
      { specifier: "e", line: 7 },
      { specifier: "f", line: 8 },
      { specifier: "g", line: 9 },
      { specifier: "h", line: 10 },
    ]);
  });

  test("not in comments", () => {
    expect(importsOf(' * import { a } from "a";\n// import "b";\n/* import("c") */\n * await import("d")')).toEqual([]);
  });

  test("an export of a value is no import of the next statement's", () => {
    expect(importsOf('export const a = 1;\nimport "b";')).toEqual([{ specifier: "b", line: 2 }]);
  });
});

describe("the rule refuses", () => {
  const house: SourceFile[] = [
    file("packages/sdk/package.json", '{ "name": "@sluice/sdk", "exports": { ".": "" } }'),
    file(
      "packages/core/package.json",
      '{ "name": "@sluice/core", "exports": { ".": "", "./testing": "" }, "dependencies": { "@sluice/sdk": "", "@sluice/filters-l7": "", "yaml": "" } }',
    ),
    file(
      "packages/filters-l7/package.json",
      '{ "name": "@sluice/filters-l7", "exports": { ".": "" }, "peerDependencies": { "@sluice/sdk": "" } }',
    ),
    file("examples/filters/hello/package.json", '{ "name": "hello", "peerDependencies": { "@sluice/sdk": "" } }'),
  ];
  const check = (path: string, specifier: string): string[] =>
    importProblems([...house, file(path, `import { x } from "${specifier}";`)]);

  test.each([
    ["packages/sdk/src/a.ts", "zod"],
    ["packages/sdk/src/a.ts", "node:net"],
    ["packages/sdk/src/a.ts", "@sluice/core"],
    ["packages/filters-l7/src/router/filter.ts", "@sluice/core"],
    ["packages/filters-l7/src/router/filter.ts", "@sluice/filters-l4"],
    ["packages/filters-l7/src/router/filter.ts", "jose"],
    ["packages/filters-l7/src/router/filter.ts", "../../../core/src/index.ts"],
    ["packages/filters-l7/src/router/filter.ts", "../../../../test/support/origin.ts"],
    ["packages/filters-l7/src/router/filter.ts", "./filter.test.ts"],
    ["packages/core/src/http/a.ts", "@sluice/filters-l7"],
    ["packages/core/src/http/a.ts", "lodash"],
    ["packages/core/src/http/a.ts", "net"],
    ["packages/core/src/http/a.ts", "@sluice/sdk/src/headers.ts"],
    ["examples/filters/hello/src/index.ts", "@sluice/core"],
    ["examples/filters/hello/index.ts", "@sluice/filters-l7"],
    ["test/integration/a.test.ts", "@sluice/core/src/index.ts"],
  ])("%s importing %s", (path, specifier) => {
    expect(check(path, specifier)).toEqual([expect.stringContaining(`${path}:1  imports ${specifier}: `)]);
  });

  test.each([
    ["packages/filters-l7/src/router/filter.ts", "@sluice/sdk"],
    ["packages/filters-l7/src/router/filter.ts", "node:buffer"],
    ["packages/filters-l7/src/router/filter.ts", "../shared/regex.ts"],
    ["packages/filters-l7/src/router/filter.test.ts", "@sluice/core/testing"],
    ["packages/core/src/cli/run.ts", "@sluice/filters-l7"],
    ["packages/core/src/http/a.ts", "yaml"],
    ["packages/core/scripts/build.ts", "esbuild"],
    ["test/integration/a.test.ts", "@sluice/core"],
    ["test/integration/a.test.ts", "../../packages/core/src/http/a.ts"],
  ])("but not %s importing %s", (path, specifier) => {
    expect(check(path, specifier)).toEqual([]);
  });
});
