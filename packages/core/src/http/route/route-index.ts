/**
 * Hot path. Which routes of a virtual host can match a path, in their order: exact paths in a map, prefixes in a radix trie, and what has neither in a list
 * that is always asked. A walk merges the few lists that a path finds, so that the first match stays the first, whatever the number of routes.
 */
import type { RouteMatchModel } from "../../config/model.ts";
import { type FrozenTrie, PrefixTrie } from "../../matching/prefix-trie.ts";
import { regexPrefix } from "../../matching/regex-prefix.ts";
import { compileUriTemplate, UriTemplate } from "../../matching/uri-template.ts";
import { atOnce } from "../../timing/slices.ts";
import type { RouteQuestion } from "./route-question.ts";

/** The list of routes that are always asked. */
const OTHERS = 0;

export class RouteIndex {
  /** Routes that ask for the same path or prefix, ascending; what is found is the number of such a list. */
  #lists: number[][] = [[]];
  readonly #exact = new Map<string, number>();
  readonly #exactAnyCase = new Map<string, number>();
  readonly #prefixes = new PrefixTrie<number>();
  readonly #prefixesAnyCase = new PrefixTrie<number>();
  /** null: no route asks for a prefix. */
  #trie: FrozenTrie<number> | null = null;
  #trieAnyCase: FrozenTrie<number> | null = null;
  /** All lists, one after the other, and where each begins. */
  #routes = new Int32Array(0);
  #starts = new Int32Array(1);
  // Of the walk that is under way: the lists, and of each how far it is and where it ends.
  readonly #found: number[] = [];
  readonly #at: number[] = [];
  readonly #end: number[] = [];
  #count = 0;

  /** Routes MUST come in their order, and {@link finish} after the last one. */
  add(route: number, { path, caseSensitive }: RouteMatchModel): void {
    switch (path.kind) {
      case "exact":
        return this.#addExact(caseSensitive ? this.#exact : this.#exactAnyCase, path.value, caseSensitive, route);
      case "prefix":
      case "separated_prefix":
        if (caseSensitive) this.#addPrefix(this.#prefixes, path.value, route);
        else this.#addPrefix(this.#prefixesAnyCase, path.value.toLowerCase(), route);
        return;
      case "regex":
        return this.#addPattern(regexPrefix(path.value), route);
      case "template": {
        const template = compileUriTemplate(path.value);
        return this.#addPattern(template instanceof UriTemplate ? template.literalPrefix : "", route);
      }
      case "connect":
        this.#lists[OTHERS]!.push(route);
    }
  }

  finish(): void {
    atOnce(this.finishing());
  }

  /** The same in short steps. */
  *finishing(): Generator<undefined, void> {
    const lists = this.#lists;
    const starts = new Int32Array(lists.length + 1);
    for (const [i, list] of lists.entries()) starts[i + 1] = starts[i]! + list.length;
    yield;
    const routes = new Int32Array(starts[lists.length]!);
    for (const [i, list] of lists.entries()) routes.set(list, starts[i]);
    yield;
    this.#trie = this.#prefixes.isEmpty ? null : yield* this.#prefixes.freezing();
    this.#trieAnyCase = this.#prefixesAnyCase.isEmpty ? null : yield* this.#prefixesAnyCase.freezing();
    this.#routes = routes;
    this.#starts = starts;
    this.#lists = [];
  }

  /** Finds the lists of routes for the path; {@link next} goes through them. */
  begin(question: RouteQuestion): void {
    const { path } = question;
    const found = this.#found;
    let count = 0;
    if (this.#starts[OTHERS + 1]! > 0) found[count++] = OTHERS;
    if (this.#exact.size !== 0) {
      const list = this.#exact.get(path);
      if (list !== undefined) found[count++] = list;
    }
    if (this.#trie !== null) count = this.#trie.collect(path, found, count);
    if (this.#exactAnyCase.size !== 0) {
      const list = this.#exactAnyCase.get(question.lower());
      if (list !== undefined) found[count++] = list;
    }
    if (this.#trieAnyCase !== null) count = this.#trieAnyCase.collect(question.lower(), found, count);
    this.#count = count;
    for (let i = 0; i < count; i++) {
      this.#at[i] = this.#starts[found[i]!]!;
      this.#end[i] = this.#starts[found[i]! + 1]!;
    }
  }

  /** The next route that may match, in the order of the routes; -1: there is none. */
  next(): number {
    const at = this.#at;
    // Routes that headers tell apart stand in one list.
    if (this.#count === 1) return at[0] === this.#end[0] ? -1 : this.#routes[at[0]!++]!;
    let least = -1;
    let from = -1;
    for (let i = 0; i < this.#count; i++) {
      if (at[i] === this.#end[i]) continue;
      const route = this.#routes[at[i]!]!;
      if (from < 0 || route < least) {
        least = route;
        from = i;
      }
    }
    if (from >= 0) at[from] = at[from]! + 1;
    return least;
  }

  #addExact(map: Map<string, number>, path: string, caseSensitive: boolean, route: number): void {
    const key = caseSensitive ? path : path.toLowerCase();
    let list = map.get(key);
    if (list === undefined) map.set(key, (list = this.#lists.push([]) - 1));
    this.#lists[list]!.push(route);
  }

  #addPrefix(trie: PrefixTrie<number>, prefix: string, route: number): void {
    this.#lists[trie.at(prefix, () => this.#lists.push([]) - 1)]!.push(route);
  }

  #addPattern(prefix: string, route: number): void {
    if (prefix === "") this.#lists[OTHERS]!.push(route);
    else this.#addPrefix(this.#prefixes, prefix, route);
  }
}
