import { expect, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { dynamicForwardProxy } from "./index.ts";

const cache = { dns_cache_config: { name: "c" } };

test("the cache is named, and the address may be kept", () => {
  expect(settingsOf(dynamicForwardProxy, "config", cache)).toEqual({ savesAddress: false });
  expect(settingsOf(dynamicForwardProxy, "config", { ...cache, save_upstream_address: true })).toEqual({
    savesAddress: true,
  });
});

test.each([
  [{}, "dns_cache_config: expected that of the dynamic forward proxy cluster"],
  [{ ...cache, sub_cluster_config: {} }, "sub_cluster_config: unknown field sub_cluster_config"],
  [{ ...cache, save_upstream_address: 1 }, "save_upstream_address: expected true or false"],
])("%j is refused: %s", (config, message) => {
  expect(() => settingsOf(dynamicForwardProxy, "config", config)).toThrow(message);
});

test("a route has a literal or a header", () => {
  expect(settingsOf(dynamicForwardProxy, "routeConfig", { host_rewrite_literal: "a.test" })).toEqual({
    literal: "a.test",
    header: "",
  });
  expect(settingsOf(dynamicForwardProxy, "routeConfig", { host_rewrite_header: "X-Host" })).toEqual({
    literal: "",
    header: "x-host",
  });
});

test.each([
  [{ host_rewrite_literal: "a", host_rewrite_header: "b" }, "host_rewrite_header: host_rewrite_literal and"],
  [{ host_rewrite_literal: "a b" }, "host_rewrite_literal: expected a host"],
])("%j is refused on a route: %s", (config, message) => {
  expect(() => settingsOf(dynamicForwardProxy, "routeConfig", config)).toThrow(message);
});
