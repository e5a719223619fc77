import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { admissionControl } from "./index.ts";

const parse = (config: object): unknown => settingsOf(admissionControl, "config", config);
const http = (...ranges: object[]) => ({
  success_criteria: { http_criteria: { http_success_status: ranges } },
});
const grpc = (...statuses: unknown[]) => ({
  success_criteria: { grpc_criteria: { grpc_success_status: statuses } },
});

describe("admission_control's configuration", () => {
  it("has Envoy's defaults", () => {
    expect(parse({ success_criteria: {} })).toEqual({
      enabled: { isOnByDefault: true, runtimeKey: "" },
      httpSuccess: [{ start: 0, end: 500 }],
      grpcSuccess: [0, 1, 2, 3, 5, 6, 9, 11, 12, 16],
      windowMs: 30_000,
      aggression: { defaultValue: 1, runtimeKey: "" },
      successRateThreshold: { defaultValue: 95, runtimeKey: "" },
      rpsThreshold: { defaultValue: 0, runtimeKey: "" },
      maxRejectionProbability: { defaultValue: 80, runtimeKey: "" },
    });
  });

  it("reads all of it", () => {
    const config = {
      enabled: { default_value: false, runtime_key: "a.on" },
      ...http({ start: 100, end: 400 }, { start: 404, end: 405 }),
      sampling_window: "120.9s",
      aggression: { default_value: 1.5, runtime_key: "a.aggression" },
      sr_threshold: { default_value: { value: 50.5 }, runtime_key: "a.sr" },
      rps_threshold: { default_value: 5, runtime_key: "a.rps" },
      max_rejection_probability: { default_value: { value: 70 }, runtime_key: "a.most" },
    };
    expect(parse(config)).toMatchObject({
      enabled: { isOnByDefault: false, runtimeKey: "a.on" },
      httpSuccess: [
        { start: 100, end: 400 },
        { start: 404, end: 405 },
      ],
      windowMs: 120_000,
      aggression: { defaultValue: 1.5, runtimeKey: "a.aggression" },
      successRateThreshold: { defaultValue: 50.5, runtimeKey: "a.sr" },
      rpsThreshold: { defaultValue: 5, runtimeKey: "a.rps" },
      maxRejectionProbability: { defaultValue: 70, runtimeKey: "a.most" },
    });
  });

  test.each([
    [{}, "success_criteria: expected what counts as a success"],
    [http(), "http_success_status: expected at least one range"],
    [http({ start: 99, end: 200 }), "http_success_status.0.start: expected a whole number from 100 to 599"],
    [http({ start: 200, end: 601 }), "http_success_status.0.end: expected a whole number from 101 to 600"],
    [http({ start: 200, end: 300 }, { start: 300, end: 300 }), "http_success_status.1.end: expected more than start"],
    [grpc(), "grpc_success_status: expected at least one status"],
    [grpc(0, 17), "grpc_success_status: expected whole numbers from 0 to 16"],
    [{ success_criteria: {}, sampling_window: "0.9s" }, "sampling_window: expected a duration from 1s to 86400s"],
    [{ success_criteria: {}, sampling_window: "90000s" }, "sampling_window: expected a duration from 1s"],
    [{ success_criteria: {}, sr_threshold: { default_value: { value: 0.5 } } }, "expected a number from 1 to 100"],
    [{ success_criteria: {}, sr_threshold: { default_value: { value: 101 } } }, "sr_threshold.default_value.value"],
    [
      { success_criteria: {}, max_rejection_probability: { default_value: { value: -1 } } },
      "max_rejection_probability.default_value.value: expected a number from 0 to 100",
    ],
    [{ success_criteria: {}, aggression: { default_value: "2" } }, "aggression.default_value: expected a number"],
    [{ success_criteria: {}, rps_threshold: { default_value: -1 } }, "rps_threshold.default_value: expected a whole"],
    [{ success_criteria: { tcp: {} } }, "unknown field tcp"],
  ] as ReadonlyArray<[object, string]>)("refuses %j: %s", (config, message) => {
    expect(() => parse(config)).toThrow(message);
  });
});
