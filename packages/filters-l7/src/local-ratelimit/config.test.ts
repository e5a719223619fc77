import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { localRateLimit } from "./index.ts";

const base = { stat_prefix: "limit" };
const one = { max_tokens: 1, fill_interval: "1s" };
const open = { entries: [{ key: "a" }], token_bucket: one };
const policy = { actions: [{ remote_address: {} }] };
const own = { dynamic_metadata: { metadata_key: { key: "ns", path: [{ key: "limit" }] } } };
const bucket = (changes: object) => ({ ...base, token_bucket: { max_tokens: 5, fill_interval: "1s", ...changes } });

describe("configuration", () => {
  it("has Envoy's defaults: without percentages and bucket it limits nothing", () => {
    expect(settingsOf(localRateLimit, "config", base)).toMatchObject({
      statPrefix: "limit",
      status: 429,
      bucket: null,
      asResourceExhausted: false,
    });
  });

  it("reads the bucket", () => {
    expect(settingsOf(localRateLimit, "config", bucket({ tokens_per_fill: 2, fill_interval: "0.05s" }))).toMatchObject({
      bucket: { maxTokens: 5, tokensPerFill: 2, fillIntervalMs: 50 },
    });
    expect(settingsOf(localRateLimit, "config", bucket({}))).toMatchObject({
      bucket: { tokensPerFill: 1, fillIntervalMs: 1000 },
    });
  });

  test.each([
    [{ code: "ServiceUnavailable" }, 503],
    [{ code: 418 }, 418],
    [{ code: "OK" }, 429],
    [{ code: "Empty" }, 429],
    [{}, 429],
  ])("status %j is %i", (status, expected) => {
    expect(settingsOf(localRateLimit, "config", { ...base, status })).toMatchObject({ status: expected });
  });

  test.each([
    [{}, "stat_prefix: expected the prefix of the statistics"],
    [{ stat_prefix: "" }, "stat_prefix: expected the prefix"],
    [bucket({ max_tokens: 0 }), "token_bucket.max_tokens: expected a whole number from 1"],
    [bucket({ tokens_per_fill: 0 }), "token_bucket.tokens_per_fill: expected a whole number from 1"],
    [bucket({ fill_interval: "0.049s" }), "token_bucket.fill_interval: expected at least 0.05s"],
    [bucket({ fill_interval: "1m" }), 'token_bucket.fill_interval: expected a duration ("1.5s")'],
    [{ ...base, token_bucket: { max_tokens: 1 } }, "token_bucket.fill_interval: expected at least 0.05s"],
    [{ ...base, status: { code: "Teapot" } }, "status.code: expected a status"],
    [{ ...base, status: { code: 99 } }, "status.code: expected a status"],
    [
      { ...base, filter_enabled: { default_value: { numerator: 1, denominator: "TEN" } } },
      "denominator: expected one of HUNDRED, TEN_THOUSAND, MILLION",
    ],
    [{ ...base, filter_enabled: { default_value: { numerator: -1 } } }, "numerator: expected a whole number from 0"],
    [
      { ...base, response_headers_to_add: [{ header: { key: ":status", value: "1" } }] },
      "response_headers_to_add.0.header.key",
    ],
    [
      { ...base, rate_limited_as_resource_exhausted: "yes" },
      "rate_limited_as_resource_exhausted: expected true or false",
    ],
    [{ ...base, local_cluster_rate_limit: {} }, "unknown field local_cluster_rate_limit"],
    [{ ...base, stage: 11 }, "stage: expected a whole number from 0 to 10"],
    [
      { ...base, max_dynamic_descriptors: 2 ** 19 + 1, descriptors: [{ ...open, entries: [{ key: "b" }] }, open] },
      "max_dynamic_descriptors: expected at most 524288: 2 descriptors",
    ],
    [
      { ...base, descriptors: [{ ...open, token_bucket: { ...one, tokens_per_fill: 2 ** 31 } }] },
      "descriptors.0.token_bucket: expected at most a million tokens",
    ],
    [{ ...base, max_dynamic_descriptors: 0 }, "max_dynamic_descriptors: expected a whole number from 1"],
    [{ ...base, vh_rate_limits: "SOME" }, "vh_rate_limits: expected one of OVERRIDE, INCLUDE, IGNORE"],
    [{ ...base, enable_x_ratelimit_headers: "DRAFT_1" }, "expected OFF or DRAFT_VERSION_03"],
    [{ ...base, descriptors: [{ entries: [], token_bucket: one }] }, "descriptors.0.entries: expected at least one"],
    [{ ...base, descriptors: [{ entries: [{ key: "a" }] }] }, "descriptors.0.token_bucket: expected the bucket"],
    [
      { ...base, descriptors: [{ entries: [{ key: "" }], token_bucket: one }] },
      "descriptors.0.entries.0.key: expected a text that is not empty",
    ],
    [
      { ...base, descriptors: [1, 2].map(() => ({ entries: [{ key: "a", value: "b" }], token_bucket: one })) },
      "descriptors.1.entries: expected another descriptor",
    ],
    [{ ...base, rate_limits: [{ actions: [] }] }, "rate_limits.0.actions: expected at least one action"],
    [{ ...base, rate_limits: [policy, { ...policy, stage: 1 }] }, "rate_limits.1.stage: expected 0, the filter's"],
    [{ ...base, rate_limits: [{ ...policy, disable_key: "off" }] }, "rate_limits.0.disable_key: expected none"],
    [{ ...base, rate_limits: [{ ...policy, limit: own }] }, "rate_limits.0.limit: expected none"],
  ] as ReadonlyArray<[unknown, string]>)("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(localRateLimit, "config", config)).toThrow(message);
  });

  it("of a route is the same message, and needs a bucket", () => {
    expect(settingsOf(localRateLimit, "routeConfig", bucket({}))).toMatchObject({ bucket: { maxTokens: 5 } });
    expect(() => settingsOf(localRateLimit, "routeConfig", base)).toThrow(
      "token_bucket: expected the bucket of this route",
    );
  });
});
