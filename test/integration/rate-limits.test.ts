// Limits that routes and virtual hosts describe, in a running proxy: by the proxy itself, over all of its workers, and by a rate limit service.
import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { RateLimitServer } from "../support/rate-limit-service.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const all = { default_value: { numerator: 100 } };
const address = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });

const action = {
  user: { request_headers: { header_name: "x-user", descriptor_key: "user" } },
  generic: (value: string) => ({ generic_key: { descriptor_value: value } }),
};

interface Parts {
  readonly filter: object;
  readonly origin: number;
  readonly limits?: number;
  readonly route?: object;
  readonly host?: object;
}

function bootstrap({ filter, origin, limits = 0, route = {}, host = {} }: Parts): object {
  const cluster = (name: string, port: number, more: object = {}) => ({
    name,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...more,
  });
  const hcm = {
    "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "front",
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              match: { prefix: "/" },
              metadata: { filter_metadata: { tier: { name: "gold" } } },
              route: { cluster: "web", ...route },
            },
          ],
          ...host,
        },
      ],
    },
    http_filters: [filter, { name: "router", typed_config: { "@type": `${FILTERS}.http.router.v3.Router` } }],
  };
  return {
    node: { id: "one", cluster: "edge" },
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        { name: "front", address: address(0), filter_chains: [{ filters: [{ name: "hcm", typed_config: hcm }] }] },
      ],
      clusters: [
        cluster("web", origin),
        cluster("limits", limits === 0 ? origin : limits, {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        }),
      ],
    },
  };
}

const start = (parts: Parts, workers = 0): Promise<RunningProxy> =>
  startProxy(bootstrap(parts) as never, { concurrency: workers });

async function statuses(
  proxy: RunningProxy,
  times: number,
  headers: Record<string, string>,
  path = "/",
): Promise<number[]> {
  const responses = await Promise.all(Array.from({ length: times }, () => send(proxy.port, path, { headers })));
  return responses.map(({ status }) => status).toSorted((a, b) => a - b);
}

describe("local_ratelimit", () => {
  const local = (changes: object) => ({
    name: "local",
    typed_config: {
      "@type": `${FILTERS}.http.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: "local",
      filter_enabled: all,
      filter_enforced: all,
      ...changes,
    },
  });
  const bucket = (max_tokens: number) => ({ max_tokens, fill_interval: "3600s" });

  test("three workers together admit what each descriptor may have", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await start(
      {
        origin: origin.port,
        filter: local({
          descriptors: [
            { entries: [{ key: "user", value: "ann" }], token_bucket: bucket(7) },
            { entries: [{ key: "user", value: "" }], token_bucket: bucket(4) },
          ],
          max_dynamic_descriptors: 1000,
        }),
        host: { rate_limits: [{ actions: [action.user] }] },
      },
      3,
    );
    for (const [user, admitted] of [
      ["ann", 7],
      ["bob", 4],
      ["carol", 4],
    ] as const) {
      const seen = await statuses(proxy, 12, { "x-user": user });
      expect(seen.filter((status) => status === 200)).toHaveLength(admitted);
      expect(seen.filter((status) => status === 429)).toHaveLength(12 - admitted);
    }
  });

  test("connections of clients have buckets of their own", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await start({
      origin: origin.port,
      filter: local({ token_bucket: bucket(1), local_rate_limit_per_downstream_connection: true }),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const seen: number[] = [];
      for (let i = 0; i < 3; i++) seen.push((await send(proxy.port, "/", { agent })).status);
      expect(seen).toEqual([200, 429, 429]);
      expect(await statuses(proxy, 3, {})).toEqual([200, 200, 200]);
    } finally {
      agent.destroy();
    }
  });
});

describe("ratelimit", () => {
  const global = (changes: object = {}) => ({
    name: "limits",
    typed_config: {
      "@type": `${FILTERS}.http.ratelimit.v3.RateLimit`,
      domain: "shop",
      // Not the 20 ms that are the default: the machine may be busy.
      timeout: "10s",
      rate_limit_service: {
        grpc_service: { envoy_grpc: { cluster_name: "limits" } },
        transport_api_version: "V3",
      },
      ...changes,
    },
  });

  test("asks with the descriptors of route and virtual host, by every kind of action", async () => {
    await using origin = await HttpOrigin.start();
    using limits = await RateLimitServer.start(() => ({ overallCode: "OK" }));
    const metadata = (name: string, more: object) => ({
      metadata: { descriptor_key: name, metadata_key: { key: "tier", path: [{ key: "name" }] }, ...more },
    });
    const actions = [
      { source_cluster: {} },
      { destination_cluster: {} },
      action.user,
      { request_headers: { header_name: "x-none", descriptor_key: "none", skip_if_absent: true } },
      { remote_address: {} },
      { masked_remote_address: { v4_prefix_mask_len: 8 } },
      action.generic("a"),
      { generic_key: { descriptor_key: "own", descriptor_value: "b" } },
      {
        header_value_match: {
          descriptor_value: "user",
          headers: [{ name: "x-user", string_match: { prefix: "an" } }],
        },
      },
      {
        header_value_match: {
          descriptor_key: "no",
          descriptor_value: "admin",
          expect_match: false,
          headers: [{ name: "x-admin", present_match: true }],
        },
      },
      {
        query_parameter_value_match: {
          descriptor_value: "q",
          query_parameters: [{ name: "a b", string_match: { exact: "1&2" } }],
        },
      },
      metadata("tier", { source: "ROUTE_ENTRY" }),
      metadata("fallback", { default_value: "none" }),
      metadata("skipped", { skip_if_absent: true }),
    ];
    await using proxy = await start({
      origin: origin.port,
      limits: limits.port,
      filter: global(),
      route: {
        include_vh_rate_limits: true,
        rate_limits: [
          { actions },
          { actions: [{ request_headers: { header_name: "x-none", descriptor_key: "none" } }] },
          { stage: 1, actions: [action.generic("later")] },
        ],
      },
      host: { rate_limits: [{ actions: [action.generic("host")] }] },
    });
    expect(await statuses(proxy, 1, { "x-user": "ann" }, "/?a%20b=1%262")).toEqual([200]);
    const entries = [
      ["source_cluster", "edge"],
      ["destination_cluster", "web"],
      ["user", "ann"],
      ["remote_address", "127.0.0.1"],
      ["masked_remote_address", "127.0.0.0/8"],
      ["generic_key", "a"],
      ["own", "b"],
      ["header_match", "user"],
      ["no", "admin"],
      ["query_match", "q"],
      ["tier", "gold"],
      ["fallback", "none"],
    ].map(([key, value]) => ({ key, value }));
    expect(limits.asked).toEqual([
      { domain: "shop", descriptors: [{ entries }, { entries: [{ key: "generic_key", value: "host" }] }] },
    ]);
  });

  test("two proxies together admit what the service admits", async () => {
    await using origin = await HttpOrigin.start();
    let left = 5;
    using limits = await RateLimitServer.start(() => ({ overallCode: left-- > 0 ? "OK" : "OVER_LIMIT" }));
    const parts = {
      origin: origin.port,
      limits: limits.port,
      filter: global(),
      route: { rate_limits: [{ actions: [action.user] }] },
    };
    await using one = await start(parts);
    await using two = await start(parts);
    const seen = (await Promise.all([one, two].map((proxy) => statuses(proxy, 6, { "x-user": "ann" })))).flat();
    expect(seen.filter((status) => status === 200)).toHaveLength(5);
    expect(seen.filter((status) => status === 429)).toHaveLength(7);
  });

  test.each([
    [false, 200],
    [true, 500],
  ])("with a service that is gone, failure_mode_deny %s: %i", async (failure_mode_deny, expected) => {
    await using origin = await HttpOrigin.start();
    const limits = await RateLimitServer.start(() => ({ overallCode: "OK" }));
    await using proxy = await start({
      origin: origin.port,
      limits: limits.port,
      filter: global({ failure_mode_deny, timeout: "0.02s" }),
      route: { rate_limits: [{ actions: [action.user] }] },
    });
    limits[Symbol.dispose]();
    expect(await statuses(proxy, 3, { "x-user": "ann" })).toEqual([expected, expected, expected]);
  });
});
