/** Hot path. The kinds of matcher trees: list, exact map, prefix map, IP ranges, domains. */
import type { FrozenTrie } from "../prefix-trie.ts";
import type { IpTrie } from "./ip-trie.ts";
import type { MatchInput } from "./match-input.ts";
import { NO, NOT_YET, type SkippedMatch, UNKNOWN } from "./match-result.ts";
import { type MatchResult, MatchTree, type OnMatch } from "./match-tree.ts";
import type { Predicate } from "./predicate.ts";

/** Matchers in their order; the first whose condition is met, and whose branch matches, wins. */
export class ListTree<Data, Action extends object> extends MatchTree<Data, Action> {
  readonly #predicates: readonly Predicate<Data>[];
  readonly #branches: readonly OnMatch<Data, Action>[];

  constructor(
    predicates: readonly Predicate<Data>[],
    branches: readonly OnMatch<Data, Action>[],
    onNoMatch: OnMatch<Data, Action> | null,
  ) {
    super(onNoMatch);
    this.#predicates = predicates;
    this.#branches = branches;
  }

  protected find(data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    const predicates = this.#predicates;
    for (let i = 0; i < predicates.length; i++) {
      const met = predicates[i]!.evaluate(data);
      if (met === UNKNOWN) return NOT_YET;
      if (met === NO) continue;
      const found = this.#branches[i]!.resolve(data, skipped);
      if (found !== null) return found;
    }
    return null;
  }
}

/** A tree that goes by one text. Without the text it does not match. */
abstract class TextTree<Data, Action extends object> extends MatchTree<Data, Action> {
  readonly #input: MatchInput<Data>;

  constructor(input: MatchInput<Data>, onNoMatch: OnMatch<Data, Action> | null) {
    super(onNoMatch);
    this.#input = input;
  }

  protected find(data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    const value = this.#input.read(data);
    if (value === NOT_YET) return NOT_YET;
    return typeof value === "string" ? this.findText(value, data, skipped) : null;
  }

  protected abstract findText(text: string, data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action>;
}

export class ExactTree<Data, Action extends object> extends TextTree<Data, Action> {
  readonly #branches: ReadonlyMap<string, OnMatch<Data, Action>>;

  constructor(
    input: MatchInput<Data>,
    branches: ReadonlyMap<string, OnMatch<Data, Action>>,
    onNoMatch: OnMatch<Data, Action> | null,
  ) {
    super(input, onNoMatch);
    this.#branches = branches;
  }

  protected findText(text: string, data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    const branch = this.#branches.get(text);
    return branch === undefined ? null : branch.resolve(data, skipped);
  }
}

/** The longest prefix first; where its branch does not match, the next shorter one. */
export class PrefixTree<Data, Action extends object> extends TextTree<Data, Action> {
  readonly #trie: FrozenTrie<OnMatch<Data, Action>>;
  readonly #found: OnMatch<Data, Action>[] = [];

  constructor(
    input: MatchInput<Data>,
    trie: FrozenTrie<OnMatch<Data, Action>>,
    onNoMatch: OnMatch<Data, Action> | null,
  ) {
    super(input, onNoMatch);
    this.#trie = trie;
  }

  protected findText(text: string, data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    let count = this.#trie.collect(text, this.#found, 0);
    while (--count >= 0) {
      const found = this.#found[count]!.resolve(data, skipped);
      if (found !== null) return found;
    }
    return null;
  }
}

/** A range of an IP tree with its branch. */
export class IpBranch<Data, Action extends object> {
  readonly onMatch: OnMatch<Data, Action>;
  /** It is not asked where a more specific range holds the address, whatever came of that one. */
  readonly exclusive: boolean;

  constructor(onMatch: OnMatch<Data, Action>, exclusive: boolean) {
    this.onMatch = onMatch;
    this.exclusive = exclusive;
  }
}

/** The longest prefix first, then the order of declaration. Envoy: the trie matcher. */
export class IpTree<Data, Action extends object> extends TextTree<Data, Action> {
  readonly #trie: IpTrie<IpBranch<Data, Action>>;

  constructor(input: MatchInput<Data>, trie: IpTrie<IpBranch<Data, Action>>, onNoMatch: OnMatch<Data, Action> | null) {
    super(input, onNoMatch);
    this.#trie = trie;
  }

  protected findText(text: string, data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    const trie = this.#trie;
    let isFirst = true;
    for (let i = trie.find(text) - 1; i >= 0; i--) {
      const branches = trie.found[i]!;
      for (let j = 0; j < branches.length; j++) {
        const branch = branches[j]!;
        if (!isFirst && branch.exclusive) continue;
        isFirst = false;
        const found = branch.onMatch.resolve(data, skipped);
        if (found !== null) return found;
      }
    }
    return null;
  }
}

/** The domain itself, then `*.` and the longest rest of it, then `*`. Envoy: the domain matcher. */
export class DomainTree<Data, Action extends object> extends TextTree<Data, Action> {
  readonly #branches: ReadonlyMap<string, OnMatch<Data, Action>>;
  readonly #any: OnMatch<Data, Action> | null;
  /** Of the wildcards, by what follows `*.`. */
  readonly #rests = new Map<string, OnMatch<Data, Action>>();
  #longestRest = 0;

  constructor(
    input: MatchInput<Data>,
    branches: ReadonlyMap<string, OnMatch<Data, Action>>,
    onNoMatch: OnMatch<Data, Action> | null,
  ) {
    super(input, onNoMatch);
    this.#branches = branches;
    this.#any = branches.get("*") ?? null;
    for (const [domain, branch] of branches) {
      if (!domain.startsWith("*.")) continue;
      this.#rests.set(domain.slice(2), branch);
      this.#longestRest = Math.max(this.#longestRest, domain.length - 2);
    }
  }

  protected findText(text: string, data: Data, skipped: SkippedMatch<Action> | null): MatchResult<Action> {
    if (text === "") return null;
    const exact = text.startsWith("*") ? undefined : this.#branches.get(text);
    if (exact !== undefined) {
      const found = exact.resolve(data, skipped);
      if (found !== null) return found;
    }
    for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
      // A text from the network may have any number of dots.
      if (text.length - dot - 1 > this.#longestRest) continue;
      const branch = this.#rests.get(text.slice(dot + 1));
      const found = branch === undefined ? null : branch.resolve(data, skipped);
      if (found !== null) return found;
    }
    return this.#any === null ? null : this.#any.resolve(data, skipped);
  }
}
