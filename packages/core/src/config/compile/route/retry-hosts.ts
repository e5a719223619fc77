/** Which hosts a retry would rather not have: the predicates of RetryPolicy. */
import type { Metadata } from "../../envoy/generated/envoy/config/core/v3/base_pb.js";
import type {
  RetryPolicy,
  RetryPolicy_RetryHostPredicate,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { Json } from "../../model.ts";
import type { RetryHostsModel } from "../../retry-model.ts";
import type { CompileContext } from "../context.ts";

const hosts = "envoy.extensions.retry.host";
const previous = `${hosts}.previous_hosts.v3.PreviousHostsPredicate`;
const canaries = `${hosts}.omit_canary_hosts.v3.OmitCanaryHostsPredicate`;
const metadata = `${hosts}.omit_host_metadata.v3.OmitHostMetadataConfig`;

/** Its type is not generated: one field. */
type OmitHostMetadataConfig = import("@bufbuild/protobuf").Message & { readonly metadataMatch?: Metadata };

/** By name alone, as Envoy takes them. */
const byName: Readonly<Record<string, string>> = {
  "envoy.retry_host_predicates.previous_hosts": previous,
  "envoy.retry_host_predicates.omit_canary_hosts": canaries,
};

/** Where no host will do, all of them are made at once, and nothing else meanwhile. */
const MOST_ATTEMPTS = 1000n;

export function compileRetryHosts(context: CompileContext, policy: RetryPolicy): RetryHostsModel | null {
  if (policy.retryHostPredicate.length === 0) return null;
  const made = { omitsPrevious: false, omitsCanaries: false, omitsMetadata: [] as Record<string, Json>[] };
  for (const predicate of policy.retryHostPredicate) {
    switch (typeOf(context, predicate)) {
      case previous:
        made.omitsPrevious = true;
        break;
      case canaries:
        made.omitsCanaries = true;
        break;
      case metadata: {
        const labels = labelsOf(context, predicate);
        if (labels !== undefined) made.omitsMetadata.push(labels);
        break;
      }
      case undefined:
    }
  }
  const { hostSelectionRetryMaxAttempts: attempts } = policy;
  if (attempts > MOST_ATTEMPTS)
    context.error(
      { message: policy, field: "host_selection_retry_max_attempts" },
      "ERR_CONFIG_RANGE",
      `a retry may ask for another host ${attempts} times`,
      { expected: `at most ${MOST_ATTEMPTS}` },
    );
  // Envoy: 1 unless told, and 0 means that too.
  return { attempts: Math.max(1, Number(attempts)), ...made };
}

function typeOf(context: CompileContext, predicate: RetryPolicy_RetryHostPredicate): string | undefined {
  const { name, configType } = predicate;
  const payload = configType.case === "typedConfig" ? context.tree.payload(configType.value) : undefined;
  const type = configType.case === "typedConfig" ? payload?.typeName : byName[name];
  if (type === previous || type === canaries || type === metadata) return type;
  if (configType.case === "typedConfig" && payload === undefined) return undefined;
  const at = { message: predicate, field: configType.case === undefined ? "name" : "typed_config" };
  return void context.unsupported(
    at,
    `the predicate ${type ?? JSON.stringify(name)}`,
    "previous_hosts, omit_canary_hosts or omit_host_metadata",
  );
}

function labelsOf(
  context: CompileContext,
  { configType }: RetryPolicy_RetryHostPredicate,
): Record<string, Json> | undefined {
  const payload = configType.case === "typedConfig" ? context.tree.payload(configType.value) : undefined;
  if (payload?.kind !== "message" || !isMessage<OmitHostMetadataConfig>(payload.message, metadata as never))
    return undefined;
  const labels = payload.message.metadataMatch?.filterMetadata["envoy.lb"] as Record<string, Json> | undefined;
  if (labels !== undefined && Object.keys(labels).length > 0) return labels;
  return void context.warning(
    { message: payload.message, field: "metadata_match" },
    "ERR_CONFIG_REQUIRED",
    "nothing under envoy.lb: no host is passed over",
  );
}
