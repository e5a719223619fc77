/** References to clusters in the configuration of network filters (tcp_proxy): Envoy lets them dangle, and then closes the connections. */
import type { Message } from "@bufbuild/protobuf";
import type { CompileContext } from "./context.ts";

interface NamesClusters {
  readonly clusterSpecifier?:
    | { readonly case: "cluster"; readonly value: string }
    | {
        readonly case: "weightedClusters";
        readonly value: Message & { readonly clusters: readonly (Message & { readonly name: string })[] };
      }
    | { readonly case: undefined };
}

export function checkClusterNames(context: CompileContext, message: Message): void {
  const { clusterSpecifier } = message as Message & NamesClusters;
  if (clusterSpecifier?.case === "cluster") check(context, message, "cluster", clusterSpecifier.value);
  else if (clusterSpecifier?.case === "weightedClusters") {
    for (const cluster of clusterSpecifier.value.clusters) check(context, cluster, "name", cluster.name);
  }
}

function check(context: CompileContext, message: Message, field: string, name: string): void {
  if (name === "" || context.clusterNames.has(name)) return;
  context.dangling({ message, field }, "the cluster", name, context.clusterNames, context.strict ? "error" : "warning");
}
