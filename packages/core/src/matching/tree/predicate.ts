/** Hot path. Conditions of a matcher list: one value, or others joined. Each is met, not met, or unknown as long as data is missing. */
import type { PredicateModel } from "../../config/match-model.ts";
import { type FractionSource, InputMatcher } from "./input-matcher.ts";
import type { MatchInput } from "./match-input.ts";
import { NO, NOT_YET, UNKNOWN, YES } from "./match-result.ts";
import type { TreeParts } from "./match-tree.ts";

export interface Predicate<Data> {
  /** `NO`, `YES` or `UNKNOWN`. */
  evaluate(data: Data): number;
}

export function makePredicate<Data>(model: PredicateModel, parts: TreeParts<Data>): Predicate<Data> {
  switch (model.kind) {
    case "single":
      return new SinglePredicate(parts.input(model.input), model, parts.runtime);
    case "not":
      return new NotPredicate(makePredicate(model.predicate, parts));
    case "any":
      return new AnyPredicate(model.predicates.map((one) => makePredicate(one, parts)));
    case "all":
      return new AllPredicate(model.predicates.map((one) => makePredicate(one, parts)));
  }
}

class SinglePredicate<Data> implements Predicate<Data> {
  readonly #input: MatchInput<Data>;
  readonly #matcher: InputMatcher;

  constructor(
    input: MatchInput<Data>,
    { matcher }: Extract<PredicateModel, { readonly kind: "single" }>,
    runtime: FractionSource | null,
  ) {
    this.#input = input;
    this.#matcher = new InputMatcher(matcher, runtime);
  }

  evaluate(data: Data): number {
    const value = this.#input.read(data);
    if (value === NOT_YET) return UNKNOWN;
    return value !== undefined && this.#matcher.matches(value) ? YES : NO;
  }
}

class NotPredicate<Data> implements Predicate<Data> {
  readonly #inner: Predicate<Data>;

  constructor(inner: Predicate<Data>) {
    this.#inner = inner;
  }

  evaluate(data: Data): number {
    const result = this.#inner.evaluate(data);
    return result === UNKNOWN ? UNKNOWN : result === YES ? NO : YES;
  }
}

/** One that is met decides, even where others are unknown. */
class AnyPredicate<Data> implements Predicate<Data> {
  readonly #inner: readonly Predicate<Data>[];

  constructor(inner: readonly Predicate<Data>[]) {
    this.#inner = inner;
  }

  evaluate(data: Data): number {
    let result: number = NO;
    for (let i = 0; i < this.#inner.length; i++) {
      const one = this.#inner[i]!.evaluate(data);
      if (one === YES) return YES;
      if (one === UNKNOWN) result = UNKNOWN;
    }
    return result;
  }
}

/** The first that is not met, or unknown, decides. */
class AllPredicate<Data> implements Predicate<Data> {
  readonly #inner: readonly Predicate<Data>[];

  constructor(inner: readonly Predicate<Data>[]) {
    this.#inner = inner;
  }

  evaluate(data: Data): number {
    for (let i = 0; i < this.#inner.length; i++) {
      const one = this.#inner[i]!.evaluate(data);
      if (one !== YES) return one;
    }
    return YES;
  }
}
