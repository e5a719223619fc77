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
      hash: null,
      tunnel: null,
      logsOnConnected: false,
      logIntervalMs: 0,
    },
  });
});

test("everything set; access logs are left to the engine", () => {
  const clusters = [
    { name: "a", weight: 1, metadata_match: { filter_metadata: { "envoy.lb": { v: 2, w: 3 }, other: { x: 1 } } } },
    { name: "b", weight: 3 },
  ];
  const value = {
    stat_prefix: "t",
    metadata_match: { filter_metadata: { "envoy.lb": { v: 1 } } },
    hash_policy: [{ filter_state: { key: "k" } }],
    weighted_clusters: { clusters },
    idle_timeout: "0s",
    max_connect_attempts: 3,
    max_downstream_connection_duration: "1.5s",
    access_log: [{}],
    access_log_options: { flush_access_log_on_connected: true, access_log_flush_interval: "2s" },
    tunneling_config: {
      hostname: "%REQUESTED_SERVER_NAME%:443",
      use_post: true,
      post_path: "/tunnel",
      headers_to_add: [
        { header: { key: "X-A", value: "%DOWNSTREAM_REMOTE_ADDRESS%" }, append_action: "ADD_IF_ABSENT" },
        { header: { key: "x-b", raw_value: "w6Q=" }, append: false, keep_empty_value: true },
      ],
      propagate_response_headers: true,
      propagate_response_trailers: true,
    },
  };
  expect(judge(value)).toEqual({
    value: {
      statPrefix: "t",
      targets: [
        { cluster: "a", weight: 1, subset: { v: 2, w: 3 } },
        { cluster: "b", weight: 3, subset: { v: 1 } },
      ],
      totalWeight: 4,
      idleTimeoutMs: 0,
      maxConnectAttempts: 3,
      maxDownstreamConnectionDurationMs: 1500,
      hash: { kind: "filter_state", key: "k" },
      tunnel: {
        hostname: "%REQUESTED_SERVER_NAME%:443",
        postPath: "/tunnel",
        headers: [
          { name: "x-a", text: "%DOWNSTREAM_REMOTE_ADDRESS%", action: "add_if_absent", keepsEmpty: false },
          { name: "x-b", text: "ä", action: "overwrite_or_add", keepsEmpty: true },
        ],
        keepsResponseHeaders: true,
        keepsResponseTrailers: true,
      },
      logsOnConnected: true,
      logIntervalMs: 2000,
    },
  });
});

test("the older names of the log's options, and a POST without a path", () => {
  const value = {
    stat_prefix: "t",
    cluster: "c",
    flush_access_log_on_connected: true,
    access_log_flush_interval: "1s",
    tunneling_config: { hostname: "a:1", use_post: true },
  };
  expect(judge(value)).toMatchObject({
    value: { logsOnConnected: true, logIntervalMs: 1000, tunnel: { postPath: "/", headers: [] } },
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
    ["two hash policies", { ...base, hash_policy: [{ source_ip: {} }, { source_ip: {} }] }, ["hash_policy", 1]],
    ["a hash of nothing", { ...base, hash_policy: [{}] }, ["hash_policy", 0]],
    [
      "a hash of two things",
      { ...base, hash_policy: [{ source_ip: {}, filter_state: { key: "k" } }] },
      ["hash_policy", 0],
    ],
    ["no key", { ...base, hash_policy: [{ filter_state: {} }] }, ["hash_policy", 0, "filter_state", "key"]],
    ["metadata that is none", { ...base, metadata_match: 1 }, ["metadata_match"]],
    ["no attempt", { ...base, max_connect_attempts: 0 }, ["max_connect_attempts"]],
    ["half an attempt", { ...base, max_connect_attempts: 1.5 }, ["max_connect_attempts"]],
    ["a duration without a unit", { ...base, idle_timeout: "5" }, ["idle_timeout"]],
    ["a negative duration", { ...base, idle_timeout: "-1s" }, ["idle_timeout"]],
    [
      "no duration at all",
      { ...base, max_downstream_connection_duration: "0s" },
      ["max_downstream_connection_duration"],
    ],
    ["an unknown field", { ...base, upstream_idle_timeout: "1s" }, ["upstream_idle_timeout"]],
    ["a tunnel to nowhere", { ...base, tunneling_config: {} }, ["tunneling_config", "hostname"]],
    [
      "a path without POST",
      { ...base, tunneling_config: { hostname: "a:1", post_path: "/x" } },
      ["tunneling_config", "post_path"],
    ],
    [
      "a path that is none",
      { ...base, tunneling_config: { hostname: "a:1", use_post: true, post_path: "x" } },
      ["tunneling_config", "post_path"],
    ],
    ...["host", ":path", "content-length", "no name", ""].map((key): [string, unknown, (string | number)[]] => [
      `the header ${JSON.stringify(key)}`,
      { ...base, tunneling_config: { hostname: "a:1", headers_to_add: [{ header: { key, value: "v" } }] } },
      ["tunneling_config", "headers_to_add", 0, "header", "key"],
    ]),
    [
      "an action that is none",
      {
        ...base,
        tunneling_config: { hostname: "a:1", headers_to_add: [{ header: { key: "a" }, append_action: "x" }] },
      },
      ["tunneling_config", "headers_to_add", 0, "append_action"],
    ],
    [
      "a log interval of nothing",
      { ...base, access_log_options: { access_log_flush_interval: "0s" } },
      ["access_log_options", "access_log_flush_interval"],
    ],
    [
      "both ways to say when to log",
      { ...base, access_log_options: {}, flush_access_log_on_connected: true },
      ["flush_access_log_on_connected"],
    ],
    ["no mapping", "redis", []],
  ])("%s", (_title, value, path) => {
    const verdict = judge(value);
    expect(verdict).toHaveProperty("issues.0.path", path);
  });
});
