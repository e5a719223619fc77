/**
 * RE2's rewrite templates: `\0` is the match, `\1` to `\9` its groups (an unset one is empty), `\\` a
 * backslash. Everything else stands for itself. Compiled once into what each engine wants.
 */
import { MatchProblem } from "./match-problem.ts";

export class Substitution {
  /** Text, group, text, group, …, text: texts at even places, numbers of groups at odd ones. */
  readonly parts: readonly (string | number)[];
  /** The same for String.prototype.replace. */
  readonly jsTemplate: string;

  constructor(parts: readonly (string | number)[]) {
    this.parts = parts;
    this.jsTemplate = parts.map(toJs).join("");
  }

  expand(groups: readonly string[]): string {
    let text = "";
    for (const part of this.parts) text += typeof part === "string" ? part : (groups[part] ?? "");
    return text;
  }
}

/** The template as data, or what RE2::CheckRewriteString has against it. */
export function compileSubstitution(template: string, groupCount: number): Substitution | MatchProblem {
  const parts: (string | number)[] = [];
  let text = "";
  for (let i = 0; i < template.length; i++) {
    const char = template.charAt(i);
    if (char !== "\\") {
      text += char;
      continue;
    }
    i++;
    const escaped = template.charAt(i);
    if (escaped === "\\") text += "\\";
    else if (escaped >= "0" && escaped <= "9") {
      const group = Number(escaped);
      if (group > groupCount) return noSuchGroup(group, groupCount, i - 1);
      parts.push(text, group);
      text = "";
    } else {
      const message = escaped === "" ? "substitution ends with a backslash" : `substitution has "\\${escaped}"`;
      return new MatchProblem(message, 'a digit or another "\\" after a backslash', i - 1);
    }
  }
  parts.push(text);
  return new Substitution(parts);
}

function noSuchGroup(group: number, groupCount: number, position: number): MatchProblem {
  const expected = groupCount === 0 ? '"\\0", as the pattern has no groups' : `a group from 0 to ${groupCount}`;
  return new MatchProblem(`substitution refers to group ${group}, which the pattern does not have`, expected, position);
}

/** With two digits, so that a digit that follows is not read as part of the number. */
function toJs(part: string | number): string {
  if (typeof part === "string") return part.replaceAll("$", "$$$$");
  return part === 0 ? "$&" : `$0${part}`;
}
