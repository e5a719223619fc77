/** What core implements of Envoy's API for discovery: messages and fields of supported.ts that are about where hosts come from. */

const cluster = "envoy.config.cluster.v3";
const core = "envoy.config.core.v3";

export const discoveryFields: Readonly<Record<string, readonly string[] | "all">> = {
  [`${cluster}.Cluster.CustomClusterType`]: "all",
  [`${cluster}.Cluster.RefreshRate`]: "all",
  [`${cluster}.Cluster.EdsClusterConfig`]: "all",
  [`${core}.ConfigSource`]: ["path", "path_config_source", "initial_fetch_timeout", "resource_api_version"],
  [`${core}.PathConfigSource`]: "all",
  [`${core}.WatchedDirectory`]: "all",
  [`${core}.DnsResolutionConfig`]: "all",
  [`${core}.DnsResolverOptions`]: "all",
  "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided": [],
  "envoy.extensions.clusters.aggregate.v3.ClusterConfig": "all",
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig": ["dns_cache_config"],
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig": [
    "name",
    "dns_lookup_family",
    "dns_refresh_rate",
    "dns_min_refresh_rate",
    "host_ttl",
    "max_hosts",
    "dns_failure_refresh_rate",
    "dns_cache_circuit_breaker",
    "preresolve_hostnames",
    "dns_query_timeout",
  ],
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheCircuitBreakers": "all",
  "envoy.extensions.clusters.dns.v3.DnsCluster": "all",
  "envoy.extensions.clusters.dns.v3.DnsCluster.RefreshRate": "all",
  "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig": [
    "resolvers",
    "dns_resolver_options",
    "query_timeout_seconds",
    "query_tries",
  ],
  "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig": "all",
  [`${cluster}.Cluster.OriginalDstLbConfig`]: "all",
};
