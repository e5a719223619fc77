/** Conditions on headers and the query in rate limit policies of filters. Envoy: header_value_match, query_parameter_value_match. */
import type { RateLimitCondition, Regexes, RequestHeaders } from "@sluice/sdk";
import { HeaderMatcher, type HeaderMatcherSettings, parseHeaderMatcher } from "../header-matcher.ts";
import type { Section } from "../section.ts";

export interface QuerySettings {
  /** As it is written once it is decoded: case matters. */
  readonly name: string;
  readonly value: HeaderMatcherSettings;
}

export interface ConditionSettings {
  readonly headers: readonly HeaderMatcherSettings[];
  readonly query: readonly QuerySettings[];
}

export const QUERY_MATCHER: readonly string[] = ["name", "string_match", "present_match"];

/** @throws ConfigError */
export function parseQueryMatcher(section: Section): QuerySettings {
  const name = section.string("name");
  // The value is held to the same conditions as that of a header.
  return { name, value: parseHeaderMatcher(section) };
}

/** All must hold. */
export class Conditions implements RateLimitCondition {
  readonly #headers: readonly HeaderMatcher[];
  readonly #query: readonly ParameterMatcher[];

  constructor({ headers, query }: ConditionSettings, regexes: Regexes) {
    this.#headers = headers.map((settings) => new HeaderMatcher(settings, regexes));
    this.#query = query.map((settings) => new ParameterMatcher(settings, regexes));
  }

  holds(headers: RequestHeaders): boolean {
    for (let i = 0; i < this.#headers.length; i++) if (!this.#headers[i]!.matches(headers)) return false;
    for (let i = 0; i < this.#query.length; i++) if (!this.#query[i]!.holds(headers.path)) return false;
    return true;
  }
}

class ParameterMatcher {
  readonly #name: string;
  readonly #matcher: HeaderMatcher;

  constructor({ name, value }: QuerySettings, regexes: Regexes) {
    this.#name = name;
    this.#matcher = new HeaderMatcher({ ...value, name: "value" }, regexes);
  }

  holds(path: string): boolean {
    return this.#matcher.matches(new OneValue(parameterOf(path, this.#name)) as never);
  }
}

/** What the matcher of headers reads. */
class OneValue {
  readonly #values: string[];

  constructor(value: string | null) {
    this.#values = value === null ? [] : [value];
  }

  getAll(): string[] {
    return this.#values;
  }
}

/** The first of that name, percent-decoded to bytes, as its name is; null: there is none. */
function parameterOf(path: string, name: string): string | null {
  let at = path.indexOf("?") + 1;
  if (at === 0) return null;
  while (at < path.length) {
    let end = path.indexOf("&", at);
    if (end < 0) end = path.length;
    const pair = path.slice(at, end);
    const equals = pair.indexOf("=");
    if (decoded(equals < 0 ? pair : pair.slice(0, equals)) === name)
      return equals < 0 ? "" : decoded(pair.slice(equals + 1));
    at = end + 1;
  }
  return null;
}

function decoded(text: string): string {
  return text.includes("%") ? text.replace(/%([0-9a-fA-F]{2})/g, unescaped) : text;
}

function unescaped(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}
