/** `tcp:` of a listener: the TCP proxy. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptAccessLogs } from "./access-log.ts";
import { adaptSubset, adaptTcpHash } from "./hash.ts";
import type { Section } from "./section.ts";
import { adaptTunneling } from "./tunnel.ts";
import { adaptWeights } from "./weights.ts";

const tcpProxy = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

export function adaptTcp(listener: Section): JsonObject | undefined {
  const proxy = listener.make<JsonObject>({ "@type": `type.googleapis.com/${tcpProxy}` }, "tcp");
  const cluster: Json | undefined = listener.get("tcp");
  const name = listener.text("name");
  if (typeof cluster === "string") {
    proxy["stat_prefix"] = name ?? cluster;
    listener.put(proxy, "cluster", cluster, "tcp");
  } else {
    const section = listener.section("tcp", "tcp");
    if (section === undefined) return undefined;
    const target = section.onlyOne(["cluster", "clusters"]);
    if (target === undefined) section.missing(["cluster", "clusters"]);
    proxy["stat_prefix"] = name ?? section.text("cluster") ?? "tcp";
    section.copyAll(
      {
        stat_prefix: "stat_prefix",
        idle_timeout: "idle_timeout",
        max_connect_attempts: "max_connect_attempts",
        max_connection_duration: "max_downstream_connection_duration",
      },
      proxy,
    );
    if (target === "cluster") section.copy("cluster", proxy);
    if (target === "clusters") section.put(proxy, "weighted_clusters", adaptWeights(section), "clusters");
    adaptTcpHash(section, proxy);
    adaptSubset(section, proxy);
    section.put(proxy, "tunneling_config", adaptTunneling(section), "tunnel");
    adaptAccessLogs(section, proxy);
  }
  return listener.make({ name: "envoy.filters.network.tcp_proxy", typed_config: proxy }, "tcp");
}
