/** CLUSTER_PROVIDED: clusters that choose by rules of their own have no other policy, and no other cluster has this one. */
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import { enumName } from "../../envoy/enum-name.ts";
import { choosesHosts } from "../cluster-types.ts";
import type { CompileContext } from "../context.ts";

/** Cluster.LbPolicy */
const clusterProvided = 6;
const byTypedPolicy = 7;
const typeName = "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided";

/** Whether that is what the cluster says, or would have to. */
export function isClusterProvided(context: CompileContext, cluster: Cluster): boolean {
  const typed = cluster.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig;
  const isTyped = cluster.loadBalancingPolicy !== undefined || cluster.lbPolicy === byTypedPolicy;
  const isSaid = isTyped
    ? typed !== undefined && context.tree.payload(typed)?.typeName === typeName
    : cluster.lbPolicy === clusterProvided;
  const field = isTyped ? "load_balancing_policy" : "lb_policy";
  const own = choosesHosts(context, cluster);
  if (isSaid && own === null)
    context.error(
      { message: cluster, field },
      "ERR_CONFIG_CONFLICT",
      "CLUSTER_PROVIDED is for clusters that choose their hosts by rules of their own",
      { expected: "a policy, such as ROUND_ROBIN" },
    );
  if (!isSaid && own !== null) {
    const said = isTyped ? "another policy" : enumName("envoy.config.cluster.v3.Cluster.LbPolicy", cluster.lbPolicy);
    context.error(
      { message: cluster, field },
      "ERR_CONFIG_CONFLICT",
      `${own} chooses its hosts by rules of its own, not by ${said}`,
      { expected: "lb_policy: CLUSTER_PROVIDED" },
    );
  }
  return isSaid || own !== null;
}
