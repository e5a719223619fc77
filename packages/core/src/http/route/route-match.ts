/** Hot path. The conditions of one route, compiled: path, headers, query parameters, gRPC. All must hold. Envoy: RouteMatch. */
import type { HeaderMatchModel, QueryMatchModel, RouteMatchModel } from "../../config/model.ts";
import { type LinearRegex, compileRegex } from "../../matching/linear-regex.ts";
import { MatchProblem } from "../../matching/match-problem.ts";
import { type StringMatcher, compileStringMatcher } from "../../matching/string-matcher.ts";
import { isGrpc } from "../chain/local-reply.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";

/** A value that must compile: the configuration was checked before it got here. @throws TypeError */
export function compiled<T>(value: T | MatchProblem): T {
  if (value instanceof MatchProblem) throw new TypeError(value.message);
  return value;
}

const PREFIX = 0;
const EXACT = 1;
const SEPARATED = 2;
const REGEX = 3;
const CONNECT = 4;

export const ALL_HOLD = -1;
export const PATH_FAILS = 0;
export const GRPC_FAILS = 1;
export const HEADER_FAILS = 0x1_0000;
export const QUERY_FAILS = 0x2_0000;

/** A request as route conditions see it; one per table, refilled for each match. */
export class RouteQuestion {
  headers!: RequestHeaderMap;
  /** Path without query. */
  path = "";
  /** `path`, lower-case, made when a condition ignores case. */
  lowerPath = "";
  /** Query without `?`. */
  query = "";

  ask(headers: RequestHeaderMap): void {
    this.headers = headers;
    const { path } = headers;
    const end = path.indexOf("?");
    this.path = end < 0 ? path : path.slice(0, end);
    this.lowerPath = "";
    this.query = end < 0 ? "" : path.slice(end + 1);
  }

  lower(): string {
    if (this.lowerPath === "") this.lowerPath = this.path.toLowerCase();
    return this.lowerPath;
  }

  /** First value of a query parameter as it is written, without decoding, as in Envoy; null where there is none. */
  parameter(name: string): string | null {
    const { query } = this;
    let at = 0;
    while (at < query.length) {
      let end = query.indexOf("&", at);
      if (end < 0) end = query.length;
      let equals = query.indexOf("=", at);
      if (equals < 0 || equals > end) equals = end;
      if (equals - at === name.length && query.startsWith(name, at)) return query.slice(equals + 1, end);
      at = end + 1;
    }
    return null;
  }
}

export class RouteMatch {
  readonly #kind: number;
  readonly #value: string;
  readonly #caseSensitive: boolean;
  readonly #regex: LinearRegex | null;
  readonly #headers: readonly HeaderMatch[] | null;
  readonly #query: readonly QueryMatch[] | null;
  readonly #grpc: boolean;

  /** @throws TypeError for a pattern that is not legal. */
  constructor(model: RouteMatchModel) {
    const { path } = model;
    this.#kind = { prefix: PREFIX, exact: EXACT, separated_prefix: SEPARATED, regex: REGEX, connect: CONNECT }[
      path.kind
    ];
    this.#caseSensitive = model.caseSensitive;
    const value = path.kind === "connect" ? "" : path.value;
    this.#value = model.caseSensitive || path.kind === "regex" ? value : value.toLowerCase();
    this.#regex = path.kind === "regex" ? compiled(compileRegex(path.value)) : null;
    this.#headers = model.headers.length === 0 ? null : model.headers.map((h) => new HeaderMatch(h));
    this.#query = model.queryParameters.length === 0 ? null : model.queryParameters.map((q) => new QueryMatch(q));
    this.#grpc = model.grpc;
  }

  holds(question: RouteQuestion): boolean {
    return this.firstFailure(question) === ALL_HOLD;
  }

  /** The first condition that does not hold: `PATH_FAILS`, `GRPC_FAILS`, `HEADER_FAILS` + its index, `QUERY_FAILS` + its index; or `ALL_HOLD`. */
  firstFailure(question: RouteQuestion): number {
    if (!this.#pathHolds(question)) return PATH_FAILS;
    if (this.#grpc && !isGrpc(question.headers)) return GRPC_FAILS;
    const headers = this.#headers;
    if (headers !== null)
      for (let i = 0; i < headers.length; i++) if (!headers[i]!.holds(question.headers)) return HEADER_FAILS + i;
    const query = this.#query;
    if (query !== null) for (let i = 0; i < query.length; i++) if (!query[i]!.holds(question)) return QUERY_FAILS + i;
    return ALL_HOLD;
  }

  #pathHolds(question: RouteQuestion): boolean {
    const connect = question.headers.method === "CONNECT";
    if (this.#kind === CONNECT) return connect;
    // CONNECT has no path; only the matcher made for it takes it.
    if (connect && question.path === "") return false;
    if (this.#kind === REGEX) return this.#regex!.fullMatch(question.path);
    const path = this.#caseSensitive ? question.path : question.lower();
    const value = this.#value;
    switch (this.#kind) {
      case PREFIX:
        return path.startsWith(value);
      case EXACT:
        return path === value;
      default:
        return path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === 0x2f);
    }
  }
}

/** Envoy: HeaderMatcher. Every value is read: several lines are joined with a comma, as one list. */
export class HeaderMatch {
  readonly #name: string;
  readonly #kind: "string" | "present" | "range";
  readonly #matcher: StringMatcher | null;
  readonly #present: boolean;
  readonly #start: number;
  readonly #end: number;
  readonly #invert: boolean;
  readonly #missingIsEmpty: boolean;

  constructor(model: HeaderMatchModel) {
    const { match } = model;
    this.#name = model.name.toLowerCase();
    this.#kind = match.kind;
    this.#matcher = match.kind === "string" ? compiled(compileStringMatcher(match.matcher)) : null;
    this.#present = match.kind === "present" ? match.present : false;
    this.#start = match.kind === "range" ? match.start : 0;
    this.#end = match.kind === "range" ? match.end : 0;
    this.#invert = model.invert;
    this.#missingIsEmpty = model.treatMissingAsEmpty;
  }

  holds(headers: RequestHeaderMap): boolean {
    let value = valueOf(headers, this.#name);
    if (this.#kind === "present") return (value !== null) === this.#present ? !this.#invert : this.#invert;
    if (value === null) {
      // A header that is missing matches nothing, inverted or not, unless it counts as empty.
      if (!this.#missingIsEmpty) return false;
      value = "";
    }
    return this.#valueHolds(value) !== this.#invert;
  }

  #valueHolds(value: string): boolean {
    if (this.#matcher !== null) return this.#matcher.matches(value);
    if (!/^[+-]?[0-9]{1,19}$/.test(value)) return false;
    const number = Number(value);
    return number >= this.#start && number < this.#end;
  }
}

/** Value of a header or pseudo-header, several lines joined; null where there is none. */
export function valueOf(headers: RequestHeaderMap, name: string): string | null {
  switch (name) {
    case ":method":
      return headers.method;
    case ":path":
      return some(headers.path);
    case ":authority":
    case "host":
      return some(headers.authority);
    case ":scheme":
      return some(headers.scheme);
    default: {
      const { fields } = headers;
      let joined: string | null = null;
      for (let i = 0; i < fields.length; i++) {
        const f = fields[i]!;
        if (f.name === name) joined = joined === null ? f.value : `${joined},${f.value}`;
      }
      return joined;
    }
  }
}

function some(value: string): string | null {
  return value === "" ? null : value;
}

/** Envoy: QueryParameterMatcher; of several values the first counts. */
class QueryMatch {
  readonly #name: string;
  readonly #matcher: StringMatcher | null;
  readonly #present: boolean;

  constructor(model: QueryMatchModel) {
    this.#name = model.name;
    this.#matcher = model.match.kind === "string" ? compiled(compileStringMatcher(model.match.matcher)) : null;
    this.#present = model.match.kind === "present" ? model.match.present : true;
  }

  holds(question: RouteQuestion): boolean {
    const value = question.parameter(this.#name);
    if (this.#matcher === null) return (value !== null) === this.#present;
    return value !== null && this.#matcher.matches(value);
  }
}
