/** `%QUERY_PARAM(NAME)%` and `%PATH(WQ|NQ:WHICH)%`: parts of the request's path. */
import { MatchProblem } from "../matching/match-problem.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";

/** The first value as it is written, without decoding. */
class QueryParamOperator implements Operator {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  text({ requestHeaders }: FormatContext): string | null {
    const path = requestHeaders?.path ?? "";
    const name = this.#name;
    let at = path.indexOf("?") + 1;
    if (at === 0) return null;
    while (at <= path.length) {
      let end = path.indexOf("&", at);
      if (end < 0) end = path.length;
      if (path.startsWith(name, at) && path.charAt(at + name.length) === "=" && at + name.length < end)
        return path.slice(at + name.length + 1, end);
      at = end + 1;
    }
    return null;
  }

  json(context: FormatContext): unknown {
    return this.text(context);
  }
}

export function queryParamOperator(argument: string): Operator | MatchProblem {
  return argument === ""
    ? new MatchProblem("%QUERY_PARAM()% names no parameter", "the name of a query parameter")
    : new QueryParamOperator(argument);
}

/** Where routes have rewritten it, the path as it came stands in a header. */
class PathOperator implements Operator {
  readonly #original: boolean;
  readonly #current: boolean;
  readonly #withQuery: boolean;

  constructor(original: boolean, current: boolean, withQuery: boolean) {
    this.#original = original;
    this.#current = current;
    this.#withQuery = withQuery;
  }

  text({ requestHeaders: headers }: FormatContext): string | null {
    if (headers === null) return null;
    const before = this.#original ? (headers.find("x-envoy-original-path")?.value ?? "") : "";
    const path = before !== "" || !this.#current ? before : headers.path;
    if (path === "") return null;
    const query = this.#withQuery ? -1 : path.indexOf("?");
    return query < 0 ? path : path.slice(0, query);
  }

  json(context: FormatContext): unknown {
    return this.text(context);
  }
}

export function pathOperator(argument: string): Operator | MatchProblem {
  const [query = "", which = "ORIG_OR_PATH", ...rest] = argument.split(":");
  const isKnown = /^(|WQ|NQ)$/.test(query) && /^(PATH|ORIG|ORIG_OR_PATH)$/.test(which) && rest.length === 0;
  if (!isKnown)
    return new MatchProblem(`${JSON.stringify(argument)} says no path`, "WQ or NQ, and PATH, ORIG or ORIG_OR_PATH");
  return new PathOperator(which !== "PATH", which !== "ORIG", query !== "NQ");
}
