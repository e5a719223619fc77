/** Hot path. Which hosts a request may have: what filters left in its metadata takes the place of what the route says. Envoy: metadata_match, dynamic metadata of `envoy.lb`. */
import type { DynamicMetadata, ForwardRoute, SubsetValues } from "@sluice/sdk";

export function subsetOf({ subset }: ForwardRoute, metadata: DynamicMetadata): SubsetValues | null {
  const left = metadata.get("envoy.lb");
  if (left === undefined) return subset;
  return subset === null ? left : { ...subset, ...left };
}
