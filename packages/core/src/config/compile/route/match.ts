/** What a request must look like to take a route. */
import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { TypedExtensionConfig } from "../../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type { UriTemplateMatchConfig } from "../../envoy/generated/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { compileUriTemplate, UriTemplate } from "../../../matching/uri-template.ts";
import { isMessage } from "../../envoy/tree.ts";
import type {
  CookieMatchModel,
  HeaderMatchModel,
  QueryMatchModel,
  RareConditionsModel,
  RouteMatchModel,
  StringMatcherModel,
} from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileRegexMatcher, compileStringMatcher } from "../matchers.ts";
import { compileFilterStateMatcher, compileFraction, compileMetadataMatcher } from "../value-matchers.ts";

export function compileMatch(context: CompileContext, match: RouteMatch): RouteMatchModel | undefined {
  const path = compilePath(context, match);
  const headers = match.headers.flatMap((matcher) => compileHeader(context, matcher) ?? []);
  const queryParameters = match.queryParameters.flatMap((matcher) => compileQuery(context, matcher) ?? []);
  const rare = compileRare(context, match);
  if (path === undefined) return undefined;
  const caseSensitive = match.caseSensitive ?? true;
  if (!caseSensitive && (path.kind === "regex" || path.kind === "template"))
    context.warning(
      { message: match, field: "case_sensitive" },
      "ERR_CONFIG_CONFLICT",
      `case_sensitive has no effect on a ${path.kind === "regex" ? "regular expression" : "URI template"}`,
      path.kind === "regex" ? { expected: "(?i) in the expression" } : {},
    );
  return { path, caseSensitive, headers, queryParameters, grpc: match.grpc !== undefined, rare };
}

/** null where a route asks for nothing of it, as most do. */
function compileRare(context: CompileContext, match: RouteMatch): RareConditionsModel | null {
  const { tlsContext: tls } = match;
  const cookies = match.cookies.flatMap((matcher) => compileCookie(context, matcher) ?? []);
  const metadata = match.dynamicMetadata.flatMap((matcher) => compileMetadataMatcher(context, matcher) ?? []);
  const filterState = match.filterState.flatMap((matcher) => compileFilterStateMatcher(context, matcher) ?? []);
  const runtimeFraction = compileFraction(match.runtimeFraction) ?? null;
  const rare: RareConditionsModel = {
    runtimeFraction,
    cookies,
    tls: tls === undefined ? null : { presented: tls.presented ?? null, validated: tls.validated ?? null },
    metadata,
    filterState,
  };
  const lists = [cookies, metadata, filterState];
  return runtimeFraction === null && rare.tls === null && lists.every(({ length }) => length === 0) ? null : rare;
}

function compileCookie(context: CompileContext, cookie: CookieMatcher): CookieMatchModel | undefined {
  const matcher = compileStringMatcher(context, cookie, "string_match", cookie.stringMatch);
  return matcher && { name: cookie.name, matcher, invert: cookie.invertMatch };
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
      return compilePolicy(context, pathSpecifier.value);
    case undefined:
      return undefined;
  }
}

/** The extension point for path conditions; Envoy has one kind of them. */
function compilePolicy(context: CompileContext, policy: TypedExtensionConfig): RouteMatchModel["path"] | undefined {
  const payload = policy.typedConfig && context.tree.payload(policy.typedConfig);
  if (payload === undefined) return undefined;
  const message = payload.kind === "message" ? payload.message : undefined;
  if (!isMessage<UriTemplateMatchConfig>(message, "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"))
    return void context.error(
      { message: policy, field: "typed_config" },
      "ERR_CONFIG_CONFLICT",
      `${payload.typeName} matches no path`,
      { expected: "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig" },
    );
  const value = message.pathTemplate;
  if (value === "") return undefined;
  const template = compileUriTemplate(value);
  if (template instanceof UriTemplate) return { kind: "template", value };
  return void context.error({ message, field: "path_template" }, "ERR_CONFIG_TYPE", template.message, {
    expected: template.expected,
  });
}

export function compileHeader(context: CompileContext, matcher: HeaderMatcher): HeaderMatchModel | undefined {
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

export function compileQuery(context: CompileContext, matcher: QueryParameterMatcher): QueryMatchModel | undefined {
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
