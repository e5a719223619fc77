import { DEFINITION, type Marked } from "@sluice/sdk";
import { expect, test } from "vitest";
import { filters } from "./index.ts";

test("every filter is a marked, terminal network definition under Envoy's name", () => {
  expect(filters.map(({ id }) => id)).toEqual([
    "envoy.filters.network.direct_response",
    "envoy.filters.network.echo",
    "envoy.filters.network.tcp_proxy",
  ]);
  for (const definition of filters) {
    expect((definition as unknown as Marked)[DEFINITION]).toBe("network");
    expect(definition.terminal).toBe(true);
  }
});
