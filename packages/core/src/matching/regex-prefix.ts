/** The text that every match of a pattern must begin with, as far as that is plain to see: where it is not, nothing is said. */

const LITERAL = /^[a-zA-Z0-9/_~%@:,;=&!-]*/;
/** Makes what stands before it optional or repeated. */
const QUANTIFIERS = "?*+{";

export function regexPrefix(pattern: string): string {
  // An alternative may begin with something else; flags may change what letters mean; an empty quotation hands its quantifier to what stands before it.
  if (pattern.includes("|") || pattern.includes("(?") || pattern.includes("\\Q")) return "";
  const begin = pattern.startsWith("^") ? 1 : 0;
  const literal = LITERAL.exec(pattern.slice(begin))![0];
  const next = pattern.charAt(begin + literal.length);
  return next !== "" && QUANTIFIERS.includes(next) ? literal.slice(0, -1) : literal;
}
