import { describe, expect, test } from "vitest";
import { bindYaml } from "../../../../../test/support/bind-yaml.ts";
import type { SupportTable } from "./bind.ts";
import type { Cluster } from "./generated/envoy/config/cluster/v3/cluster_pb.js";

const clusterType = "envoy.config.cluster.v3.Cluster";
const supported: SupportTable = new Map<string, ReadonlySet<string> | "all">([
  [
    clusterType,
    new Set(["name", "connect_timeout", "circuit_breakers", "metadata", "transport_socket", "eds_cluster_config"]),
  ],
  ["envoy.config.cluster.v3.CircuitBreakers", "all"],
  ["envoy.config.cluster.v3.CircuitBreakers.Thresholds", new Set(["max_connections"])],
  ["envoy.config.core.v3.Metadata", "all"],
  ["envoy.config.core.v3.TransportSocket", "all"],
  ["envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", "all"],
]);

const cluster = (text: string, allowUnsupported = false) =>
  bindYaml<Cluster>(clusterType, `name: a\n${text}`, { supported, allowUnsupported });

describe("what is not in the table", () => {
  test("a field is told at its key, with what is supported there", () => {
    expect(cluster("circuit_breakers:\n  thresholds:\n    - { maxRequests: 1, max_connections: 2 }").lines).toEqual([
      "4:9 circuit_breakers.thresholds[0].maxRequests max_requests is not supported by Sluice; supported here: max_connections",
    ]);
  });

  test("a field is told even where it is set to its default", () => {
    expect(cluster("respect_dns_ttl: false").lines).toEqual([
      expect.stringMatching(/^2:1 respect_dns_ttl respect_dns_ttl is not supported/),
    ]);
    expect(cluster("respect_dns_ttl: null").lines).toEqual([]);
  });

  test("a message is told once, where it is used, and nothing below it", () => {
    const { lines } = cluster("eds_cluster_config: { nope: 1, eds_config: { ads: [] } }");
    expect(lines).toEqual([
      "2:1 eds_cluster_config envoy.config.cluster.v3.Cluster.EdsClusterConfig is not supported by Sluice",
    ]);
  });

  test("well-known types need no entry", () => {
    expect(cluster("connect_timeout: 1s\nmetadata: { filter_metadata: { a: { b: 1 } } }").lines).toEqual([]);
  });

  test("the table holds inside an Any", () => {
    const socket = (type: string) =>
      cluster(`transport_socket: { name: x, typed_config: { "@type": type.googleapis.com/${type} } }`).lines;
    expect(socket("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")).toEqual([]);
    expect(socket("envoy.extensions.transport_sockets.alts.v3.Alts")).toEqual([
      expect.stringContaining(
        "typed_config.@type envoy.extensions.transport_sockets.alts.v3.Alts is not supported by Sluice",
      ),
    ]);
  });

  test("an unknown field is unknown, not unsupported", () => {
    expect(cluster("circuit_breakers: { threshold: [] }").lines).toEqual([
      expect.stringContaining('unknown field; did you mean "thresholds"?'),
    ]);
  });

  test("the root itself must be in the table", () => {
    expect(bindYaml("envoy.config.route.v3.Route", "name: a", { supported }).lines).toEqual([
      "1:1 envoy.config.route.v3.Route is not supported by Sluice",
    ]);
  });
});

describe("allowUnsupported", () => {
  test("makes warnings of fields and leaves them out", () => {
    const { lines, tree, problems } = cluster("lb_policy: NOPE\neds_cluster_config: {}", true);
    expect(problems.hasErrors).toBe(false);
    expect(lines).toEqual([
      expect.stringContaining("2:1 lb_policy warning: lb_policy is not supported by Sluice; supported here: name, "),
      expect.stringMatching(/^3:1 eds_cluster_config warning: .*EdsClusterConfig is not supported by Sluice$/),
    ]);
    expect(tree.isDamaged(tree.root)).toBe(false);
    expect(tree.root.lbPolicy).toBe(0);
    expect(tree.root.edsClusterConfig).toBeUndefined();
  });

  test("does not open a chain to an extension that is missing", () => {
    const { problems } = cluster(
      'transport_socket: { name: x, typed_config: { "@type": x/envoy.extensions.transport_sockets.alts.v3.Alts } }',
      true,
    );
    expect([...problems]).toMatchObject([{ severity: "error", code: "ERR_CONFIG_UNSUPPORTED" }]);
  });
});
