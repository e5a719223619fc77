// The pages lead where they say.
import { describe, expect, test } from "vitest";
import { linkProblems } from "./rules/links.ts";
import { file, repository } from "./tree.ts";

test("every relative link of every page leads somewhere", () => {
  expect(linkProblems(repository())).toEqual([]);
});

describe("the rule", () => {
  const house = [file("docs/a.md", "# The `gate`, open\n## Two\n## Two\n"), file("packages/sdk/src/index.ts")];
  const check = (text: string): string[] => linkProblems([...house, file("docs/b.md", text)]);

  test("follows files, folders, anchors and addresses elsewhere", () => {
    expect(
      check("[a](a.md) [b](../packages/sdk) [c](../packages/sdk/src/) [d](a.md#the-gate-open) [e](a.md#two-1)"),
    ).toEqual([]);
    expect(check("# Here\n[f](#here) [g](https://example.com/x.md#y) [h](mailto:a@example.com)")).toEqual([]);
    expect(check("`[code](nowhere.md)`\n```\n[more](nowhere.md)\n```")).toEqual([]);
  });

  test("refuses dead ones, with their line", () => {
    expect(check("\n[a](c.md)")).toEqual(["docs/b.md:2  c.md: leads nowhere"]);
    expect(check("[a](../packages/core)")).toEqual(["docs/b.md:1  ../packages/core: leads nowhere"]);
    expect(check("[a](a.md#shut)")).toEqual(["docs/b.md:1  a.md#shut: there is no such heading"]);
    expect(check("[a](#here)")).toEqual(["docs/b.md:1  #here: there is no such heading"]);
  });
});
