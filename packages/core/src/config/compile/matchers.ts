/** String matchers and regular expressions. */
import type { Message } from "@bufbuild/protobuf";
import { compileRegex } from "../../matching/linear-regex.ts";
import { MatchProblem } from "../../matching/match-problem.ts";
import type { RegexMatchAndSubstitute, RegexMatcher } from "../envoy/generated/envoy/type/matcher/v3/regex_pb.js";
import type { StringMatcher } from "../envoy/generated/envoy/type/matcher/v3/string_pb.js";
import type { StringMatcherModel } from "../model.ts";
import type { CompileContext, Field } from "./context.ts";

/** undefined when it was reported, here or before. */
export function compileStringMatcher(
  context: CompileContext,
  owner: Message,
  field: string,
  matcher: StringMatcher | undefined,
): StringMatcherModel | undefined {
  if (matcher === undefined) return void context.missing({ message: owner }, field);
  const { matchPattern, ignoreCase } = matcher;
  switch (matchPattern.case) {
    case "exact":
    case "prefix":
    case "suffix":
    case "contains":
      return { kind: matchPattern.case, value: matchPattern.value, ignoreCase };
    case "safeRegex": {
      if (ignoreCase) {
        context.warning(
          { message: matcher, field: "ignore_case" },
          "ERR_CONFIG_CONFLICT",
          "ignore_case has no effect on a regular expression",
          {
            expected: "(?i) in the expression",
          },
        );
      }
      const value = compileRegexMatcher(context, matchPattern.value);
      return value === undefined ? undefined : { kind: "regex", value, ignoreCase: false };
    }
    case "custom":
    case undefined:
      return undefined;
  }
}

/** The pattern, when it is a regular expression that Envoy's RE2 would take. */
export function compileRegexMatcher(context: CompileContext, matcher: RegexMatcher): string | undefined {
  if (matcher.regex === "") return undefined;
  const compiled = compileRegex(matcher.regex);
  if (compiled instanceof MatchProblem) return void refuse(context, { message: matcher, field: "regex" }, compiled);
  return matcher.regex;
}

function refuse(context: CompileContext, at: Field, { message, expected }: MatchProblem): void {
  context.error(at, "ERR_CONFIG_TYPE", message, { expected });
}

export interface RegexRewrite {
  readonly pattern: string;
  readonly substitution: string;
}

export function compileRegexRewrite(
  context: CompileContext,
  rewrite: RegexMatchAndSubstitute | undefined,
): RegexRewrite | null {
  if (rewrite?.pattern === undefined) return null;
  const pattern = compileRegexMatcher(context, rewrite.pattern);
  if (pattern === undefined) return null;
  const regex = compileRegex(pattern);
  const substitution = regex instanceof MatchProblem ? regex : regex.substitution(rewrite.substitution);
  if (substitution instanceof MatchProblem) refuse(context, { message: rewrite, field: "substitution" }, substitution);
  return { pattern, substitution: rewrite.substitution };
}
