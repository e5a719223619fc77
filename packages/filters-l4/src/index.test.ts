import { DEFINITION, type Marked } from "@sluice/sdk";
import { expect, test } from "vitest";
import { filters, listenerFilters, networkFilters } from "./index.ts";

const kindOf = (definition: object): unknown => (definition as unknown as Marked)[DEFINITION];

test("every network filter is a marked definition under Envoy's name", () => {
  expect(networkFilters.map(({ id }) => id)).toEqual([
    "envoy.filters.network.direct_response",
    "envoy.filters.network.echo",
    "envoy.filters.network.local_ratelimit",
    "envoy.filters.network.tcp_proxy",
  ]);
  for (const definition of networkFilters) {
    expect(kindOf(definition)).toBe("network");
    expect("terminal" in definition, definition.id).toBe(definition.id !== "envoy.filters.network.local_ratelimit");
  }
});

test("every listener filter is a marked definition under Envoy's name", () => {
  expect(listenerFilters.map(({ id }) => id)).toEqual([
    "envoy.filters.listener.http_inspector",
    "envoy.filters.listener.local_ratelimit",
    "envoy.filters.listener.proxy_protocol",
    "envoy.filters.listener.tls_inspector",
  ]);
  for (const definition of listenerFilters) expect(kindOf(definition)).toBe("listener");
});

test("what is registered is all of them", () => {
  expect(new Set(filters)).toEqual(new Set([...listenerFilters, ...networkFilters]));
});
