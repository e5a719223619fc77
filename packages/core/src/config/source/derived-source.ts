/**
 * The source of a value that an adapter made from another source (the long form from the short one):
 * problems found in what was made are told at what the user wrote.
 */
import type { Location } from "../problems.ts";
import type { JsonObject, Locator, Part, Source } from "./source.ts";

/** A place in the base source: an object or array of it, and a key there. */
export interface Origin {
  readonly container: object;
  readonly key?: string | number | undefined;
}

export class DerivedSource implements Source {
  readonly file: string;
  root: JsonObject | undefined = undefined;
  readonly #base: Locator;
  readonly #whole = new WeakMap<object, Origin>();
  readonly #entries = new WeakMap<object, Map<string | number, Origin>>();

  constructor(base: Locator) {
    this.file = base.file;
    this.#base = base;
  }

  /** `made`, and every entry of it that is not marked on its own, comes from `container[key]` of the base. Returns `made`. */
  mark<T extends object>(made: T, container: object, key?: string | number): T {
    this.#whole.set(made, { container, key });
    return made;
  }

  /** `made[madeKey]` comes from `container[key]` of the base. */
  markEntry(made: object, madeKey: string | number, container: object, key?: string | number): void {
    let entries = this.#entries.get(made);
    if (entries === undefined) this.#entries.set(made, (entries = new Map()));
    entries.set(madeKey, { container, key });
  }

  /** What is unmarked is looked up in the base as it is: adapters pass parts through. */
  locate(container: object, key?: string | number, part?: Part): Location {
    const entry = key === undefined ? undefined : this.#entries.get(container)?.get(key);
    const origin = entry ?? this.#whole.get(container);
    if (origin === undefined) return this.#base.locate(container, key, part);
    return this.#base.locate(origin.container, origin.key, entry === undefined ? "value" : part);
  }
}
