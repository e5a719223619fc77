import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { rateLimit } from "./index.ts";

const grpc_service = { envoy_grpc: { cluster_name: "limits" } };
const base = { domain: "shop", rate_limit_service: { grpc_service, transport_api_version: "V3" } };
const service = (changes: object) => ({
  ...base,
  rate_limit_service: { grpc_service: { ...grpc_service, ...changes } },
});

describe("configuration", () => {
  it("has Envoy's defaults", () => {
    expect(settingsOf(rateLimit, "config", base)).toEqual({
      domain: "shop",
      stage: 0,
      requestType: "both",
      timeoutMs: 20,
      deniesOnFailure: false,
      asResourceExhausted: false,
      service: { cluster: "limits", authority: "", timeoutMs: -1, metadata: {} },
      tellsLimits: false,
      marksRefused: true,
      status: 429,
      statusOnError: 500,
      responseHeaders: [],
      statPrefix: "",
    });
  });

  it("reads the service", () => {
    const given = {
      envoy_grpc: { cluster_name: "limits", authority: "limits.example" },
      timeout: "0.3s",
      initial_metadata: [{ key: "X-Key", value: "1" }],
    };
    expect(settingsOf(rateLimit, "config", service(given))).toMatchObject({
      timeoutMs: 300,
      service: { cluster: "limits", authority: "limits.example", metadata: { "x-key": "1" } },
    });
    expect(settingsOf(rateLimit, "config", { ...service(given), timeout: "1s" })).toMatchObject({ timeoutMs: 1000 });
  });

  test.each([
    [{}, "domain: expected the domain of the limits"],
    [{ domain: "shop" }, "rate_limit_service: expected the service to ask"],
    [{ ...base, rate_limit_service: {} }, "rate_limit_service.grpc_service: expected the service to ask"],
    [{ ...base, rate_limit_service: { grpc_service: {} } }, "envoy_grpc: expected the cluster of the service"],
    [service({ envoy_grpc: {} }), "cluster_name: expected the name of a cluster"],
    [service({ google_grpc: {} }), "unknown field google_grpc"],
    [service({ initial_metadata: [{ key: "a-bin", value: "1" }] }), "expected metadata that is text"],
    [{ ...base, rate_limit_service: { grpc_service, transport_api_version: "V2" } }, "expected V3"],
    [{ ...base, request_type: "some" }, "request_type: expected one of internal, external, both"],
    [{ ...base, stage: 11 }, "stage: expected a whole number from 0 to 10"],
    [{ ...base, enable_x_ratelimit_headers: "DRAFT" }, "expected OFF or DRAFT_VERSION_03"],
  ] as ReadonlyArray<[unknown, string]>)("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(rateLimit, "config", config)).toThrow(message);
  });

  it("of a route: the virtual host's limits, limits of its own, a domain", () => {
    expect(settingsOf(rateLimit, "routeConfig", {})).toEqual({ virtualHost: "override", rateLimits: [], domain: "" });
    expect(
      settingsOf(rateLimit, "routeConfig", {
        vh_rate_limits: "INCLUDE",
        domain: "other",
        rate_limits: [{ stage: 2, actions: [{ remote_address: {} }] }],
      }),
    ).toEqual({
      virtualHost: "include",
      domain: "other",
      rateLimits: [{ stage: 2, disableKey: "", actions: [{ kind: "remote_address" }], limit: null }],
    });
    expect(() => settingsOf(rateLimit, "routeConfig", { override_option: "OVERRIDE_POLICY" })).toThrow(
      "unknown field override_option",
    );
  });
});
