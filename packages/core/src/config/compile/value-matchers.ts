/** Structured values, shares, addresses: the matchers that routes and matcher trees have in common. */
import type { CidrRange } from "../envoy/generated/envoy/config/core/v3/address_pb.js";
import type { RuntimeFractionalPercent } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { FilterStateMatcher } from "../envoy/generated/envoy/type/matcher/v3/filter_state_pb.js";
import type { MetadataMatcher } from "../envoy/generated/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher } from "../envoy/generated/envoy/type/matcher/v3/value_pb.js";
import type { CidrRange as XdsCidrRange } from "../envoy/generated/xds/core/v3/cidr_pb.js";
import type {
  FilterStateMatchModel,
  MetadataMatchModel,
  RuntimeFractionModel,
  ValueMatchModel,
} from "../match-model.ts";
import type { CompileContext } from "./context.ts";
import { compileStringMatcher } from "./matchers.ts";
import { cidrTexts, denominators } from "./values.ts";

export function compileFraction(fraction: RuntimeFractionalPercent | undefined): RuntimeFractionModel | undefined {
  const share = fraction?.defaultValue;
  if (fraction === undefined || share === undefined) return undefined;
  return {
    key: fraction.runtimeKey,
    numerator: share.numerator,
    denominator: denominators[share.denominator] ?? 100,
  };
}

export function compileMetadataMatcher(
  context: CompileContext,
  matcher: MetadataMatcher,
): MetadataMatchModel | undefined {
  const value = matcher.value && compileValueMatcher(context, matcher.value);
  if (value === undefined) return undefined;
  return { filter: matcher.filter, path: pathKeys(matcher.path), value, invert: matcher.invert };
}

/** Segments of paths in structured values: all that Envoy has are keys. */
export function pathKeys(path: readonly { readonly segment: { readonly value?: string | undefined } }[]): string[] {
  return path.map(({ segment }) => segment.value ?? "");
}

/** undefined when it was reported. */
export function compileValueMatcher(context: CompileContext, matcher: ValueMatcher): ValueMatchModel | undefined {
  const { matchPattern: pattern } = matcher;
  switch (pattern.case) {
    case "nullMatch":
      return { kind: "null" };
    case "boolMatch":
      return { kind: "bool", value: pattern.value };
    case "presentMatch":
      return { kind: "present", present: pattern.value };
    case "doubleMatch": {
      const { matchPattern: number } = pattern.value;
      if (number.case === "exact") return { kind: "number", value: number.value };
      return number.case === "range" ? { kind: "range", start: number.value.start, end: number.value.end } : undefined;
    }
    case "stringMatch": {
      const made = compileStringMatcher(context, matcher, "string_match", pattern.value);
      return made && { kind: "string", matcher: made };
    }
    case "listMatch": {
      const one = pattern.value.matchPattern.value;
      const value = one && compileValueMatcher(context, one);
      return value && { kind: "one_of", value };
    }
    case "orMatch":
      return {
        kind: "or",
        values: pattern.value.valueMatchers.flatMap((one) => compileValueMatcher(context, one) ?? []),
      };
    case undefined:
      return undefined;
  }
}

export function compileFilterStateMatcher(
  context: CompileContext,
  matcher: FilterStateMatcher,
): FilterStateMatchModel | undefined {
  const { key, matcher: match } = matcher;
  if (match.case === "stringMatch") {
    const made = compileStringMatcher(context, matcher, "string_match", match.value);
    return made && { key, match: { kind: "string", matcher: made } };
  }
  if (match.case !== "addressMatch") return undefined;
  return { key, match: { kind: "address", ranges: xdsCidrTexts(context, match.value.ranges) } };
}

/** xDS has a message of its own for the same. */
export function xdsCidrTexts(context: CompileContext, ranges: readonly XdsCidrRange[]): string[] {
  return cidrTexts(context, ranges as unknown as readonly CidrRange[]);
}
