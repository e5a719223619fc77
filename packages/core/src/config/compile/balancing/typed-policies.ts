/** load_balancing_policy: the first of the list that there is. Policies may stand inside others. */
import type { LoadBalancingPolicy } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { LocalityLbConfig } from "../../envoy/generated/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import type { LeastRequest } from "../../envoy/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import type { Maglev } from "../../envoy/generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import type { OverrideHost } from "../../envoy/generated/envoy/extensions/load_balancing_policies/override_host/v3/override_host_pb.js";
import type { PeakEwma } from "../../envoy/generated/envoy/extensions/load_balancing_policies/peak_ewma/v3alpha/peak_ewma_pb.js";
import type { PickFirst } from "../../envoy/generated/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first_pb.js";
import type { Random } from "../../envoy/generated/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import type { RingHash } from "../../envoy/generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import type { RoundRobin } from "../../envoy/generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import type { Subset } from "../../envoy/generated/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js";
import type { WrrLocality } from "../../envoy/generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import type { Message } from "@bufbuild/protobuf";
import type { OverrideSourceModel } from "../../balancing-model.ts";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";
import {
  consistentHashingOf,
  localityOf,
  type PolicyModel,
  ringOf,
  slowStartOf,
  tableSizeOf,
  tunableOf,
} from "./parts.ts";
import { compileReportedWeights } from "./reported-weights.ts";
import { compileSubset } from "./subset.ts";

const family = "envoy.extensions.load_balancing_policies";

type Compile = (context: CompileContext, message: never) => PolicyModel | undefined;

const policies: Readonly<Record<string, Compile>> = {
  [`${family}.round_robin.v3.RoundRobin`]: (context, message: RoundRobin) => ({
    policy: { kind: "round_robin", slowStart: slowStartOf(context, message.slowStartConfig) },
    locality: typedLocality(message.localityLbConfig),
  }),
  [`${family}.least_request.v3.LeastRequest`]: (context, message: LeastRequest) => ({
    policy: {
      kind: "least_request",
      choices: message.choiceCount ?? 2,
      fullScan: message.selectionMethod === 1 || message.enableFullScan === true,
      bias: tunableOf(message.activeRequestBias, 1),
      slowStart: slowStartOf(context, message.slowStartConfig),
    },
    locality: typedLocality(message.localityLbConfig),
  }),
  [`${family}.random.v3.Random`]: (_context, message: Random) => ({
    policy: { kind: "random" },
    locality: typedLocality(message.localityLbConfig),
  }),
  [`${family}.ring_hash.v3.RingHash`]: compileRing,
  [`${family}.maglev.v3.Maglev`]: (context, message: Maglev) => ({
    policy: {
      kind: "maglev",
      tableSize: tableSizeOf(context, message),
      ...consistentHashingOf(message.consistentHashingLbConfig),
    },
    locality: { kind: message.localityWeightedLbConfig === undefined ? "none" : "weighted" },
  }),
  [`${family}.pick_first.v3.PickFirst`]: (_context, message: PickFirst) => ({
    policy: { kind: "pick_first", shuffle: message.shuffleAddressList },
    locality: { kind: "none" },
  }),
  [`${family}.peak_ewma.v3alpha.PeakEwma`]: (context, message: PeakEwma) => ({
    policy: {
      kind: "peak_ewma",
      decayMs: Math.max(1, milliseconds(context, message, "decay_time", message.decayTime, 10_000)),
      defaultRttMs: milliseconds(context, message, "default_rtt", message.defaultRtt, 10),
    },
    locality: undefined,
  }),
  [`${family}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`]: compileReportedWeights,
  [`${family}.wrr_locality.v3.WrrLocality`]: (context, { endpointPickingPolicy: inner }: WrrLocality) => {
    const compiled = inner && compileTypedPolicies(context, inner);
    return compiled && { policy: compiled.policy, locality: { kind: "weighted" } };
  },
  [`${family}.subset.v3.Subset`]: (context, message: Subset) => {
    const compiled = message.subsetLbPolicy && compileTypedPolicies(context, message.subsetLbPolicy);
    const subset = compileSubset(context, message);
    return compiled && { policy: { kind: "subset", subset, policy: compiled.policy }, locality: compiled.locality };
  },
  [`${family}.override_host.v3.OverrideHost`]: compileOverride,
};

/** undefined when it was reported, here or before. */
export function compileTypedPolicies(context: CompileContext, list: LoadBalancingPolicy): PolicyModel | undefined {
  const [first] = list.policies;
  if (first === undefined) return void context.missing({ message: list }, "policies");
  const config = first.typedExtensionConfig;
  if (config?.typedConfig === undefined) return void context.missing({ message: first }, "typed_extension_config");
  const payload = context.tree.payload(config.typedConfig);
  if (payload === undefined) return undefined;
  const compile = policies[payload.typeName];
  if (payload.kind === "message" && compile !== undefined) return compile(context, payload.message as Message as never);
  return void context.unsupported(
    { message: config, field: "typed_config" },
    `the policy ${payload.typeName}`,
    Object.keys(policies).join(", "),
  );
}

function typedLocality(config: LocalityLbConfig | undefined): PolicyModel["locality"] {
  return localityOf(config?.localityConfigSpecifier);
}

function compileRing(context: CompileContext, message: RingHash): PolicyModel {
  const { consistentHashingLbConfig: hashing } = message;
  return {
    policy: {
      kind: "ring_hash",
      hash: message.hashFunction === 2 ? "murmur_hash_2" : "xx_hash",
      ...ringOf(context, message),
      ...consistentHashingOf(hashing ?? message),
    },
    locality: { kind: message.localityWeightedLbConfig === undefined ? "none" : "weighted" },
  };
}

function compileOverride(context: CompileContext, message: OverrideHost): PolicyModel | undefined {
  const compiled = message.fallbackPolicy && compileTypedPolicies(context, message.fallbackPolicy);
  const sources = message.overrideHostSources.flatMap((source): OverrideSourceModel[] => {
    const { header, metadata } = source;
    if (metadata !== undefined) {
      if (header !== "")
        context.error({ message: source, field: "header" }, "ERR_CONFIG_ONEOF", "header and metadata are both set", {
          expected: "one of them",
        });
      const path = metadata.path.flatMap(({ segment }) => (segment.case === "key" ? [segment.value] : []));
      return [{ kind: "metadata", path: [metadata.key, ...path] }];
    }
    if (header !== "") return [{ kind: "header", name: header.toLowerCase() }];
    context.missing({ message: source }, "header or metadata");
    return [];
  });
  return (
    compiled && { policy: { kind: "override_host", sources, policy: compiled.policy }, locality: compiled.locality }
  );
}
