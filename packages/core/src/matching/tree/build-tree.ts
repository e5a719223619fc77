/** From the model of a matcher tree to the tree itself. */
import type { MatchTreeModel, OnMatchModel } from "../../config/match-model.ts";
import { atOnce } from "../../timing/slices.ts";
import { PrefixTrie } from "../prefix-trie.ts";
import { IpTrie } from "./ip-trie.ts";
import { EmptyTree, type MatchTree, OnMatch, type TreeParts } from "./match-tree.ts";
import { makePredicate, type Predicate } from "./predicate.ts";
import { DomainTree, ExactTree, IpBranch, IpTree, ListTree, PrefixTree } from "./tree-nodes.ts";

/** @throws TypeError for what is not legal; the configuration was checked before. */
export function buildMatchTree<Data, Action extends object>(
  model: MatchTreeModel<Action>,
  parts: TreeParts<Data>,
): MatchTree<Data, Action> {
  return atOnce(new TreeBuilder(parts, itself<Action>).tree(model));
}

/** The same in short steps, with other actions: each of the configuration's becomes what `action` makes of it. */
export function matchTreeSteps<Data, From, Action extends object>(
  model: MatchTreeModel<From>,
  parts: TreeParts<Data>,
  action: (from: From) => Generator<undefined, Action>,
): Generator<undefined, MatchTree<Data, Action>> {
  return new TreeBuilder(parts, action).tree(model);
}

function* itself<Action>(action: Action): Generator<undefined, Action> {
  yield;
  return action;
}

class TreeBuilder<Data, From, Action extends object> {
  readonly #parts: TreeParts<Data>;
  readonly #action: (from: From) => Generator<undefined, Action>;

  constructor(parts: TreeParts<Data>, action: (from: From) => Generator<undefined, Action>) {
    this.#parts = parts;
    this.#action = action;
  }

  *tree(model: MatchTreeModel<From>): Generator<undefined, MatchTree<Data, Action>> {
    const parts = this.#parts;
    const onNoMatch = model.onNoMatch === null ? null : yield* this.#branch(model.onNoMatch);
    const { node } = model;
    switch (node.kind) {
      case "none":
        return new EmptyTree(onNoMatch);
      case "list": {
        const predicates: Predicate<Data>[] = [];
        const branches: OnMatch<Data, Action>[] = [];
        for (const { predicate, onMatch } of node.matchers) {
          predicates.push(makePredicate(predicate, parts));
          branches.push(yield* this.#branch(onMatch));
        }
        return new ListTree(predicates, branches, onNoMatch);
      }
      case "exact":
        return new ExactTree(parts.input(node.input), yield* this.#branches(node.entries), onNoMatch);
      case "domain":
        return new DomainTree(parts.input(node.input), yield* this.#branches(node.domains), onNoMatch);
      case "prefix": {
        const trie = new PrefixTrie<OnMatch<Data, Action>>();
        for (const [prefix, onMatch] of node.entries) {
          const branch = yield* this.#branch(onMatch);
          trie.at(prefix, () => branch);
        }
        return new PrefixTree(parts.input(node.input), yield* trie.freezing(), onNoMatch);
      }
      case "ip": {
        const trie = new IpTrie<IpBranch<Data, Action>>();
        for (const { cidrs, exclusive, onMatch } of node.ranges) {
          const made = new IpBranch(yield* this.#branch(onMatch), exclusive);
          for (const cidr of cidrs) {
            trie.add(cidr, made);
            yield;
          }
        }
        return new IpTree(parts.input(node.input), trie, onNoMatch);
      }
    }
  }

  *#branch({ then, keepMatching }: OnMatchModel<From>): Generator<undefined, OnMatch<Data, Action>> {
    if (then.kind === "tree") return new OnMatch(yield* this.tree(then.tree), null, keepMatching);
    return new OnMatch<Data, Action>(null, yield* this.#action(then.action), keepMatching);
  }

  *#branches(
    entries: ReadonlyArray<readonly [string, OnMatchModel<From>]>,
  ): Generator<undefined, Map<string, OnMatch<Data, Action>>> {
    // Several domains may lead to one branch: it is made once.
    const made = new Map<OnMatchModel<From>, OnMatch<Data, Action>>();
    const branches = new Map<string, OnMatch<Data, Action>>();
    for (const [key, onMatch] of entries) {
      let known = made.get(onMatch);
      if (known === undefined) made.set(onMatch, (known = yield* this.#branch(onMatch)));
      branches.set(key, known);
    }
    return branches;
  }
}
