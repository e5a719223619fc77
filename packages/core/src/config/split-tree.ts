/** Matcher trees in parts of a few branches, each a tree of its own, for threads that must not read a large one in one go. Trees inside branches stay whole. */
import type { MatchNodeModel, MatchTreeModel } from "./match-model.ts";

/** Branches of the first level. */
export function branchesOf(tree: MatchTreeModel<unknown> | null): number {
  return tree === null ? 0 : listOf(tree.node).length;
}

/** Branches from `from` to before `to`; the first part has what is left when none matches. */
export function partOf<Action>(tree: MatchTreeModel<Action>, from: number, to: number): MatchTreeModel<Action> {
  const node = withList(tree.node, listOf(tree.node).slice(from, to));
  return { node, onNoMatch: from === 0 ? tree.onNoMatch : null };
}

/** What {@link partOf} took apart, at least one part. */
export function joined<Action>(parts: readonly MatchTreeModel<Action>[]): MatchTreeModel<Action> {
  const list: unknown[] = [];
  for (const { node } of parts) for (const branch of listOf(node)) list.push(branch);
  return { ...parts[0]!, node: withList(parts[0]!.node, list) };
}

function listOf(node: MatchNodeModel<unknown>): readonly unknown[] {
  switch (node.kind) {
    case "none":
      return [];
    case "list":
      return node.matchers;
    case "exact":
    case "prefix":
      return node.entries;
    case "ip":
      return node.ranges;
    case "domain":
      return node.domains;
  }
}

/** `list` holds what the node's own does. */
function withList<Action>(node: MatchNodeModel<Action>, list: readonly unknown[]): MatchNodeModel<Action> {
  switch (node.kind) {
    case "none":
      return node;
    case "list":
      return { ...node, matchers: list as typeof node.matchers };
    case "exact":
    case "prefix":
      return { ...node, entries: list as typeof node.entries };
    case "ip":
      return { ...node, ranges: list as typeof node.ranges };
    case "domain":
      return { ...node, domains: list as typeof node.domains };
  }
}
