/** Matchers of what filters leave as metadata. Envoy: type.matcher.v3.MetadataMatcher, ValueMatcher. */
import type { MetadataMatcher } from "../envoy/generated/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher } from "../envoy/generated/envoy/type/matcher/v3/value_pb.js";
import type { MetadataMatchModel, ValueMatchModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileStringMatcher } from "./matchers.ts";

/** undefined when it was reported, here or before. */
export function compileMetadataMatcher(
  context: CompileContext,
  matcher: MetadataMatcher,
): MetadataMatchModel | undefined {
  const { filter, invert } = matcher;
  const path = matcher.path.flatMap(({ segment }) => (segment.case === "key" ? [segment.value] : []));
  const value = matcher.value && compileValueMatcher(context, matcher.value);
  return value && { filter, path, value, invert };
}

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
      const string = compileStringMatcher(context, matcher, "string_match", pattern.value);
      return string && { kind: "string", matcher: string };
    }
    case "listMatch": {
      const { matchPattern: item } = pattern.value;
      const value = item.case === "oneOf" ? compileValueMatcher(context, item.value) : undefined;
      return value && { kind: "one_of", value };
    }
    case "orMatch":
      return {
        kind: "or",
        values: pattern.value.valueMatchers.flatMap((each) => compileValueMatcher(context, each) ?? []),
      };
    case undefined:
      return undefined;
  }
}
