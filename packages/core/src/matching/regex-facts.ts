/** What can be read off a pattern's tree without regard to what follows a node. */
import { charSet, type CharSet, NOTHING } from "./char-set.ts";
import type { Node } from "./regex-syntax.ts";

/** A sequence's parts; any other node alone. */
export function itemsOf(node: Node): readonly Node[] {
  return node.kind === "sequence" ? node.nodes : [node];
}

/** Whether it can match nothing. */
export function isNullable(node: Node): boolean {
  switch (node.kind) {
    case "char":
      return false;
    case "begin":
    case "end":
      return true;
    case "group":
      return isNullable(node.node);
    case "sequence":
      return node.nodes.every(isNullable);
    case "alternation":
      return node.branches.some(isNullable);
    case "repeat":
      return node.min === 0 || isNullable(node.node);
  }
}

/** In characters. */
export function minLengthOf(node: Node): number {
  switch (node.kind) {
    case "char":
      return 1;
    case "begin":
    case "end":
      return 0;
    case "group":
      return minLengthOf(node.node);
    case "sequence":
      return node.nodes.reduce((sum, child) => sum + minLengthOf(child), 0);
    case "alternation":
      return Math.min(...node.branches.map(minLengthOf));
    case "repeat":
      return node.min * minLengthOf(node.node);
  }
}

/** Nodes, with counted repetitions written out. */
export function sizeOf(node: Node): number {
  switch (node.kind) {
    case "char":
    case "begin":
    case "end":
      return 1;
    case "group":
      return 1 + sizeOf(node.node);
    case "sequence":
      return node.nodes.reduce((sum, child) => sum + sizeOf(child), 0);
    case "alternation":
      return node.branches.reduce((sum, child) => sum + 1 + sizeOf(child), 0);
    case "repeat":
      return sizeOf(node.node) * Math.max(node.min, node.max === Infinity ? 1 : node.max) + 1;
  }
}

/** Whether it can match at the start of the text only. */
export function beginsAnchored(node: Node): boolean {
  switch (node.kind) {
    case "begin":
      return true;
    case "group":
      return beginsAnchored(node.node);
    case "sequence":
      return node.nodes.length > 0 && beginsAnchored(node.nodes[0] as Node);
    case "alternation":
      return node.branches.every(beginsAnchored);
    default:
      return false;
  }
}

/** The ranges of all its characters, unsorted. */
export function setsOf(node: Node): readonly number[] {
  switch (node.kind) {
    case "char":
      return node.set;
    case "begin":
    case "end":
      return NOTHING;
    case "group":
    case "repeat":
      return setsOf(node.node);
    case "sequence":
      return node.nodes.flatMap(setsOf);
    case "alternation":
      return node.branches.flatMap(setsOf);
  }
}

/** What a node that matches at least one character begins with, whatever follows it. */
export function headOf(node: Node): { readonly first: CharSet; readonly width: number } {
  switch (node.kind) {
    case "char":
      return { first: node.set, width: 1 };
    case "begin":
    case "end":
      return { first: NOTHING, width: 1 };
    case "group":
    case "repeat":
      return headOf(node.node);
    case "sequence": {
      const solid = node.nodes.findIndex((child) => !isNullable(child));
      return headOfAll(node.nodes.slice(0, solid < 0 ? undefined : solid + 1));
    }
    case "alternation":
      return headOfAll(node.branches);
  }
}

function headOfAll(nodes: readonly Node[]): { readonly first: CharSet; readonly width: number } {
  const heads = nodes.map(headOf);
  return {
    first: charSet(heads.flatMap((head) => head.first)),
    width: heads.reduce((sum, head) => sum + head.width, 0),
  };
}
