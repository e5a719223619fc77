/** lb_policy of a cluster with the messages beside it, and lb_subset_config around it. */
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import { enumName } from "../../envoy/enum-name.ts";
import type { BalancerModel } from "../../balancing-model.ts";
import type { CompileContext } from "../context.ts";
import {
  consistentHashingOf,
  localityOf,
  type PolicyModel,
  ringOf,
  slowStartOf,
  tableSizeOf,
  tunableOf,
} from "./parts.ts";
import { compileSubset } from "./subset.ts";

/** By number of Cluster.LbPolicy: the options that go with it. */
const options: Readonly<Record<number, string>> = {
  0: "roundRobinLbConfig",
  1: "leastRequestLbConfig",
  2: "ringHashLbConfig",
  5: "maglevLbConfig",
};

export function compileOlderPolicy(context: CompileContext, cluster: Cluster): PolicyModel {
  const { lbConfig, lbPolicy, lbSubsetConfig: subset, commonLbConfig: common } = cluster;
  const policy = policyOf(context, cluster);
  if (lbConfig.case !== undefined && lbConfig.case !== options[lbPolicy])
    context.warning(
      { message: cluster, field: lbConfig.case.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) },
      "ERR_CONFIG_CONFLICT",
      `these are no options of ${enumName("envoy.config.cluster.v3.Cluster.LbPolicy", lbPolicy)}: they have no effect`,
    );
  const locality = localityOf(common?.localityConfigSpecifier);
  if (subset === undefined) return { policy, locality };
  if (subset.subsetSelectors.length === 0) {
    context.warning(
      { message: subset },
      "ERR_CONFIG_CONFLICT",
      "without subset_selectors a cluster has no subsets: this has no effect",
    );
    return { policy, locality };
  }
  return { policy: { kind: "subset", subset: compileSubset(context, subset), policy }, locality };
}

function policyOf(context: CompileContext, cluster: Cluster): BalancerModel {
  const { lbConfig, lbPolicy } = cluster;
  const hashing = consistentHashingOf(cluster.commonLbConfig?.consistentHashingLbConfig);
  switch (lbPolicy) {
    case 0: {
      const own = lbConfig.case === "roundRobinLbConfig" ? lbConfig.value : undefined;
      return { kind: "round_robin", slowStart: slowStartOf(context, own?.slowStartConfig) };
    }
    case 1: {
      const own = lbConfig.case === "leastRequestLbConfig" ? lbConfig.value : undefined;
      return {
        kind: "least_request",
        choices: own?.choiceCount ?? 2,
        fullScan: false,
        bias: tunableOf(own?.activeRequestBias, 1),
        slowStart: slowStartOf(context, own?.slowStartConfig),
      };
    }
    case 2: {
      const own = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      const hash = own?.hashFunction === 1 ? "murmur_hash_2" : "xx_hash";
      return { kind: "ring_hash", hash, ...ringOf(context, own), ...hashing };
    }
    case 3:
      return { kind: "random" };
    case 5: {
      const own = lbConfig.case === "maglevLbConfig" ? lbConfig.value : undefined;
      return { kind: "maglev", tableSize: tableSizeOf(context, own), ...hashing };
    }
    default:
      context.unsupported(
        { message: cluster, field: "lb_policy" },
        enumName("envoy.config.cluster.v3.Cluster.LbPolicy", lbPolicy),
        "ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV",
      );
      return { kind: "round_robin", slowStart: null };
  }
}
