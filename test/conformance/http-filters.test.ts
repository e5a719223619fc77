// The conformance suite on every HTTP filter that this repository ships.
import {
  fakeCluster,
  httpFilterConformance,
  type AnyDefinition,
  type HttpConformanceOptions,
  type Respond,
  type TestRequest,
} from "@sluice/core/testing";
import { filters as all } from "@sluice/filters-l7";
import { describe, expect, test } from "vitest";
import greeting from "../../examples/filters/greeting/src/index.ts";
import { askingRedis, redisLimit } from "./asking-redis.ts";
import { rateLimitService, SHOULD_RATE_LIMIT, withinLimit } from "./asking-limits.ts";
import { CODINGS, compress, compressorLibrary, decompress, decompressorLibrary, TEXT } from "../support/compression.ts";

const append = (key: string, value: string) => ({ append: { header: { key, value } } });
const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };
const bucket = (tokens: number) => ({ max_tokens: tokens, tokens_per_fill: tokens, fill_interval: "60s" });
const session = (type: string, options: object) => ({
  session_state: {
    name: "session",
    typed_config: { "@type": `type.googleapis.com/envoy.extensions.http.stateful_session.${type}`, ...options },
  },
});
const limit = { stat_prefix: "limit", filter_enabled: always, filter_enforced: always };
const mirror = () => ({
  upstream: fakeCluster({ respond: ({ bytes }) => ({ body: bytes.length === 0 ? "hello" : bytes }) }),
});

const grpcFrame = Buffer.from("\0\0\0\0\u0005hello");
/** Calls whose messages are encoded like that, and what a gRPC server answers. */
const calls = (type: string, encoding: "latin1" | "base64" = "latin1"): TestRequest[] => [
  {
    method: "POST",
    path: "/pkg.Echo/Say?a=b",
    headers: { "content-type": `application/${type}`, accept: `application/${type}` },
    body: grpcFrame.toString(encoding),
  },
];
const answerCall: Respond = ({ headers, bytes }) =>
  headers["content-type"]?.startsWith("application/grpc") === true
    ? { headers: { "content-type": "application/grpc" }, chunks: [grpcFrame], trailers: { "grpc-status": "0" } }
    : { body: bytes.length === 0 ? "hello" : bytes };

/** Too large to be compressed at once. */
const LARGE = TEXT.slice(0, 20_000);
const readAll = (bytes: Uint8Array, headers: Readonly<Record<string, string>>): Uint8Array => {
  const coding = CODINGS.find((each) => each === headers["content-encoding"]);
  return coding === undefined || bytes.length === 0 ? bytes : decompress[coding](bytes);
};
/** Whatever came: the same may come as other bytes, and the length of an answer would tell. */
const answerText: Respond = ({ trailers }) => {
  const headers = { "content-type": "text/plain" };
  return trailers === null ? { headers, body: LARGE } : { headers, chunks: [LARGE], trailers: { "x-sum": "9" } };
};
const textOf = (headers: Record<string, string>): TestRequest => ({
  method: "POST",
  path: "/text",
  headers: { "content-type": "text/plain", ...headers },
  body: LARGE,
});
/** Compressed both ways: the upstream sends back what came, as it came. */
const compressed = (coding: (typeof CODINGS)[number]): TestRequest => ({
  method: "POST",
  path: "/compressed",
  headers: { "content-type": "text/plain", "content-encoding": coding },
  body: compress[coding](LARGE),
});

/** Configurations under which each does what it is for. */
const configurations: Readonly<Record<string, readonly HttpConformanceOptions[]>> = {
  "envoy.filters.http.router": [{}, { clusters: mirror }, { clusters: mirror, routes: [] }],
  "envoy.filters.http.header_mutation": [
    {
      config: {
        mutations: {
          request_mutations: [
            append("x-path", "%REQ(:PATH)%"),
            append("x-agent", "%REQ(USER-AGENT)%"),
            { remove: "cookie" },
          ],
          response_mutations: [append("x-client", "%DOWNSTREAM_REMOTE_ADDRESS%"), { remove: "set-cookie" }],
        },
      },
    },
  ],
  "envoy.filters.http.local_ratelimit": [
    { config: { ...limit, token_bucket: bucket(1000) } },
    { config: { ...limit, token_bucket: bucket(1) }, routeConfig: { ...limit, token_bucket: bucket(1) } },
  ],
  "envoy.filters.http.grpc_stats": [
    { config: { stats_for_all_methods: true, emit_filter_state: true }, requests: calls("grpc"), upstream: answerCall },
  ],
  "envoy.filters.http.grpc_web": [
    { requests: calls("grpc-web+proto"), upstream: answerCall },
    { requests: calls("grpc-web-text", "base64"), upstream: answerCall },
    { requests: calls("grpc-web-text", "base64") },
  ],
  "envoy.filters.http.grpc_http1_bridge": [
    { requests: calls("grpc"), upstream: answerCall },
    {
      config: { upgrade_protobuf_to_grpc: true, ignore_query_parameters: true },
      requests: calls("x-protobuf"),
      upstream: answerCall,
    },
  ],
  "envoy.filters.http.compressor": CODINGS.map((coding) => ({
    config: { ...compressorLibrary(coding), request_direction_config: {} },
    requests: [textOf({ "accept-encoding": coding })],
    upstream: answerText,
    meaning: readAll,
    // What is not the library's is the same code: once with many cuts is enough.
    ...(coding !== "gzip" && { runs: 2 }),
  })),
  "envoy.filters.http.decompressor": CODINGS.map((coding) => ({
    config: decompressorLibrary(coding),
    requests: [compressed(coding)],
    upstream: ({ bytes }) => ({
      headers: { "content-encoding": coding },
      body: compress[coding](bytes.length === 0 ? "hello" : bytes),
    }),
  })),
  "envoy.filters.http.dynamic_forward_proxy": [{ config: { dns_cache_config: { name: "c" } } }],
  "envoy.filters.http.set_metadata": [
    { config: { metadata: [{ metadata_namespace: "team", value: { name: "a" }, allow_overwrite: true }] } },
  ],
  "envoy.filters.http.set_filter_state": [
    {
      config: {
        on_request_headers: [
          {
            object_key: "path",
            factory_key: "envoy.string",
            format_string: { text_format: "%REQ(:PATH)% %REQ(USER-AGENT)%" },
            read_only: true,
          },
        ],
      },
    },
  ],
  "envoy.filters.http.header_to_metadata": [
    {
      config: {
        request_rules: [
          { header: "authorization", on_header_present: { key: "who", encode: "BASE64", type: "PROTOBUF_VALUE" } },
          { header: "user-agent", on_header_present: { key: "agent" }, remove: true },
          { cookie: "a", on_header_present: { key: "a" }, on_header_missing: { key: "a", value: "none" } },
        ],
        response_rules: [{ header: "set-cookie", on_header_present: { key: "cookies" } }],
      },
    },
  ],
  "envoy.filters.http.fault": [
    { config: { delay: { fixed_delay: "0.05s", percentage: { numerator: 100 } } } },
    { config: { response_rate_limit: { fixed_limit: { limit_kbps: 100_000 }, percentage: { numerator: 100 } } } },
    { config: { abort: { http_status: 503, percentage: { numerator: 100 } } } },
  ],
  "envoy.filters.http.admission_control": [{ config: { success_criteria: {} } }],
  "envoy.filters.http.adaptive_concurrency": [
    {
      config: {
        gradient_controller_config: {
          concurrency_limit_params: { concurrency_update_interval: "0.1s" },
          min_rtt_calc_params: { interval: "60s" },
        },
      },
    },
  ],
  "envoy.filters.http.bandwidth_limit": [
    { config: { stat_prefix: "bytes", enable_mode: "REQUEST_AND_RESPONSE", limit_kbps: 100_000 } },
    {
      config: { stat_prefix: "bytes" },
      routeConfig: {
        stat_prefix: "bytes",
        enable_mode: "REQUEST_AND_RESPONSE",
        limit_kbps: 100_000,
        enable_response_trailers: true,
      },
    },
  ],
  "envoy.filters.http.stateful_session": [
    { config: session("cookie.v3.CookieBasedSessionState", { cookie: { name: "a", ttl: "60s", path: "/" } }) },
    { config: session("header.v3.HeaderBasedSessionState", { name: "x-session" }) },
    { config: session("envelope.v3.EnvelopeSessionState", { header: { name: "user-agent" } }) },
  ],
  "envoy.filters.http.ratelimit": [
    {
      config: { domain: "shop", rate_limit_service: rateLimitService },
      clusters: () => ({ ...mirror(), limits: fakeCluster({ grpc: { [SHOULD_RATE_LIMIT]: withinLimit } }) }),
      routeConfig: { rate_limits: [{ actions: [{ generic_key: { descriptor_value: "all" } }] }] },
    },
  ],
  // Without a server on that port; with one: below, and test/peers/redis-ratelimit.test.ts.
  "sluice.filters.http.redis_ratelimit": [{ config: { ...redisLimit, failure_mode: "open" } }],
  "sluice.filters.http.fallback": [
    { config: { respond: { status: 503, body: "later" } } },
    {
      config: { cluster: "backup", respond: {} },
      clusters: () => ({ upstream: fakeCluster({ failure: "overflow" }) }),
    },
  ],
  "envoy.filters.http.buffer": [{ config: { max_request_bytes: 100_000 } }, { config: { max_request_bytes: 100 } }],
};

const filters = (all as readonly AnyDefinition[]).filter(({ id }) => !id.startsWith("envoy.filters.network."));
const cases: (readonly [name: string, AnyDefinition, HttpConformanceOptions])[] = [
  ["acme.http.greeting", greeting, { config: { value: "hello" }, routeConfig: { value: "ahoy" } }],
  ["redis_ratelimit with an answer", askingRedis, { config: redisLimit }],
];
for (const filter of filters as readonly AnyDefinition[])
  for (const [i, options] of (configurations[filter.id] ?? []).entries())
    cases.push([`${filter.id}, configuration ${i}`, filter, options]);

test("no filter is left out", () => {
  expect(Object.keys(configurations).sort()).toEqual(filters.map(({ id }) => id).sort());
});

describe.each(cases)("%s", (_name, filter, options) => {
  for (const check of httpFilterConformance(filter, options)) test(check.name, check.run, 60_000);
});
