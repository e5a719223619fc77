/**
 * Hot path (docs/extending/hot-path-rules.md). Envoy's safe_regex: RE2's syntax and RE2's promise of
 * linear time. re2js checks every pattern and can run it; a pattern for which regex-proof.ts shows that
 * backtracking is linear too, and regex-syntax.ts that JavaScript means the same, runs on RegExp, many times faster.
 */
import type { RE2JS } from "re2js";
import { MatchProblem } from "./match-problem.ts";
import { re2 } from "./re2.ts";
import { emitFullMatch, emitSearch } from "./regex-emit.ts";
import { regexProblem } from "./regex-problem.ts";
import { fullMatchCost, searchCost } from "./regex-proof.ts";
import { compileSubstitution, Substitution } from "./regex-substitution.ts";
import { parseRegex } from "./regex-syntax.ts";

export { MatchProblem as RegexProblem };

export type RegexEngine = "regexp" | "re2js";

/** Longer texts go to re2js: V8's stack for backtracking is finite, and what exceeds it throws. */
const MAX_NATIVE_LENGTH = 1 << 18;
/** Characters that re2js may read to replace all matches: each may need the whole rest of the text (`a.*z|a`), and all together its square. */
const MAX_REPLACE_READS = 1 << 20;

export class RegexMatch {
  readonly start: number;
  readonly end: number;
  /** The match itself, then its groups; an unset group is empty, as in RE2's rewrites. */
  readonly groups: readonly string[];

  constructor(start: number, groups: readonly string[]) {
    this.start = start;
    this.end = start + (groups[0] as string).length;
    this.groups = groups;
  }
}

/**
 * A compiled pattern. Texts are compared code point by code point; a text that was read as latin1 is thus
 * seen byte by byte, where Envoy sees UTF-8. Both agree unless the pattern itself goes beyond ASCII or
 * counts characters of such a text; decode it first if that matters.
 */
export class LinearRegex {
  readonly pattern: string;
  readonly groupCount: number;
  /** What {@link fullMatch} runs on. */
  readonly engine: RegexEngine;
  /** What {@link find} and {@link replaceAll} run on; searching asks more of a pattern than matching whole. */
  readonly searchEngine: RegexEngine;
  readonly #re2: RE2JS;
  readonly #whole: RegExp | null;
  readonly #search: RegExp | null;
  #template: string;
  #substitution: Substitution | null;

  constructor(pattern: string, re2: RE2JS) {
    const tree = parseRegex(pattern);
    this.pattern = pattern;
    this.groupCount = re2.groupCount();
    this.#re2 = re2;
    this.#whole = tree !== null && fullMatchCost(tree) !== null ? new RegExp(emitFullMatch(tree), "u") : null;
    this.#search = tree !== null && searchCost(tree) !== null ? new RegExp(emitSearch(tree), "gu") : null;
    this.engine = this.#whole === null ? "re2js" : "regexp";
    this.searchEngine = this.#search === null ? "re2js" : "regexp";
    this.#template = "";
    this.#substitution = null;
  }

  /** Whether the pattern matches the whole text (RE2::FullMatch; Envoy's `safe_regex`). */
  fullMatch(text: string): boolean {
    const whole = this.#whole;
    return whole !== null && text.length <= MAX_NATIVE_LENGTH ? whole.test(text) : this.#re2.testExact(text);
  }

  /** The leftmost match that begins at `from` or later, by Perl's preferences, as RE2 finds it. */
  find(text: string, from = 0): RegexMatch | null {
    const search = this.#search;
    if (search === null || text.length > MAX_NATIVE_LENGTH) return this.#findByRe2(text, from);
    search.lastIndex = from;
    const found = search.exec(text);
    if (found === null) return null;
    const groups: string[] = [];
    for (let i = 0; i <= this.groupCount; i++) groups.push(found[i] ?? "");
    return new RegexMatch(found.index, groups);
  }

  /**
   * Replaces all matches that do not overlap (RE2::GlobalReplace; Envoy's `regex_rewrite`). A template that
   * {@link substitution} refuses changes nothing, as in RE2; check it when the configuration is read.
   * @throws RangeError where so many matches in so long a text may take more than linear time
   */
  replaceAll(text: string, substitution: Substitution | string): string {
    const compiled = typeof substitution === "string" ? this.#remember(substitution) : substitution;
    if (compiled === null) return text;
    const search = this.#search;
    if (search === null || text.length > MAX_NATIVE_LENGTH) return this.#replaceByRe2(text, compiled);
    return text.replace(search, compiled.jsTemplate);
  }

  /** Compiles a template with `\0` to `\9` for {@link replaceAll}. */
  substitution(template: string): Substitution | MatchProblem {
    return compileSubstitution(template, this.groupCount);
  }

  #remember(template: string): Substitution | null {
    if (this.#template === template && this.#substitution !== null) return this.#substitution;
    const compiled = this.substitution(template);
    this.#template = template;
    this.#substitution = compiled instanceof Substitution ? compiled : null;
    return this.#substitution;
  }

  #findByRe2(text: string, from: number): RegexMatch | null {
    const matcher = this.#re2.matcher(text);
    if (from > text.length || !matcher.find(from)) return null;
    const groups: string[] = [];
    for (let i = 0; i <= this.groupCount; i++) groups.push(matcher.group(i) ?? "");
    return new RegexMatch(matcher.start(), groups);
  }

  /** RE2 allows an empty match anywhere but at the end of the one before. */
  #replaceByRe2(text: string, substitution: Substitution): string {
    let result = "";
    let position = 0;
    let lastEnd = -1;
    let reads = 0;
    while (position <= text.length) {
      reads += text.length - position;
      if (reads > MAX_REPLACE_READS && lastEnd >= 0 && this.#search === null)
        throw new RangeError(`${text.length} characters have too many matches of ${this.pattern}`);
      const found = this.#findByRe2(text, position);
      if (found === null) break;
      result += text.slice(position, found.start);
      position = found.end;
      if (found.start === found.end && found.start === lastEnd) {
        const skipped = text.codePointAt(position);
        if (skipped === undefined) break;
        const char = String.fromCodePoint(skipped);
        result += char;
        position += char.length;
      } else {
        result += substitution.expand(found.groups);
        lastEnd = found.end;
      }
    }
    return lastEnd < 0 ? text : result + text.slice(position);
  }
}

/** Compiles a pattern in RE2's syntax; never throws for what a pattern contains. */
export function compileRegex(pattern: string): LinearRegex | MatchProblem {
  try {
    return new LinearRegex(pattern, re2().RE2JS.compile(pattern));
  } catch (error) {
    return regexProblem(pattern, error);
  }
}
