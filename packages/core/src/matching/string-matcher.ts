/**
 * Hot path (docs/extending/hot-path-rules.md). Envoy's type.matcher.v3.StringMatcher but for `custom`. One
 * class for all kinds, so that a list of matchers is one shape. Case is ASCII case, as Envoy's.
 */
import { compileRegex, type LinearRegex } from "./linear-regex.ts";
import { MatchProblem } from "./match-problem.ts";

export type StringMatcherKind = "exact" | "prefix" | "suffix" | "contains" | "regex";

/** Plain data; `regex` is `safe_regex.regex`. */
export interface StringMatcherSpec {
  readonly kind: StringMatcherKind;
  /** Not empty, unless exact. */
  readonly value: string;
  /** StringMatcher.ignore_case. Default: false. Refused with `regex`, as Envoy refuses it: `(?i)` does that. */
  readonly ignoreCase?: boolean | undefined;
}

const EXACT = 0;
const PREFIX = 1;
const SUFFIX = 2;
const CONTAINS = 3;
const REGEX = 4;
const KINDS = { exact: EXACT, prefix: PREFIX, suffix: SUFFIX, contains: CONTAINS, regex: REGEX } as const;

/** Made by {@link compileStringMatcher}. Texts are compared unit by unit: see LinearRegex about latin1. */
export class StringMatcher {
  readonly #kind: number;
  /** In lower case where case is ignored. */
  readonly #value: string;
  readonly #ignoreCase: boolean;
  readonly #regex: LinearRegex | null;

  constructor(kind: StringMatcherKind, value: string, ignoreCase: boolean, regex: LinearRegex | null) {
    this.#kind = KINDS[kind];
    this.#value = ignoreCase ? asciiLowerCase(value) : value;
    this.#ignoreCase = ignoreCase;
    this.#regex = regex;
  }

  matches(text: string): boolean {
    const value = this.#value;
    if (this.#ignoreCase) return this.#matchesIgnoringCase(text);
    switch (this.#kind) {
      case EXACT:
        return text === value;
      case PREFIX:
        return text.startsWith(value);
      case SUFFIX:
        return text.endsWith(value);
      case CONTAINS:
        return text.includes(value);
      default:
        return (this.#regex as LinearRegex).fullMatch(text);
    }
  }

  #matchesIgnoringCase(text: string): boolean {
    const value = this.#value;
    switch (this.#kind) {
      case EXACT:
        return text.length === value.length && hasAtIgnoringCase(text, 0, value);
      case PREFIX:
        return hasAtIgnoringCase(text, 0, value);
      case SUFFIX:
        return hasAtIgnoringCase(text, text.length - value.length, value);
      default:
        return text.length >= value.length && asciiLowerCase(text).includes(value);
    }
  }
}

/** The matcher, or why it cannot be: an empty value, a pattern that RE2 refuses, or an `ignoreCase` that would do nothing. */
export function compileStringMatcher(spec: StringMatcherSpec): StringMatcher | MatchProblem {
  const { kind, value } = spec;
  const ignoreCase = spec.ignoreCase ?? false;
  if (value === "" && kind !== "exact") {
    return new MatchProblem(
      `${kind} is empty`,
      kind === "regex" ? 'a pattern, such as ".*"' : "at least one character, or a regex",
    );
  }
  if (kind !== "regex") return new StringMatcher(kind, value, ignoreCase, null);
  if (ignoreCase)
    return new MatchProblem("ignore_case has no effect for safe_regex", 'the pattern to begin with "(?i)"');
  const regex = compileRegex(value);
  return regex instanceof MatchProblem ? regex : new StringMatcher(kind, value, false, regex);
}

/** Whether `lower` stands in `text` at `at` but for case. */
function hasAtIgnoringCase(text: string, at: number, lower: string): boolean {
  if (at < 0 || at + lower.length > text.length) return false;
  for (let i = 0; i < lower.length; i++) {
    let code = text.charCodeAt(at + i);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code !== lower.charCodeAt(i)) return false;
  }
  return true;
}

const NOT_ASCII = /[^\0-\x7f]/;
const UPPER_CASE = /[A-Z]+/g;

function asciiLowerCase(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(UPPER_CASE, lowerCase) : text.toLowerCase();
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}
