/** Regular expressions as filters get them: `context.regexes`. */
import { ConfigError, type Regex, type Regexes, type RegexRewrite } from "@sluice/sdk";
import { compileRegex, type LinearRegex } from "./linear-regex.ts";
import { MatchProblem } from "./match-problem.ts";
import type { Substitution } from "./regex-substitution.ts";

class FilterRegex implements Regex {
  readonly #regex: LinearRegex;

  constructor(regex: LinearRegex) {
    this.#regex = regex;
  }

  matches(text: string): boolean {
    return this.#regex.fullMatch(text);
  }
}

class FilterRewrite implements RegexRewrite {
  readonly #regex: LinearRegex;
  readonly #substitution: Substitution;

  constructor(regex: LinearRegex, substitution: Substitution) {
    this.#regex = regex;
    this.#substitution = substitution;
  }

  apply(text: string): string {
    return this.#regex.replaceAll(text, this.#substitution);
  }
}

function orThrow<Compiled>(compiled: Compiled | MatchProblem): Compiled {
  if (compiled instanceof MatchProblem) throw new ConfigError(`${compiled.message}, expected ${compiled.expected}`);
  return compiled;
}

export const filterRegexes: Regexes = {
  compile: (pattern) => new FilterRegex(orThrow(compileRegex(pattern))),
  compileRewrite(pattern, substitution) {
    const regex = orThrow(compileRegex(pattern));
    return new FilterRewrite(regex, orThrow(regex.substitution(substitution)));
  },
};
