/** Clusters of the short form whose hosts are neither listed nor named. */
import type { JsonObject } from "../source/source.ts";
import { addMetadata } from "./cluster-metadata.ts";
import { typed } from "./filters.ts";
import { findFilter } from "./find-filter.ts";
import { isMapping } from "../is-mapping.ts";
import type { Section } from "./section.ts";

/** Keys, of which a cluster has one at most. */
export const clusterTypes = ["aggregate", "discovery", "forward_proxy", "original_dst"] as const;
export type ClusterTypeKey = (typeof clusterTypes)[number];

export function isClusterType(key: string | undefined): key is ClusterTypeKey {
  return clusterTypes.includes(key as ClusterTypeKey);
}

/** `made`: what all clusters have, as one without endpoints. */
export function adaptClusterType(section: Section, made: JsonObject, which: ClusterTypeKey): JsonObject {
  delete made["type"];
  delete made["load_assignment"];
  const config = adapt[which](section, made);
  if (config !== undefined)
    made["cluster_type"] = section.make({ name: config.name, typed_config: config.typed }, which);
  return made;
}

interface TypedCluster {
  readonly name: string;
  readonly typed: JsonObject;
}

function aggregate(section: Section, made: JsonObject): TypedCluster {
  const typed: JsonObject = section.make({
    "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
  });
  const clusters = section.list("aggregate");
  if (clusters !== undefined) section.put(typed, "clusters", clusters, "aggregate");
  made["lb_policy"] ??= "CLUSTER_PROVIDED";
  return { name: "envoy.clusters.aggregate", typed };
}

const DENY = "deny_private_addresses";

/** Envoy's words for the cache, and one of ours, which stands in the metadata. */
function forwardProxy(section: Section, made: JsonObject): TypedCluster | undefined {
  const cache = section.mapping("forward_proxy");
  if (cache === undefined) return undefined;
  const { [DENY]: deny, ...rest } = cache;
  const { derived } = section.context;
  const config = derived.mark({ ...rest }, section.value, "forward_proxy");
  for (const key of Object.keys(rest)) derived.markEntry(config, key, cache, key);
  const typed: JsonObject = section.make(
    {
      "@type": "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
      dns_cache_config: config,
    },
    "forward_proxy",
  );
  if (deny !== undefined) {
    const ours: JsonObject = section.make({ [DENY]: deny }, "forward_proxy");
    derived.markEntry(ours, DENY, cache, DENY);
    addMetadata(section, made, "sluice.forward_proxy", ours, "forward_proxy");
  }
  made["lb_policy"] ??= "CLUSTER_PROVIDED";
  return { name: "envoy.clusters.dynamic_forward_proxy", typed };
}

/** The name of the header; or Envoy's words for all of it. */
function originalDst(section: Section, made: JsonObject): undefined {
  const value = section.get("original_dst") ?? null;
  made["type"] = "ORIGINAL_DST";
  made["lb_policy"] ??= "CLUSTER_PROVIDED";
  if (typeof value === "string")
    made["original_dst_lb_config"] = section.make({ use_http_header: true, http_header_name: value }, "original_dst");
  else if (isMapping(value)) made["original_dst_lb_config"] = value;
  else
    section.context.wrongType(section.value, "original_dst", "the name of a header, or Envoy's original_dst_lb_config");
}

const adapt: Readonly<Record<ClusterTypeKey, (section: Section, made: JsonObject) => TypedCluster | undefined>> = {
  aggregate,
  discovery,
  forward_proxy: forwardProxy,
  original_dst: originalDst,
};

/** As an entry of a list of filters: a name, or a name with its configuration. */
function discovery(section: Section): TypedCluster | undefined {
  const { context, value: cluster } = section;
  const value = section.get("discovery") ?? null;
  const expected = "a discovery's name, or its name with its configuration";
  if (typeof value === "string") return found(section, value, cluster, "discovery", {});
  if (!isMapping(value)) return void context.wrongType(cluster, "discovery", expected);
  const [name, second] = Object.keys(value);
  if (name === undefined || second !== undefined) return void context.wrongType(cluster, "discovery", expected);
  const config = value[name] ?? {};
  if (!isMapping(config)) return void context.wrongType(value, name, "the discovery's configuration");
  return found(section, name, value, name, config);
}

function found(
  { context }: Section,
  name: string,
  container: object,
  key: string,
  config: JsonObject,
): TypedCluster | undefined {
  const discovered = findFilter(context, "discovery", name, container, key);
  if (discovered === undefined) return undefined;
  const { id, message } = discovered;
  return { name: id, typed: typed(context, message, id, config, container, key) };
}
