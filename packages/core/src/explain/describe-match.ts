/** Conditions of routes in words: what a route asks for, and which of it a request does not have. */
import type { HeaderMatchModel, QueryMatchModel, RareConditionsModel, RouteMatchModel } from "../config/model.ts";
import { cookieValue } from "../http/cookies.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import {
  COOKIE_FAILS,
  FILTER_STATE_FAILS,
  FRACTION_FAILS,
  METADATA_FAILS,
  TLS_FAILS,
} from "../http/route/rare-conditions.ts";
import { GRPC_FAILS, HEADER_FAILS, PATH_FAILS, QUERY_FAILS, valueOf } from "../http/route/route-match.ts";
import { queryParameter } from "../http/query-parameter.ts";
import type { RouteFacts } from "../http/route/types.ts";
import { cookieText, filterStateText, fractionText, metadataText, rareTexts, tlsText } from "./describe-rare.ts";
import { found, matcherText, shown } from "./words.ts";

/** Everything that a route asks for. */
export function describeMatch(match: RouteMatchModel): string {
  return [
    pathText(match),
    ...(match.grpc ? ["gRPC"] : []),
    ...match.headers.map((header) => `header ${headerText(header)}`),
    ...match.queryParameters.map((query) => `query ${query.name} ${valueText(query.match)}`),
    ...(match.rare === null ? [] : rareTexts(match.rare)),
  ].join(", ");
}

/** Why a route was passed over; `failure` as `RouteMatch.firstFailure` gives it. */
export function describeFailure(
  match: RouteMatchModel,
  failure: number,
  headers: RequestHeaderMap,
  facts: RouteFacts,
): string {
  if (failure === PATH_FAILS) {
    if (match.path.kind === "connect") return "the method is not CONNECT";
    return `the path ${shown(headers.path.split("?", 1)[0]!)} does not match: ${pathText(match)}`;
  }
  if (failure === GRPC_FAILS) return "it is no gRPC request";
  if (match.rare !== null) {
    const rare = describeRareFailure(match.rare, failure, headers, facts);
    if (rare !== null) return rare;
  }
  if (failure >= QUERY_FAILS) {
    const query = match.queryParameters[failure - QUERY_FAILS]!;
    const start = headers.path.indexOf("?");
    const value = start < 0 ? null : queryParameter(headers.path.slice(start + 1), query.name);
    return `query ${query.name} ${valueText(query.match)}: the request has ${found(value)}`;
  }
  const header = match.headers[failure - HEADER_FAILS]!;
  return `header ${headerText(header)}: the request has ${found(valueOf(headers, header.name.toLowerCase()))}`;
}

/** null: it is none of these. */
function describeRareFailure(
  rare: RareConditionsModel,
  failure: number,
  headers: RequestHeaderMap,
  facts: RouteFacts,
): string | null {
  if (failure === FRACTION_FAILS) return `it takes ${fractionText(rare.runtimeFraction!)}; the others go on`;
  if (failure === TLS_FAILS)
    return `${tlsText(rare.tls!)}: ${facts.connection.tls === null ? "the listener has no TLS" : "the client is taken to show none"}`;
  if (failure >= FILTER_STATE_FAILS)
    return `${filterStateText(rare.filterState[failure - FILTER_STATE_FAILS]!)}: what filters leave is not known here`;
  if (failure >= METADATA_FAILS)
    return `${metadataText(rare.metadata[failure - METADATA_FAILS]!)}: what filters leave is not known here`;
  if (failure < COOKIE_FAILS) return null;
  const cookie = rare.cookies[failure - COOKIE_FAILS]!;
  return `${cookieText(cookie)}: the request has ${found(cookieValue(headers, cookie.name))}`;
}

function pathText({ path, caseSensitive }: RouteMatchModel): string {
  const anyCase = caseSensitive || path.kind === "regex" || path.kind === "template" ? "" : " in any case";
  switch (path.kind) {
    case "connect":
      return "CONNECT";
    case "prefix":
      return `prefix ${shown(path.value)}${anyCase}`;
    case "exact":
      return `path ${shown(path.value)}${anyCase}`;
    case "separated_prefix":
      return `prefix ${shown(path.value)} as a whole segment${anyCase}`;
    case "regex":
      return `regex ${shown(path.value)}`;
    case "template":
      return `template ${shown(path.value)}`;
  }
}

function headerText({ name, match, invert, treatMissingAsEmpty }: HeaderMatchModel): string {
  const missing = treatMissingAsEmpty ? " (missing counts as empty)" : "";
  return `${name} ${invert ? "not " : ""}${valueText(match)}${missing}`;
}

function valueText(match: HeaderMatchModel["match"] | QueryMatchModel["match"]): string {
  switch (match.kind) {
    case "present":
      return match.present ? "present" : "absent";
    case "range":
      return `from ${match.start} to below ${match.end}`;
    case "string":
      return matcherText(match.matcher);
  }
}
