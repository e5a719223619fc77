import { expect, test } from "vitest";
import * as exported from "./index.ts";

test("the package exports every filter by name, and all of them together", () => {
  const { filters, ...named } = exported;
  expect(new Set<unknown>(filters)).toEqual(new Set<unknown>(Object.values(named)));
  expect(filters.map(({ id }) => id).sort()).toEqual([
    "envoy.filters.http.buffer",
    "envoy.filters.http.header_mutation",
    "envoy.filters.http.local_ratelimit",
    "envoy.filters.http.router",
  ]);
});
