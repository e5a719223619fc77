/** Subsets of a cluster's hosts, in the message of either generation. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import type { SubsetFallbackModel, SubsetModel, SubsetSelectorModel } from "../../balancing-model.ts";
import type { Json } from "../../model.ts";
import type { CompileContext } from "../context.ts";

type Selector = Message & {
  readonly keys: readonly string[];
  readonly singleHostPerSubset: boolean;
  readonly fallbackPolicy: number;
  readonly fallbackKeysSubset: readonly string[];
};

type SubsetMessage = Message & {
  readonly fallbackPolicy: number;
  readonly defaultSubset?: JsonObject | undefined;
  readonly subsetSelectors: readonly Selector[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  readonly panicModeAny: boolean;
  readonly listAsAny: boolean;
  readonly metadataFallbackPolicy: number;
  readonly allowRedundantKeys?: boolean;
};

/** Index: LbSubsetFallbackPolicy. */
const fallbacks: readonly SubsetFallbackModel[] = ["none", "any", "default"];
/** Index: LbSubsetSelectorFallbackPolicy. */
const selectorFallbacks: ReadonlyArray<SubsetSelectorModel["fallback"]> = ["inherit", "none", "any", "default", "keys"];

export function compileSubset(context: CompileContext, subset: SubsetMessage): SubsetModel {
  return {
    fallback: fallbacks[subset.fallbackPolicy] ?? "none",
    defaultSubset: (subset.defaultSubset ?? {}) as Record<string, Json>,
    selectors: subset.subsetSelectors.map((selector) => compileSelector(context, selector)),
    localityWeightAware: subset.localityWeightAware,
    scaleLocalityWeight: subset.scaleLocalityWeight,
    panicModeAny: subset.panicModeAny,
    listAsAny: subset.listAsAny,
    fallbackList: subset.metadataFallbackPolicy === 1,
    allowRedundantKeys: subset.allowRedundantKeys ?? false,
  };
}

function compileSelector(context: CompileContext, selector: Selector): SubsetSelectorModel {
  const keys = [...new Set(selector.keys)].sort();
  const fallbackKeys = [...new Set(selector.fallbackKeysSubset)].sort();
  const fallback = selectorFallbacks[selector.fallbackPolicy] ?? "inherit";
  const at = { message: selector, field: "fallback_keys_subset" };
  if (keys.length === 0) context.missing({ message: selector }, "keys");
  if (fallback !== "keys") {
    if (fallbackKeys.length > 0)
      context.error(at, "ERR_CONFIG_CONFLICT", "fallback_keys_subset goes with the fallback policy KEYS_SUBSET alone");
  } else if (fallbackKeys.length === 0) context.missing({ message: selector }, "fallback_keys_subset");
  else if (fallbackKeys.length >= keys.length || fallbackKeys.some((key) => !keys.includes(key)))
    context.error(at, "ERR_CONFIG_CONFLICT", "fallback_keys_subset is not a part of keys", {
      expected: "some of the keys, not all",
    });
  return { keys, fallback, fallbackKeys, singleHost: selector.singleHostPerSubset };
}
