/** Conditions of routes in words: what a route asks for, and which of it a request does not have. */
import type { HeaderMatchModel, QueryMatchModel, RouteMatchModel, StringMatcherModel } from "../config/model.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import {
  GRPC_FAILS,
  HEADER_FAILS,
  PATH_FAILS,
  QUERY_FAILS,
  RouteQuestion,
  valueOf,
} from "../http/route/route-match.ts";

/** Everything that a route asks for. */
export function describeMatch(match: RouteMatchModel): string {
  return [
    pathText(match),
    ...(match.grpc ? ["gRPC"] : []),
    ...match.headers.map((header) => `header ${headerText(header)}`),
    ...match.queryParameters.map((query) => `query ${query.name} ${valueText(query.match)}`),
  ].join(", ");
}

/** Why a route was passed over; `failure` as `RouteMatch.firstFailure` gives it. */
export function describeFailure(match: RouteMatchModel, failure: number, headers: RequestHeaderMap): string {
  if (failure === PATH_FAILS) {
    if (match.path.kind === "connect") return "the method is not CONNECT";
    return `the path ${shown(headers.path.split("?", 1)[0]!)} does not match: ${pathText(match)}`;
  }
  if (failure === GRPC_FAILS) return "it is no gRPC request";
  if (failure >= QUERY_FAILS) {
    const query = match.queryParameters[failure - QUERY_FAILS]!;
    const question = new RouteQuestion();
    question.ask(headers);
    return `query ${query.name} ${valueText(query.match)}: the request has ${found(question.parameter(query.name))}`;
  }
  const header = match.headers[failure - HEADER_FAILS]!;
  return `header ${headerText(header)}: the request has ${found(valueOf(headers, header.name.toLowerCase()))}`;
}

function pathText({ path, caseSensitive }: RouteMatchModel): string {
  const anyCase = caseSensitive || path.kind === "regex" ? "" : " in any case";
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

function matcherText({ kind, value, ignoreCase }: StringMatcherModel): string {
  return `${kind} ${shown(value)}${ignoreCase ? " in any case" : ""}`;
}

function found(value: string | null): string {
  return value === null ? "none" : shown(value);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
