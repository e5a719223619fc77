// Every error code is in a table, in docs/errors.md with the same sentence, and in use.
import { describe, expect, test } from "vitest";
import { codesInPage, codesInTable, errorPageProblems, errorUseProblems } from "./rules/errors.ts";
import { file, repository } from "./tree.ts";

const TABLES = ["packages/sdk/src/errors.ts", "packages/core/src/errors.ts"];
const text = (path: string): string => repository().find((source) => source.path === path)?.text ?? "";
const table = new Map(TABLES.flatMap((path) => [...codesInTable(text(path))]));

test("both tables are found", () => {
  for (const path of TABLES) expect(codesInTable(text(path)).size, path).toBeGreaterThan(0);
});

test("docs/errors.md equals the tables", () => {
  expect(errorPageProblems(table, codesInPage(text("docs/errors.md")))).toEqual([]);
});

test("every code that the sources use is in a table, and every code of a table is used", () => {
  expect(errorUseProblems(repository(), table, TABLES)).toEqual([]);
});

describe("the rule refuses", () => {
  const codes = codesInTable('  ERR_GATE_SHUT: "It is shut.",\n  ERR_GATE_LOST:\n    "It is \\"lost\\".",');

  test("reads both layouts of a row", () => {
    expect([...codes]).toEqual([
      ["ERR_GATE_SHUT", "It is shut."],
      ["ERR_GATE_LOST", 'It is "lost".'],
    ]);
  });

  test("a missing, a different and an unknown row", () => {
    const page = codesInPage("| `ERR_GATE_SHUT` | It is open. | 2 |\n| ERR_GATE_NEW | New. |\n");
    expect(errorPageProblems(codes, page)).toEqual([
      'docs/errors.md: ERR_GATE_SHUT says "It is open.", not "It is shut."',
      "docs/errors.md: ERR_GATE_LOST is missing",
      "docs/errors.md: ERR_GATE_NEW is in no table",
    ]);
  });

  test("a code without a table, and a code without a use", () => {
    const path = "packages/core/src/errors.ts";
    const files = [
      file(path, '  ERR_GATE_SHUT: "It is shut.",\n  ERR_GATE_LOST: "Lost.",'),
      file(
        "packages/core/src/gate.ts",
        'throw fail("ERR_GATE_SHUT");\nthrow fail("ERR_GATE_TYPO");\n"ERR_SOCKET_CLOSED"',
      ),
    ];
    expect(errorUseProblems(files, codes, [path])).toEqual([
      "packages/core/src/gate.ts:2  ERR_GATE_TYPO is in no table",
      "ERR_GATE_LOST is in a table but nothing uses it",
    ]);
  });
});
