/**
 * What re2js has against a pattern, with its place and what would be right. re2js names the offending
 * piece but not where it stands; the place is found by asking it again about beginnings of the pattern.
 */
import type { RE2JSSyntaxException } from "re2js";
import { MatchProblem } from "./match-problem.ts";
import { re2 } from "./re2.ts";

const EXPECTED: ReadonlyMap<string, string> = new Map([
  ["invalid character class range", "a range in ascending order or the name of a class that RE2 knows"],
  ["invalid escape sequence", "an escape that RE2 knows (it has no backreferences)"],
  ["invalid named capture", "a group name of letters, digits and underscores, as in (?P<name>…)"],
  [
    "invalid or unsupported Perl syntax",
    "a group that RE2 knows: (…), (?:…), (?P<name>…) or flags of imsU (it has no lookaround)",
  ],
  ["invalid nested repetition operator", "one repetition operator (RE2 has no possessive ones)"],
  ["invalid repeat count", "at most 1000 repetitions, nested ones multiplied, and the smaller number first"],
  ["missing closing ]", 'a "]" for every "["'],
  ["missing closing )", 'a ")" for every "("'],
  ["missing argument to repetition operator", "something to repeat before *, +, ? or {"],
  ["trailing backslash at end of expression", "a character after the backslash"],
  ["duplicate capture group name", "a different name for each group"],
  ["unexpected )", 'a "(" for every ")"'],
  ["expression nests too deeply", "less nesting"],
  ["expression too large", "a smaller expression"],
]);

/** Beyond this length the place is not looked for: it costs a compilation for each candidate. */
const MAX_LOCATED = 2000;

/** The problem for what RE2JS.compile threw; anything that is not about the pattern is thrown on. */
export function regexProblem(pattern: string, error: unknown): MatchProblem {
  const { RE2JSException, RE2JSSyntaxException } = re2();
  if (error instanceof RangeError)
    return regexProblem(pattern, new RE2JSSyntaxException("expression nests too deeply"));
  if (!(error instanceof RE2JSException)) throw error;
  if (!(error instanceof RE2JSSyntaxException))
    return new MatchProblem(`regular expression: ${error.message}`, "a smaller expression");
  const position = pattern.length > MAX_LOCATED ? -1 : locate(pattern, error);
  const piece = error.input === null || error.input === "" || error.input === pattern ? "" : ` "${error.input}"`;
  const place = position < 0 ? "" : ` at offset ${position}`;
  const expected = EXPECTED.get(error.error) ?? "an expression in the syntax of RE2";
  return new MatchProblem(`regular expression: ${error.error}${piece}${place}`, expected, position);
}

function locate(pattern: string, error: RE2JSSyntaxException): number {
  switch (error.error) {
    case "trailing backslash at end of expression":
      return pattern.length - 1;
    case "missing closing )":
      return lastWhere(pattern, "(", (start) => compileError(pattern.slice(0, start))?.error !== error.error);
    case "unexpected )":
      return firstWhere(pattern, ")", (start) => compileError(pattern.slice(0, start + 1))?.error === error.error);
    case "duplicate capture group name":
      return firstWhere(pattern, `${error.input}>`, (start) => {
        return compileError(pattern.slice(0, start + `${error.input}>`.length))?.error === error.error;
      });
    default:
      return error.input === null ? -1 : locatePiece(pattern, error, error.input);
  }
}

/** The first place of the piece where the pattern up to its end has the same error. */
function locatePiece(pattern: string, error: RE2JSSyntaxException, piece: string): number {
  return firstWhere(pattern, piece, (start) => {
    const found = compileError(pattern.slice(0, start + piece.length));
    return found?.error === error.error && found.input === piece;
  });
}

function compileError(pattern: string): RE2JSSyntaxException | null {
  const { RE2JS, RE2JSSyntaxException } = re2();
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return error instanceof RE2JSSyntaxException ? error : null;
  }
}

function firstWhere(text: string, piece: string, holds: (start: number) => boolean): number {
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1)) if (holds(at)) return at;
  return -1;
}

function lastWhere(text: string, piece: string, holds: (start: number) => boolean): number {
  for (let at = text.lastIndexOf(piece); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(piece, at - 1)) {
    if (holds(at)) return at;
  }
  return -1;
}
