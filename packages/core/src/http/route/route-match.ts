/** Hot path. The conditions of one route, compiled: path, headers, query parameters, gRPC, and what few routes ask for. All must hold. Envoy: RouteMatch. */
import type { HeaderMatchModel, QueryMatchModel, RouteMatchModel } from "../../config/model.ts";
import { type LinearRegex, compileRegex } from "../../matching/linear-regex.ts";
import { MatchProblem } from "../../matching/match-problem.ts";
import { type StringMatcher, compileStringMatcher } from "../../matching/string-matcher.ts";
import type { FractionSource } from "../../matching/tree/input-matcher.ts";
import { compileUriTemplate, type UriTemplate } from "../../matching/uri-template.ts";
import { isGrpc } from "../chain/local-reply.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { valueOf } from "../headers/value-of.ts";
import { RareConditions } from "./rare-conditions.ts";
import type { RouteQuestion } from "./route-question.ts";

export { valueOf };

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
const TEMPLATE = 5;

const KINDS = {
  prefix: PREFIX,
  exact: EXACT,
  separated_prefix: SEPARATED,
  regex: REGEX,
  connect: CONNECT,
  template: TEMPLATE,
} as const;

export const ALL_HOLD = -1;
export const PATH_FAILS = 0;
export const GRPC_FAILS = 1;
export const HEADER_FAILS = 0x1_0000;
export const QUERY_FAILS = 0x2_0000;

export class RouteMatch {
  readonly #kind: number;
  readonly #value: string;
  readonly #caseSensitive: boolean;
  readonly #regex: LinearRegex | null;
  readonly #template: UriTemplate | null;
  readonly #headers: readonly HeaderMatch[] | null;
  readonly #query: readonly QueryMatch[] | null;
  readonly #grpc: boolean;
  readonly #rare: RareConditions | null;
  /** Whether who finds it by its path in an index need not compare that. */
  readonly #isIndexed: boolean;
  /** Nothing else is asked for. */
  readonly #isPathAlone: boolean;

  /** @throws TypeError for a pattern that is not legal. */
  constructor(model: RouteMatchModel, runtime: FractionSource | null) {
    const { path } = model;
    this.#kind = KINDS[path.kind];
    this.#caseSensitive = model.caseSensitive;
    const value = path.kind === "connect" ? "" : path.value;
    this.#value = model.caseSensitive || path.kind === "regex" ? value : value.toLowerCase();
    this.#regex = path.kind === "regex" ? compiled(compileRegex(path.value)) : null;
    this.#template = path.kind === "template" ? compiled(compileUriTemplate(path.value)) : null;
    this.#headers = model.headers.length === 0 ? null : model.headers.map((h) => new HeaderMatch(h));
    this.#query = model.queryParameters.length === 0 ? null : model.queryParameters.map((q) => new QueryMatch(q));
    this.#grpc = model.grpc;
    this.#rare = model.rare === null ? null : new RareConditions(model.rare, runtime);
    this.#isIndexed = path.kind === "prefix" || path.kind === "exact";
    this.#isPathAlone = !model.grpc && this.#headers === null && this.#query === null && model.rare === null;
  }

  holds(question: RouteQuestion): boolean {
    return this.firstFailure(question) === ALL_HOLD;
  }

  /** The same for a route that {@link RouteIndex} has found: where that says all about the path, it is not compared again. */
  holdsIndexed(question: RouteQuestion): boolean {
    if (!this.#isIndexed || question.headers.method === "CONNECT") return this.holds(question);
    return this.#isPathAlone || this.#restFails(question) === ALL_HOLD;
  }

  /**
   * The first condition that does not hold: `PATH_FAILS`, `GRPC_FAILS`, `HEADER_FAILS` + its index, `QUERY_FAILS` + its index, what
   * `RareConditions.firstFailure` tells; or `ALL_HOLD`.
   */
  firstFailure(question: RouteQuestion): number {
    return this.#pathHolds(question) ? this.#restFails(question) : PATH_FAILS;
  }

  #restFails(question: RouteQuestion): number {
    if (this.#grpc && !isGrpc(question.headers)) return GRPC_FAILS;
    const headers = this.#headers;
    if (headers !== null)
      for (let i = 0; i < headers.length; i++) if (!headers[i]!.holds(question.headers)) return HEADER_FAILS + i;
    const query = this.#query;
    if (query !== null) for (let i = 0; i < query.length; i++) if (!query[i]!.holds(question)) return QUERY_FAILS + i;
    const rare = this.#rare;
    return rare === null ? ALL_HOLD : rare.firstFailure(question);
  }

  #pathHolds(question: RouteQuestion): boolean {
    const connect = question.headers.method === "CONNECT";
    if (this.#kind === CONNECT) return connect;
    // CONNECT has no path; only the matcher made for it takes it.
    if (connect && question.path === "") return false;
    if (this.#kind === REGEX) return this.#regex!.fullMatch(question.path);
    if (this.#kind === TEMPLATE) return this.#template!.matches(question.path);
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
