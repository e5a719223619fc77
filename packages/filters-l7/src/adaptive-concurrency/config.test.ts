import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { adaptiveConcurrency } from "./index.ts";

const parse = (config: object): unknown => settingsOf(adaptiveConcurrency, "config", config);
const of = (changes: { limit?: object; minRtt?: object; gradient?: object; filter?: object } = {}) => ({
  gradient_controller_config: {
    concurrency_limit_params: { concurrency_update_interval: "0.1s", ...changes.limit },
    min_rtt_calc_params: { interval: "60s", ...changes.minRtt },
    ...changes.gradient,
  },
  ...changes.filter,
});

describe("adaptive_concurrency's configuration", () => {
  it("has Envoy's defaults", () => {
    expect(parse(of())).toEqual({
      enabled: { isOnByDefault: true, runtimeKey: "" },
      status: 503,
      gradient: {
        percentile: 50,
        maxLimit: 1000,
        minLimit: 0,
        updateIntervalMs: 100,
        minRttIntervalMs: 60_000,
        fixedMinRttMs: 0,
        requestCount: 50,
        jitterPercent: 15,
        minConcurrency: 3,
        bufferPercent: 25,
      },
    });
  });

  it("reads all of it", () => {
    const config = of({
      limit: { max_concurrency_limit: 99, min_concurrency_limit: 7 },
      minRtt: { request_count: 9, jitter: { value: 0 }, min_concurrency: 5, buffer: { value: 12.5 } },
      gradient: { sample_aggregate_percentile: { value: 90 } },
      filter: {
        enabled: { default_value: false, runtime_key: "a.on" },
        concurrency_limit_exceeded_status: { code: "TooManyRequests" },
      },
    });
    expect(parse(config)).toMatchObject({
      enabled: { isOnByDefault: false, runtimeKey: "a.on" },
      status: 429,
      gradient: { percentile: 90, maxLimit: 99, minLimit: 7, requestCount: 9, jitterPercent: 0, minConcurrency: 5 },
    });
    expect(parse(of({ minRtt: { interval: undefined, fixed_value: "0.025s" } }))).toMatchObject({
      gradient: { minRttIntervalMs: 0, fixedMinRttMs: 25 },
    });
    expect(parse(of({ filter: { concurrency_limit_exceeded_status: { code: "OK" } } }))).toMatchObject({ status: 503 });
  });

  test.each([
    [{}, "gradient_controller_config: expected a mapping"],
    [{ gradient_controller_config: {} }, "concurrency_limit_params: expected a mapping"],
    [of({ gradient: { min_rtt_calc_params: undefined } }), "min_rtt_calc_params: expected a mapping"],
    [of({ limit: { concurrency_update_interval: undefined } }), "concurrency_update_interval: expected a duration of"],
    [of({ limit: { concurrency_update_interval: "0s" } }), "expected a duration of more than 0s"],
    [of({ limit: { max_concurrency_limit: 0 } }), "max_concurrency_limit: expected a whole number from 1"],
    [of({ limit: { min_concurrency_limit: 0 } }), "min_concurrency_limit: expected a whole number from 1"],
    [of({ minRtt: { interval: "0.0005s" } }), "interval: expected at least 0.001s"],
    [of({ minRtt: { interval: undefined } }), "interval: expected interval or fixed_value"],
    [of({ minRtt: { fixed_value: "1s" } }), "fixed_value: interval and fixed_value are both set"],
    [of({ minRtt: { interval: undefined, fixed_value: "0s" } }), "fixed_value: expected a duration of more than 0s"],
    [of({ minRtt: { request_count: 0 } }), "request_count: expected a whole number from 1"],
    [of({ minRtt: { jitter: { value: 101 } } }), "jitter.value: expected a number from 0 to 100"],
    [of({ minRtt: { min_concurrency: 1.5 } }), "min_concurrency: expected a whole number from 1"],
    [of({ minRtt: { buffer: { value: "9" } } }), "buffer.value: expected a number"],
    [of({ gradient: { sample_aggregate_percentile: { value: -1 } } }), "sample_aggregate_percentile.value"],
    [of({ filter: { concurrency_limit_exceeded_status: { code: 99 } } }), "code: expected a status"],
    [of({ gradient: { aimd: {} } }), "unknown field aimd"],
  ] as ReadonlyArray<[object, string]>)("refuses %j: %s", (config, message) => {
    expect(() => parse(JSON.parse(JSON.stringify(config)) as object)).toThrow(message);
  });
});
