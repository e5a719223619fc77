/** Aggregate clusters: the names that they list, when all are known. An aggregate among them stands for what it lists itself, so that at run time there is one level. */
import type { Message } from "@bufbuild/protobuf";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterModel } from "../model.ts";
import { AGGREGATE, clusterTypeOf } from "./cluster-types.ts";
import type { CompileContext } from "./context.ts";

type AggregateConfig = Message & { readonly clusters: readonly string[] };

/** Kinds that have no hosts before they are asked for one. */
const asked: ReadonlySet<string> = new Set(["original_dst", "forward_proxy"]);

export function linkAggregates(
  context: CompileContext,
  clusters: readonly Cluster[],
  models: readonly ClusterModel[],
): ClusterModel[] {
  const aggregates = new Map<string, AggregateConfig>();
  for (const cluster of clusters) {
    const payload = clusterTypeOf(context, cluster);
    if (payload?.kind === "message" && payload.typeName === AGGREGATE)
      aggregates.set(cluster.name, payload.message as AggregateConfig);
  }
  const kinds = new Map(models.map(({ name, discovery }) => [name, discovery.kind]));
  for (const message of aggregates.values()) checkNames(context, message, kinds);
  for (const name of aggregates.keys()) checkLoops(context, name, aggregates);
  return models.map((model) => {
    if (model.discovery.kind !== "aggregate") return model;
    const leaves = new Set<string>();
    collect(model.name, aggregates, leaves, new Set());
    return { ...model, discovery: { kind: "aggregate", clusters: [...leaves] } };
  });
}

function checkNames(context: CompileContext, message: AggregateConfig, kinds: ReadonlyMap<string, string>): void {
  const seen = new Set<string>();
  for (const [element, name] of message.clusters.entries()) {
    const at = { message, field: "clusters", element };
    const kind = kinds.get(name);
    if (kind === undefined) context.dangling(at, "the cluster", name, kinds.keys());
    else if (asked.has(kind))
      context.error(
        at,
        "ERR_CONFIG_CONFLICT",
        `the cluster "${name}" finds its hosts request by request and cannot be part of an aggregate`,
      );
    if (seen.has(name)) context.error(at, "ERR_CONFIG_CONFLICT", `the cluster "${name}" is in the list already`);
    seen.add(name);
  }
}

/** Each loop is told once, where its first cluster in the file names the next one. */
function checkLoops(context: CompileContext, start: string, aggregates: ReadonlyMap<string, AggregateConfig>): void {
  const message = aggregates.get(start)!;
  const order = [...aggregates.keys()];
  for (const [element, name] of message.clusters.entries()) {
    const path = name === start ? [start] : pathTo(start, name, aggregates, new Set());
    if (path === null || path.some((step) => order.indexOf(step) < order.indexOf(start))) continue;
    context.error(
      { message, field: "clusters", element },
      "ERR_CONFIG_CONFLICT",
      `the cluster "${start}" would be part of itself: ${[start, ...path].join(" → ")}`,
    );
  }
}

/** From `from` to `target` through aggregates, both included. */
function pathTo(
  target: string,
  from: string,
  aggregates: ReadonlyMap<string, AggregateConfig>,
  seen: Set<string>,
): string[] | null {
  if (seen.has(from)) return null;
  seen.add(from);
  for (const name of aggregates.get(from)?.clusters ?? []) {
    if (name === target) return [from, target];
    const rest = pathTo(target, name, aggregates, seen);
    if (rest !== null) return [from, ...rest];
  }
  return null;
}

function collect(
  name: string,
  aggregates: ReadonlyMap<string, AggregateConfig>,
  leaves: Set<string>,
  seen: Set<string>,
): void {
  if (seen.has(name)) return;
  seen.add(name);
  for (const listedName of aggregates.get(name)?.clusters ?? []) {
    if (aggregates.has(listedName)) collect(listedName, aggregates, leaves, seen);
    else leaves.add(listedName);
  }
}
