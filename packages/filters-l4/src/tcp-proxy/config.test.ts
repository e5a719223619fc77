import { describe, expect, test } from "vitest";
import { tcpProxyConfig } from "./config.ts";

const judge = (value: unknown) => tcpProxyConfig["~standard"].validate(value);

test("Envoy's defaults", () => {
  expect(judge({ stat_prefix: "redis", cluster: "redis" })).toEqual({
    value: {
      statPrefix: "redis",
      targets: [{ cluster: "redis", weight: 1 }],
      totalWeight: 1,
      idleTimeoutMs: 3_600_000,
      maxConnectAttempts: 1,
      maxDownstreamConnectionDurationMs: 0,
    },
  });
});

test("everything set; access logs are left to the engine", () => {
  const clusters = [
    { name: "a", weight: 1 },
    { name: "b", weight: 3 },
  ];
  const value = {
    stat_prefix: "t",
    weighted_clusters: { clusters },
    idle_timeout: "0s",
    max_connect_attempts: 3,
    max_downstream_connection_duration: "1.5s",
    access_log: [{}],
  };
  expect(judge(value)).toEqual({
    value: {
      statPrefix: "t",
      targets: [
        { cluster: "a", weight: 1 },
        { cluster: "b", weight: 3 },
      ],
      totalWeight: 4,
      idleTimeoutMs: 0,
      maxConnectAttempts: 3,
      maxDownstreamConnectionDurationMs: 1500,
    },
  });
});

describe("refusals", () => {
  const base = { stat_prefix: "t", cluster: "c" };
  test.each([
    ["no stat_prefix", { cluster: "c" }, ["stat_prefix"]],
    ["no cluster", { stat_prefix: "t" }, ["cluster"]],
    [
      "both kinds of clusters",
      { ...base, weighted_clusters: { clusters: [{ name: "a", weight: 1 }] } },
      ["weighted_clusters"],
    ],
    ["an empty list", { stat_prefix: "t", weighted_clusters: { clusters: [] } }, ["weighted_clusters", "clusters"]],
    [
      "no name",
      { stat_prefix: "t", weighted_clusters: { clusters: [{ weight: 1 }] } },
      ["weighted_clusters", "clusters", 0, "name"],
    ],
    [
      "no weight",
      { stat_prefix: "t", weighted_clusters: { clusters: [{ name: "a" }] } },
      ["weighted_clusters", "clusters", 0, "weight"],
    ],
    [
      "metadata of a cluster",
      { stat_prefix: "t", weighted_clusters: { clusters: [{ name: "a", weight: 1, metadata_match: {} }] } },
      ["weighted_clusters", "clusters", 0, "metadata_match"],
    ],
    ["no attempt", { ...base, max_connect_attempts: 0 }, ["max_connect_attempts"]],
    ["half an attempt", { ...base, max_connect_attempts: 1.5 }, ["max_connect_attempts"]],
    ["a duration without a unit", { ...base, idle_timeout: "5" }, ["idle_timeout"]],
    ["a negative duration", { ...base, idle_timeout: "-1s" }, ["idle_timeout"]],
    [
      "no duration at all",
      { ...base, max_downstream_connection_duration: "0s" },
      ["max_downstream_connection_duration"],
    ],
    ["an unknown field", { ...base, tunneling_config: {} }, ["tunneling_config"]],
    ["no mapping", "redis", []],
  ])("%s", (_title, value, path) => {
    const verdict = judge(value);
    expect(verdict).toHaveProperty("issues.0.path", path);
  });
});
