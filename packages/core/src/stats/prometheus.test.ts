// Names and labels as Envoy's, and text that a Prometheus parser takes.
import { describe, expect, test } from "vitest";
import { StatsAggregator } from "./aggregate.ts";
import { writePrometheus } from "./prometheus.ts";
import { StatsStore } from "./stats-store.ts";
import { TagExtractor } from "./tags.ts";

const extractor = new TagExtractor({
  cluster: ["web", "web.internal", "web.internal.b"],
  http: ["ingress_http"],
  tcp: [],
  listener: ["edge.public"],
});

describe("tags", () => {
  test.each([
    ["cluster.web.upstream_rq_total", "cluster.upstream_rq_total", { envoy_cluster_name: "web" }],
    ["cluster.web.upstream_rq_200", "cluster.upstream_rq", { envoy_cluster_name: "web", envoy_response_code: "200" }],
    [
      "cluster.web.upstream_rq_5xx",
      "cluster.upstream_rq_xx",
      { envoy_cluster_name: "web", envoy_response_code_class: "5" },
    ],
    ["cluster.web.internal.upstream_cx_active", "cluster.upstream_cx_active", { envoy_cluster_name: "web.internal" }],
    [
      "cluster.web.internal.b.upstream_cx_active",
      "cluster.upstream_cx_active",
      { envoy_cluster_name: "web.internal.b" },
    ],
    ["cluster.unknown.membership_total", "cluster.membership_total", { envoy_cluster_name: "unknown" }],
    [
      "cluster.web.ssl.ciphers.TLS_AES_128_GCM_SHA256",
      "cluster.ssl.ciphers",
      { envoy_cluster_name: "web", cipher_suite: "TLS_AES_128_GCM_SHA256" },
    ],
    ["cluster.web.grpc.success", "cluster.grpc.success", { envoy_cluster_name: "web" }],
    ["cluster.web.grpc.upstream_rq_time", "cluster.grpc.upstream_rq_time", { envoy_cluster_name: "web" }],
    ...(["grpc", "grpc-web"] as const).map((protocol): [string, string, Record<string, string>] => [
      `cluster.web.internal.${protocol}.pkg.v1.Echo.Say.request_message_count`,
      `cluster.${protocol}.request_message_count`,
      {
        envoy_cluster_name: "web.internal",
        envoy_grpc_bridge_service: "pkg.v1.Echo",
        envoy_grpc_bridge_method: "Say",
      },
    ]),
    [
      "http.ingress_http.downstream_rq_2xx",
      "http.downstream_rq_xx",
      { envoy_http_conn_manager_prefix: "ingress_http", envoy_response_code_class: "2" },
    ],
    ["http.admin.downstream_cx_total", "http.downstream_cx_total", { envoy_http_conn_manager_prefix: "admin" }],
    [
      "listener.0.0.0.0_10000.downstream_cx_total",
      "listener.downstream_cx_total",
      { envoy_listener_address: "0.0.0.0_10000" },
    ],
    [
      "listener.[__1]_10000.downstream_cx_total",
      "listener.downstream_cx_total",
      { envoy_listener_address: "[__1]_10000" },
    ],
    [
      "listener.edge.public.ssl.cipher.ECDHE",
      "listener.ssl.ciphers",
      { envoy_listener_address: "edge.public", envoy_ssl_cipher: "ECDHE" },
    ],
    ["tcp.redis.downstream_cx_rx_bytes_total", "tcp.downstream_cx_rx_bytes_total", { envoy_tcp_prefix: "redis" }],
    ["server.worker_3.watchdog_miss", "server.worker_watchdog_miss", { envoy_worker_id: "3" }],
    [
      "rate_limiter.http_local_rate_limit.rate_limited",
      "http_local_rate_limit.rate_limited",
      { envoy_local_http_ratelimit_prefix: "rate_limiter" },
    ],
    ["server.live", "server.live", {}],
    ["listener_manager.total_listeners_active", "listener_manager.total_listeners_active", {}],
    ["plain", "plain", {}],
  ])("of %s", (fullName, name, tags) => {
    const tagged = extractor.extract(fullName);
    expect(tagged.name).toBe(name);
    expect(Object.fromEntries(tagged.tags)).toEqual(tags);
  });
});

async function written(fill: (store: StatsStore) => void): Promise<string> {
  const aggregator = new StatsAggregator();
  const store = new StatsStore(aggregator.thread(() => {}));
  fill(store);
  await Promise.resolve();
  return writePrometheus(aggregator.snapshot(), extractor);
}

describe("the text", () => {
  test("groups the series of one name under one type", async () => {
    const text = await written((store) => {
      store.counter("cluster.web.upstream_rq_200").inc(3);
      store.counter("cluster.web.upstream_rq_503").inc();
      store.gauge("cluster.a-b.membership_total").set(2);
    });
    expect(text).toBe(
      [
        "# TYPE envoy_cluster_membership_total gauge",
        'envoy_cluster_membership_total{envoy_cluster_name="a-b"} 2',
        "",
        "# TYPE envoy_cluster_upstream_rq counter",
        'envoy_cluster_upstream_rq{envoy_cluster_name="web",envoy_response_code="200"} 3',
        'envoy_cluster_upstream_rq{envoy_cluster_name="web",envoy_response_code="503"} 1',
        "",
        "",
      ].join("\n"),
    );
  });

  test("writes histograms cumulatively, with sum and count", async () => {
    const text = await written((store) => {
      const histogram = store.histogram("cluster.web.time", [0.5, 10]);
      for (const value of [0.1, 0.2, 3, 50]) histogram.record(value);
    });
    expect(text.split("\n").slice(0, 6)).toEqual([
      "# TYPE envoy_cluster_time histogram",
      'envoy_cluster_time_bucket{envoy_cluster_name="web",le="0.5"} 2',
      'envoy_cluster_time_bucket{envoy_cluster_name="web",le="10"} 3',
      'envoy_cluster_time_bucket{envoy_cluster_name="web",le="+Inf"} 4',
      'envoy_cluster_time_sum{envoy_cluster_name="web"} 53.3',
      'envoy_cluster_time_count{envoy_cluster_name="web"} 4',
    ]);
  });

  test("escapes label values and sanitises names", async () => {
    const text = await written((store) => {
      store.counter('cluster.a"b\\c.up-stream').inc();
      store.counter("acme.größe").inc();
    });
    expect(text).toContain('envoy_cluster_up_stream{envoy_cluster_name="a\\"b\\\\c"} 1');
    expect(text).toContain("envoy_acme_gr__e{} 1");
  });

  test("gives two kinds that come to one name two names", async () => {
    const text = await written((store) => {
      store.counter("cluster.a.x").inc();
      store.gauge("cluster.b.x").set(1);
      store.gauge("cluster.c.x").set(2);
    });
    expect(text).toContain("# TYPE envoy_cluster_x counter\n");
    expect(text).toContain("# TYPE envoy_cluster_x_gauge gauge\n");
    expect(text.match(/# TYPE/g)).toHaveLength(2);
  });
});
