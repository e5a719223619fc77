/** Where a cluster's hosts come from, in the schema of the short form. */
import type { ClusterConfig } from "../config/define-config.ts";
import { address, described, duration, flag, listOf, oneOf, text } from "./parts.ts";

type DiscoveryKey = "logical_dns" | "srv" | "endpoints_file" | Extract<keyof ClusterConfig, `dns${string}`>;

export const discoveryKeys = {
  dns: address,
  logical_dns: described("one host, whose address is the newest answer", address),
  srv: described("the name of SRV records, as in _http._tcp.web.internal", text),
  endpoints_file: described("a file with the endpoints, which is watched", text),
  dns_refresh: duration,
  dns_ttl: flag,
  dns_jitter: duration,
  dns_failure_refresh: duration,
  dns_servers: listOf(address),
  dns_family: oneOf("auto", "v4_only", "v6_only", "v4_preferred", "all"),
} satisfies Record<DiscoveryKey, unknown>;
