/**
 * A tree as the source of a RegExp with the flag `u` and no other. Every set is written out as ranges of
 * code points, so nothing depends on what JavaScript means by `.`, `\s`, `\w` or `i`.
 */
import { complement, type CharSet } from "./char-set.ts";
import type { Node } from "./regex-syntax.ts";

/** For searching: with captures, numbered as in RE2. */
export function emitSearch(node: Node): string {
  return emit(node, true);
}

/** For matching the whole text: without captures, anchored once. */
export function emitFullMatch(node: Node): string {
  return `^(?:${emit(withoutOuterAnchors(node), false)})$`;
}

/** `^` first and `$` last say nothing more about a full match. */
function withoutOuterAnchors(node: Node): Node {
  if (node.kind !== "sequence") return node;
  const { nodes } = node;
  const from = nodes[0]?.kind === "begin" ? 1 : 0;
  const to = nodes.length > from && nodes.at(-1)?.kind === "end" ? -1 : undefined;
  return { kind: "sequence", nodes: nodes.slice(from, to) };
}

function emit(node: Node, captures: boolean): string {
  switch (node.kind) {
    case "char":
      return emitSet(node.set);
    case "begin":
      return "^";
    case "end":
      return "$";
    case "sequence":
      return node.nodes
        .map((child) => (child.kind === "alternation" ? atom(child, captures) : emit(child, captures)))
        .join("");
    case "alternation":
      return node.branches.map((branch) => emit(branch, captures)).join("|");
    case "group":
      return `(${captures ? "" : "?:"}${emit(node.node, captures)})`;
    case "repeat":
      return atom(node.node, captures) + quantifier(node.min, node.max) + (node.lazy ? "?" : "");
  }
}

function atom(node: Node, captures: boolean): string {
  const source = emit(node, captures);
  return node.kind === "char" || node.kind === "group" ? source : `(?:${source})`;
}

function quantifier(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === max) return `{${min}}`;
  return min === 0 && max === 1 ? "?" : `{${min},${max}}`;
}

function emitSet(set: CharSet): string {
  if (set.length === 2 && set[0] === set[1]) return emitCodePoint(set[0] as number);
  const rest = complement(set);
  return rest.length < set.length ? `[^${emitRanges(rest)}]` : `[${emitRanges(set)}]`;
}

function emitRanges(set: CharSet): string {
  let source = "";
  for (let i = 0; i < set.length; i += 2) {
    source += emitCodePoint(set[i] as number);
    if (set[i] !== set[i + 1]) source += `-${emitCodePoint(set[i + 1] as number)}`;
  }
  return source;
}

function emitCodePoint(code: number): string {
  const char = String.fromCodePoint(code);
  return /[0-9A-Za-z_/]/.test(char) ? char : `\\u{${code.toString(16)}}`;
}
