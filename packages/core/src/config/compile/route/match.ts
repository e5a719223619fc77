/** What a request must look like to take a route. */
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { HeaderMatchModel, QueryMatchModel, RouteMatchModel, StringMatcherModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileRegexMatcher, compileStringMatcher } from "../matchers.ts";

export function compileMatch(context: CompileContext, match: RouteMatch): RouteMatchModel | undefined {
  const path = compilePath(context, match);
  const headers = match.headers.flatMap((matcher) => compileHeader(context, matcher) ?? []);
  const queryParameters = match.queryParameters.flatMap((matcher) => compileQuery(context, matcher) ?? []);
  if (path === undefined) return undefined;
  return { path, caseSensitive: match.caseSensitive ?? true, headers, queryParameters, grpc: match.grpc !== undefined };
}

/** Envoy takes it, and then nothing ever matches. */
function checkSlash(context: CompileContext, message: RouteMatch, field: string, value: string): string {
  if (value !== "" && value !== "*" && !value.startsWith("/")) {
    const finding = `no path begins with ${JSON.stringify(value.slice(0, 40))}`;
    context.warning({ message, field }, "ERR_CONFIG_RANGE", finding, { expected: "a path that begins with /" });
  }
  return value;
}

function compilePath(context: CompileContext, match: RouteMatch): RouteMatchModel["path"] | undefined {
  const { pathSpecifier } = match;
  switch (pathSpecifier.case) {
    case "prefix":
      return { kind: "prefix", value: checkSlash(context, match, "prefix", pathSpecifier.value) };
    case "path":
      return { kind: "exact", value: checkSlash(context, match, "path", pathSpecifier.value) };
    case "pathSeparatedPrefix":
      return {
        kind: "separated_prefix",
        value: checkSlash(context, match, "path_separated_prefix", pathSpecifier.value),
      };
    case "safeRegex": {
      const value = compileRegexMatcher(context, pathSpecifier.value);
      return value === undefined ? undefined : { kind: "regex", value };
    }
    case "connectMatcher":
      return { kind: "connect" };
    case "pathMatchPolicy":
    case undefined:
      return undefined;
  }
}

function compileHeader(context: CompileContext, matcher: HeaderMatcher): HeaderMatchModel | undefined {
  const match = compileHeaderMatch(context, matcher);
  if (match === undefined) return undefined;
  return {
    name: matcher.name.toLowerCase(),
    match,
    invert: matcher.invertMatch,
    treatMissingAsEmpty: matcher.treatMissingHeaderAsEmpty,
  };
}

function compileHeaderMatch(context: CompileContext, matcher: HeaderMatcher): HeaderMatchModel["match"] | undefined {
  const { headerMatchSpecifier: specifier } = matcher;
  switch (specifier.case) {
    case "stringMatch":
      return asString(compileStringMatcher(context, matcher, "string_match", specifier.value));
    case "exactMatch":
      return asString({ kind: "exact", value: specifier.value, ignoreCase: false });
    case "prefixMatch":
      return asString({ kind: "prefix", value: specifier.value, ignoreCase: false });
    case "suffixMatch":
      return asString({ kind: "suffix", value: specifier.value, ignoreCase: false });
    case "containsMatch":
      return asString({ kind: "contains", value: specifier.value, ignoreCase: false });
    case "safeRegexMatch": {
      const value = compileRegexMatcher(context, specifier.value);
      return value === undefined ? undefined : asString({ kind: "regex", value, ignoreCase: false });
    }
    case "rangeMatch":
      return { kind: "range", start: Number(specifier.value.start), end: Number(specifier.value.end) };
    case "presentMatch":
      return { kind: "present", present: specifier.value };
    case undefined:
      return context.tree.isDamaged(matcher) ? undefined : { kind: "present", present: true };
  }
}

function asString(
  matcher: StringMatcherModel | undefined,
): (HeaderMatchModel["match"] & QueryMatchModel["match"]) | undefined {
  return matcher && { kind: "string", matcher };
}

function compileQuery(context: CompileContext, matcher: QueryParameterMatcher): QueryMatchModel | undefined {
  const { queryParameterMatchSpecifier: specifier } = matcher;
  if (specifier.case === "stringMatch") {
    const match = asString(compileStringMatcher(context, matcher, "string_match", specifier.value));
    return match && { name: matcher.name, match };
  }
  if (specifier.case === undefined && context.tree.isDamaged(matcher)) return undefined;
  return {
    name: matcher.name,
    match: { kind: "present", present: specifier.case === "presentMatch" ? specifier.value : true },
  };
}
