/** Hot path. Envoy's type.matcher.v3.ValueMatcher: structured values, as filters leave them in metadata. `undefined` is no value at all. */
import type { ValueMatchModel } from "../config/match-model.ts";
import { MatchProblem } from "./match-problem.ts";
import { compileStringMatcher, type StringMatcher } from "./string-matcher.ts";

export class ValueMatcher {
  readonly #model: ValueMatchModel;
  readonly #text: StringMatcher | null;
  readonly #inner: readonly ValueMatcher[];

  /** @throws TypeError for a pattern that is not legal; the configuration was checked before. */
  constructor(model: ValueMatchModel) {
    this.#model = model;
    this.#text = model.kind === "string" ? checkedStringMatcher(model.matcher) : null;
    const inner = model.kind === "or" ? model.values : model.kind === "one_of" ? [model.value] : [];
    this.#inner = inner.map((one) => new ValueMatcher(one));
  }

  matches(value: unknown): boolean {
    const model = this.#model;
    switch (model.kind) {
      case "null":
        return value === null;
      case "bool":
        return value === model.value;
      case "present":
        return model.present && value !== undefined;
      case "number":
        return value === model.value;
      case "range":
        return typeof value === "number" && value >= model.start && value < model.end;
      case "string":
        return typeof value === "string" && this.#text!.matches(value);
      case "one_of":
        return Array.isArray(value) && this.#anyItem(value);
      case "or":
        return this.#anyMatcher(value);
    }
  }

  #anyItem(items: readonly unknown[]): boolean {
    const inner = this.#inner[0]!;
    for (let i = 0; i < items.length; i++) if (inner.matches(items[i])) return true;
    return false;
  }

  #anyMatcher(value: unknown): boolean {
    const inner = this.#inner;
    for (let i = 0; i < inner.length; i++) if (inner[i]!.matches(value)) return true;
    return false;
  }
}

/** @throws TypeError for what the configuration's check would not have let pass. */
export function checkedStringMatcher(model: Parameters<typeof compileStringMatcher>[0]): StringMatcher {
  const made = compileStringMatcher(model);
  if (made instanceof MatchProblem) throw new TypeError(made.message);
  return made;
}

/** The value at a path of keys; undefined: none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (let i = 0; i < path.length; i++) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, path[i]!)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[path[i]!];
  }
  return found;
}

/** A value of the filter state as a text: strings as they are, the rest as JSON; null: none, or none that JSON can say. */
export function stateText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}
