/** metadata_match: values that hosts must have. Only those of one namespace count, in routes as in Envoy. */
import type { Metadata } from "../../envoy/generated/envoy/config/core/v3/base_pb.js";
import { BALANCING_NAMESPACE } from "../../balancing-model.ts";
import type { Json } from "../../model.ts";

/** undefined: none. */
export function subsetOf(metadata: Metadata | undefined): Readonly<Record<string, Json>> | undefined {
  const values = metadata?.filterMetadata[BALANCING_NAMESPACE];
  return values === undefined ? undefined : (values as Readonly<Record<string, Json>>);
}
