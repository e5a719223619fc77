/** A cluster's balancing in a few words: `subset(round_robin), localities weighted`. */
import type { BalancerModel, BalancingModel } from "../../config/balancing-model.ts";

/** Policies inside one another, and what is asked of localities. */
export function policyText({ policy, locality }: BalancingModel): string {
  const names = (model: BalancerModel): string =>
    "policy" in model ? `${model.kind}(${names(model.policy)})` : model.kind;
  return locality.kind === "none" ? names(policy) : `${names(policy)}, localities ${locality.kind}`;
}
