import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { bandwidthLimit } from "./index.ts";

const parse = (config: object, which: "config" | "routeConfig" = "config"): unknown =>
  settingsOf(bandwidthLimit, which, config);
const on = { stat_prefix: "bytes", enable_mode: "RESPONSE", limit_kbps: 10 };

describe("bandwidth_limit's configuration", () => {
  it("has Envoy's defaults", () => {
    expect(parse({ stat_prefix: "bytes" })).toEqual({
      statPrefix: "bytes",
      limitsRequests: false,
      limitsResponses: false,
      limitKbps: 0,
      fillMs: 50,
      enabled: { isOnByDefault: true, runtimeKey: "" },
      trailerPrefix: null,
    });
  });

  test.each([
    ["DISABLED", false, false],
    ["REQUEST", true, false],
    ["RESPONSE", false, true],
    ["REQUEST_AND_RESPONSE", true, true],
    [3, true, true],
  ])("%s: requests %s, responses %s", (enable_mode, limitsRequests, limitsResponses) => {
    expect(parse({ ...on, enable_mode })).toMatchObject({ limitsRequests, limitsResponses });
    expect(parse({ ...on, enable_mode }, "routeConfig")).toMatchObject({ limitsRequests, limitsResponses });
  });

  it("reads all of it", () => {
    const config = {
      ...on,
      limit_kbps: "70000",
      fill_interval: "0.02s",
      runtime_enabled: { default_value: false, runtime_key: "b.on" },
      enable_response_trailers: true,
      response_trailer_prefix: "X-Proxy",
    };
    expect(parse(config)).toMatchObject({
      limitKbps: 70_000,
      fillMs: 20,
      enabled: { isOnByDefault: false, runtimeKey: "b.on" },
      trailerPrefix: "x-proxy-",
    });
    expect(parse({ ...on, enable_response_trailers: true })).toMatchObject({ trailerPrefix: "" });
  });

  test.each([
    [{}, "stat_prefix: expected the prefix"],
    [{ stat_prefix: "" }, "stat_prefix: expected the prefix"],
    [{ ...on, enable_mode: "BOTH" }, "enable_mode: expected one of DISABLED, REQUEST, RESPONSE, REQUEST_AND_RESPONSE"],
    [{ ...on, enable_mode: 4 }, "enable_mode: expected one of"],
    [{ ...on, limit_kbps: undefined }, "limit_kbps: expected the limit for RESPONSE"],
    [{ ...on, limit_kbps: 0 }, "limit_kbps: expected a whole number from 1"],
    [{ ...on, limit_kbps: "1.5" }, "limit_kbps: expected a whole number from 1"],
    [{ ...on, fill_interval: "0.019s" }, "fill_interval: expected a duration from 0.02s to 1s"],
    [{ ...on, fill_interval: "1.001s" }, "fill_interval: expected a duration from 0.02s to 1s"],
    [{ ...on, response_trailer_prefix: "a b" }, "response_trailer_prefix: expected the beginning of a header's name"],
    [{ ...on, enable_response_trailers: "yes" }, "enable_response_trailers: expected true or false"],
    [{ ...on, limit: 1 }, "unknown field limit"],
  ] as ReadonlyArray<[object, string]>)("refuses %j: %s", (config, message) => {
    for (const which of ["config", "routeConfig"] as const)
      expect(() => parse(JSON.parse(JSON.stringify(config)) as object, which)).toThrow(message);
  });
});
