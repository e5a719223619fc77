// The pages that list filters list all of them. UPDATE_DOCS=1 writes docs/filters.md anew.
import { readFileSync, writeFileSync } from "node:fs";
import { filters as l4 } from "@sluice/filters-l4";
import { filters as l7 } from "@sluice/filters-l7";
import { expect, test } from "vitest";
import { root } from "../guard/tree.ts";
import { filterIndex } from "./filter-index.ts";

test("docs/filters.md is what the definitions say", () => {
  const path = `${root}docs/filters.md`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, filterIndex());
  expect(readFileSync(path, "utf8")).toBe(filterIndex());
});

test.each([
  ["filters-l4", l4],
  ["filters-l7", l7],
])("the page of %s for npm names its filters and no others", (name, filters: readonly { readonly id: string }[]) => {
  const page = readFileSync(`${root}packages/${name}/README.md`, "utf8");
  const listed = [...page.matchAll(/^\| `([\w.]+)` +\|/gm)].map(([, id]) => id);
  expect(listed).toHaveLength(filters.length);
  expect(listed).toEqual(expect.arrayContaining(filters.map(({ id }) => id)));
});
