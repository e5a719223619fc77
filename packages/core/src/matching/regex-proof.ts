/**
 * The proof that a backtracking engine takes linear time on a pattern. Reading the tree from right to
 * left it computes, for each place, what the rest of the pattern can begin with, and so whether the next
 * character decides each choice (branch or branch, once more or on): then the engine never has two ways
 * to go, and every stub it returns to fails at once. Loops nested in loops must be decided throughout.
 *
 * Outside loops a choice may stay open if that multiplies the work by a small constant only: one open
 * loop before a rest of bounded length (`.*\.css`), an open optional. Everything else is refused.
 */
import { ANYTHING, charSet, type CharSet, NOTHING, overlaps, union } from "./char-set.ts";
import { beginsAnchored, headOf, isNullable, itemsOf, minLengthOf, setsOf, sizeOf } from "./regex-facts.ts";
import type { Node, RepeatNode } from "./regex-syntax.ts";

/** Steps that a pattern may cost per character of the text. */
export const MAX_SLOPE = 64;
/** Steps that a pattern may cost whatever the text. */
const MAX_STEPS = 1000;
/** Nodes of a pattern with its counted repetitions written out. */
const MAX_SIZE = 1000;

/** What stands from a place in the pattern to its end. */
interface Rest {
  /** The characters it can begin with. */
  readonly first: CharSet;
  /** Whether it can match nothing at the end of the text. */
  readonly empty: boolean;
  /** Whether it always succeeds, so that nothing before it is ever tried again. */
  readonly sure: boolean;
  /** The tests with which an engine finds that it cannot begin here. */
  readonly width: number;
  /** A trial of it costs at most `steps + slope × length`. */
  readonly steps: number;
  readonly slope: number;
}

const END_OF_TEXT: Rest = { first: NOTHING, empty: true, sure: false, width: 1, steps: 1, slope: 0 };
const ACCEPT: Rest = { first: ANYTHING, empty: true, sure: true, width: 1, steps: 1, slope: 0 };

/** The most that one trial costs: `steps + slope × length` tests of a character. */
export type Cost = Pick<Rest, "steps" | "slope">;

/** What a backtracking engine needs to match a whole text; null unless that is surely linear. */
export function fullMatchCost(root: Node): Cost | null {
  if (sizeOf(root) > MAX_SIZE) return null;
  return withinLimit(before(root, END_OF_TEXT, false));
}

/**
 * What a backtracking engine needs at one position to find the next match; null unless all positions
 * together surely cost linear time, and the match is the one that RE2 finds, with the same groups.
 * Together is more than each: only the first position may get anywhere (anchored), or each trial is
 * short, or only its success is long, or each ends where the next can begin.
 */
export function searchCost(root: Node): Cost | null {
  if (sizeOf(root) > MAX_SIZE || !capturesAlike(root, false, false)) return null;
  const trial = withinLimit(before(root, ACCEPT, false));
  if (trial === null || beginsAnchored(root)) return trial;
  if (isNullable(root)) return null;
  return isShort(trial) || endsInRun(root) || beginsApart(root) ? trial : null;
}

function withinLimit(cost: Cost | null): Cost | null {
  return cost !== null && cost.slope <= MAX_SLOPE && cost.steps <= MAX_STEPS ? cost : null;
}

function isShort(trial: Cost | null): boolean {
  return trial !== null && trial.slope === 0 && trial.steps <= MAX_SLOPE;
}

/** The rest that begins with `node`; null when its work cannot be bounded. */
function before(node: Node, then: Rest, inLoop: boolean): Rest | null {
  switch (node.kind) {
    case "char":
      return { first: node.set, empty: false, sure: false, width: 1, steps: then.steps + 1, slope: then.slope };
    case "begin":
      return { ...then, sure: false, width: then.width + 1, steps: then.steps + 1 };
    case "end":
      return { ...then, first: NOTHING, sure: false, width: then.width + 1, steps: then.steps + 1 };
    case "group":
      return before(node.node, then, inLoop);
    case "sequence": {
      let rest: Rest | null = then;
      for (let i = node.nodes.length - 1; i >= 0 && rest !== null; i--) {
        rest = before(node.nodes[i] as Node, rest, inLoop);
      }
      return rest;
    }
    case "alternation":
      return beforeBranches(node.branches.map(itemsOf), then, inLoop);
    case "repeat":
      return beforeRepeat(node, then, inLoop);
  }
}

/** Branches that begin with the same set share it, as if they were factored: `/api|/app` is `/ap(?:i|p)`. */
function beforeBranches(branches: readonly (readonly Node[])[], then: Rest, inLoop: boolean): Rest | null {
  const byHead = new Map<string, (readonly Node[])[]>();
  for (const branch of branches) {
    const key = branch[0]?.kind === "char" ? branch[0].set.join() : `branch ${byHead.size}`;
    const shared = byHead.get(key);
    if (shared === undefined) byHead.set(key, [branch]);
    else shared.push(branch);
  }
  const rests: Rest[] = [];
  for (const sharing of byHead.values()) {
    const rest = beforeSharing(sharing, then, inLoop);
    if (rest === null) return null;
    rests.push(rest);
  }
  const decided = rests.every((rest, i) => rests.slice(0, i).every((other) => areApart(rest, other)));
  if (!decided && (inLoop || !then.sure)) return null;
  return rests.reduce((all, rest) => (decided ? eitherOf(all, rest) : bothOf(all, rest)));
}

function beforeSharing(branches: readonly (readonly Node[])[], then: Rest, inLoop: boolean): Rest | null {
  const [only] = branches;
  if (branches.length === 1) return before({ kind: "sequence", nodes: only as readonly Node[] }, then, inLoop);
  const tails = beforeBranches(
    branches.map((branch) => branch.slice(1)),
    then,
    inLoop,
  );
  if (tails === null) return null;
  // The engine tests the shared head once for each branch.
  const repeated = { ...tails, steps: tails.steps + branches.length };
  const head = before((only as readonly Node[])[0] as Node, repeated, inLoop);
  return head === null ? null : { ...head, width: branches.length };
}

/** x{2,4} is x, x, and then x or on, and then x or on; x{2,} is x, x, and a loop. */
function beforeRepeat(repeat: RepeatNode, then: Rest, inLoop: boolean): Rest | null {
  const { node, min, max } = repeat;
  if (max > 1 && isNullable(node)) return null;
  let rest: Rest | null = max === Infinity ? beforeLoop(node, then, inLoop) : then;
  if (max !== Infinity) {
    for (let i = min; i < max && rest !== null; i++) rest = beforeOptional(node, rest, then, inLoop);
  }
  for (let i = 0; i < min && rest !== null; i++) rest = before(node, rest, inLoop);
  return rest;
}

function beforeOptional(node: Node, again: Rest, then: Rest, inLoop: boolean): Rest | null {
  const once = before(node, again, inLoop);
  if (once === null) return null;
  if (areApart(once, then)) return eitherOf(once, then);
  return inLoop ? null : bothOf(once, then);
}

function beforeLoop(node: Node, then: Rest, inLoop: boolean): Rest | null {
  const start = headOf(node);
  const head = { first: union(start.first, then.first), empty: then.empty, width: start.width + then.width };
  const round = before(node, { ...head, sure: false, steps: 0, slope: 0 }, true);
  if (round === null) return null;
  // Per character: the round itself, and what is tested in vain when the engine comes back to leave earlier.
  const perChar = Math.max(round.slope, Math.ceil(round.steps / minLengthOf(node))) + then.width;
  const steps = then.steps + 1;
  if (!overlaps(start.first, then.first)) {
    return { ...head, sure: then.sure, steps, slope: Math.max(perChar, then.slope) };
  }
  if (inLoop) return null;
  if (then.sure) return { ...head, sure: true, steps, slope: perChar + then.slope };
  // Open: the engine tries the rest after every round, so the rest must be short.
  return then.slope > 0 ? null : { ...head, sure: false, steps, slope: perChar + then.steps };
}

/** Whether the next character, or the end of the text, decides between the two. */
function areApart(a: Rest, b: Rest): boolean {
  return !(a.empty && b.empty) && !overlaps(a.first, b.first);
}

/** A decided choice: at most one of the two is gone through. */
function eitherOf(a: Rest, b: Rest): Rest {
  return {
    first: union(a.first, b.first),
    empty: a.empty || b.empty,
    sure: a.sure || b.sure,
    width: a.width + b.width,
    steps: Math.max(a.steps + b.width, b.steps + a.width),
    slope: Math.max(a.slope, b.slope),
  };
}

/** An open choice: one after the other. */
function bothOf(a: Rest, b: Rest): Rest {
  return { ...eitherOf(a, b), steps: a.steps + b.steps, slope: a.slope + b.slope };
}

/** Whether all but the end is short, and the end is a loop over one character, which takes what it can: `id=[^&]*`. */
function endsInRun(root: Node): boolean {
  const items = itemsOf(root);
  let run = items.at(-1);
  while (run?.kind === "group") run = run.node;
  if (run?.kind !== "repeat" || run.max !== Infinity || run.node.kind !== "char") return false;
  const start = [...items.slice(0, -1), ...Array<Node>(run.min).fill(run.node)];
  return isShort(before({ kind: "sequence", nodes: start }, ACCEPT, false));
}

/** Whether the pattern begins with one character that nothing after it matches: `/[^/]+`. */
function beginsApart(root: Node): boolean {
  const [head, ...tail] = itemsOf(root);
  return head?.kind === "char" && !overlaps(head.set, charSet(tail.flatMap(setsOf)));
}

/**
 * Whether JavaScript sets the same groups as RE2 and prefers the same match. It forgets a group at every
 * round of a loop, where RE2 keeps it; and it refuses rounds that match nothing, which RE2 allows.
 */
function capturesAlike(node: Node, inLoop: boolean, skippable: boolean): boolean {
  switch (node.kind) {
    case "char":
    case "begin":
    case "end":
      return true;
    case "group":
      return !skippable && capturesAlike(node.node, inLoop, skippable);
    case "sequence":
      return node.nodes.every((child) => capturesAlike(child, inLoop, skippable));
    case "alternation":
      return node.branches.every((branch) => capturesAlike(branch, inLoop, inLoop));
    case "repeat": {
      if (isNullable(node.node) && !(node.min === 1 && node.max === 1)) return false;
      return capturesAlike(node.node, inLoop || node.max > 1, inLoop && (skippable || node.min === 0));
    }
  }
}
