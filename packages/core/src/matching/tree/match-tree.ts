/**
 * Hot path. Matcher trees (xds.type.matcher.v3.Matcher), compiled: lists of conditions, maps, IP ranges and domains, which lead to an action or to a tree
 * again. A branch whose tree does not match is passed over, and the next one is tried. One tree serves routes, filter chains and RBAC: what it reads is `Data`.
 */
import type { MatchInputModel, MatchTreeModel, OnMatchModel } from "../../config/match-model.ts";
import type { FractionSource } from "./input-matcher.ts";
import type { MatchInput } from "./match-input.ts";
import { NOT_YET, type SkippedMatch } from "./match-result.ts";

/** What trees are made of. */
export interface TreeParts<Data> {
  input(model: MatchInputModel): MatchInput<Data>;
  /** null: shares are what the configuration says. */
  readonly runtime: FractionSource | null;
}

/** An action; null: nothing matched; `NOT_YET`: it hangs on what is not there yet. */
export type MatchResult<Action extends object> = Action | null | typeof NOT_YET;

export abstract class MatchTree<Data, Action extends object> {
  readonly #onNoMatch: OnMatch<Data, Action> | null;

  constructor(onNoMatch: OnMatch<Data, Action> | null) {
    this.#onNoMatch = onNoMatch;
  }

  /** @param skipped is told of matches with `keep_matching` */
  match(data: Data, skipped: SkippedMatch<Action> | null = null): MatchResult<Action> {
    const found = this.find(data, skipped);
    if (found !== null || this.#onNoMatch === null) return found;
    return this.#onNoMatch.resolve(data, skipped);
  }

  protected abstract find(data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action>;
}

/** What a match leads to. */
export class OnMatch<Data, Action extends object> {
  readonly #tree: MatchTree<Data, Action> | null;
  readonly #action: Action | null;
  readonly #keepMatching: boolean;

  constructor(tree: MatchTree<Data, Action> | null, action: Action | null, keepMatching: boolean) {
    this.#tree = tree;
    this.#action = action;
    this.#keepMatching = keepMatching;
  }

  resolve(data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    const found = this.#tree === null ? this.#action : this.#tree.match(data, skipped);
    if (!this.#keepMatching || found === null || found === NOT_YET) return found;
    if (skipped !== null) skipped(found);
    return null;
  }
}

/** The tree without any matcher: only its `on_no_match` is left. */
export class EmptyTree<Data, Action extends object> extends MatchTree<Data, Action> {
  protected find(): null {
    return null;
  }
}

export type { MatchTreeModel, OnMatchModel };
