/** One mapping of the short form being turned into the long one: keys are checked once, and what is copied keeps its place in the file. */
import { isMapping } from "../is-mapping.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Json } from "../model.ts";
import type { Finding } from "../problems.ts";
import type { JsonObject } from "../source/source.ts";
import { laterKeys, type PartName, shortKeys } from "./keys.ts";
import type { ShortContext } from "./short-context.ts";

interface Origin {
  readonly container: object;
  readonly key: string | undefined;
}

export class Section {
  readonly context: ShortContext;
  readonly value: JsonObject;
  /** Set where the mapping was not written: what stands in its place. */
  readonly #origin: Origin | undefined;

  private constructor(context: ShortContext, value: JsonObject, origin?: Origin) {
    this.context = context;
    this.value = value;
    this.#origin = origin;
  }

  /** The mapping at `container[key]`; undefined, and reported, where it is something else. Keys that the part does not have are reported. */
  static at(context: ShortContext, part: PartName, container: object, key: string | number): Section | undefined {
    const value: Json | undefined = (container as Record<string | number, Json>)[key];
    if (value === undefined) return undefined;
    if (!isMapping(value)) return void context.wrongType(container, key, "a mapping");
    const section = new Section(context, value);
    section.#checkKeys(part);
    return section;
  }

  /** An empty mapping for a shorter way to write it: `container[key]` is `true`, or a single address. */
  static standIn(context: ShortContext, container: object, key: string): Section {
    return new Section(context, {}, { container, key });
  }

  #checkKeys(part: PartName): void {
    const known = shortKeys[part];
    for (const key of Object.keys(this.value)) {
      if (known.has(key)) continue;
      if (laterKeys[part]?.has(key) === true) this.context.unsupported(this.value, key, `"${key}"`);
      else
        this.error(
          key,
          { code: "ERR_CONFIG_UNKNOWN_FIELD", message: `unknown key "${key}"`, suggestion: didYouMean(key, known) },
          "key",
        );
    }
  }

  has(key: string): boolean {
    return this.value[key] !== undefined;
  }

  get(key: string): Json | undefined {
    return this.value[key];
  }

  section(part: PartName, key: string): Section | undefined {
    return Section.at(this.context, part, this.value, key);
  }

  /** The text at `key`; anything else is reported. */
  text(key: string): string | undefined {
    const value = this.value[key];
    if (value === undefined || typeof value === "string") return value;
    return void this.context.wrongType(this.value, key, "a text");
  }

  flag(key: string): boolean | undefined {
    const value = this.value[key];
    if (value === undefined || typeof value === "boolean") return value;
    return void this.context.wrongType(this.value, key, "true or false");
  }

  list(key: string): Json[] | undefined {
    const value = this.value[key];
    if (value === undefined || Array.isArray(value)) return value;
    return void this.context.wrongType(this.value, key, "a list");
  }

  mapping(key: string): JsonObject | undefined {
    const value = this.value[key];
    if (value === undefined || isMapping(value)) return value;
    return void this.context.wrongType(this.value, key, "a mapping");
  }

  /** One of `choices`, translated. */
  choice<T>(key: string, choices: Readonly<Record<string, T>>): T | undefined {
    const value = this.value[key];
    if (value === undefined) return undefined;
    if ((typeof value === "string" || typeof value === "number") && Object.hasOwn(choices, value))
      return choices[value];
    const names = Object.keys(choices);
    this.error(key, {
      code: "ERR_CONFIG_TYPE",
      message: `found ${JSON.stringify(value)}`,
      expected: names.join(" or "),
      suggestion: typeof value === "string" && /[a-z]/i.test(value) ? didYouMean(value, names) : undefined,
    });
    return undefined;
  }

  /** Copies a value as it is: the long form's own checks find what is wrong with it, and it is told at this place. */
  copy(key: string, into: JsonObject, as: string = key): void {
    const value = this.value[key];
    if (value !== undefined) this.put(into, as, value, key);
  }

  copyAll(keys: Readonly<Record<string, string>>, into: JsonObject): void {
    for (const [key, as] of Object.entries(keys)) this.copy(key, into, as);
  }

  /** Sets `into[as]` to something that comes from `key` of this section. */
  put(into: JsonObject, as: string, value: Json | undefined, key: string): void {
    if (value === undefined) return;
    into[as] = value;
    const { container, key: from } = this.#origin ?? { container: this.value, key };
    this.context.derived.markEntry(into, as, container, from);
  }

  /** A new part of the long form that comes from this section, or from `key` of it. */
  make<T extends JsonObject | Json[]>(made: T, key?: string): T {
    const { container, key: from } = this.#origin ?? { container: this.value, key };
    return this.context.derived.mark(made, container, from);
  }

  error(key: string | undefined, finding: Finding, part: "key" | "value" = "value"): void {
    const { container, key: from } = this.#origin ?? { container: this.value, key };
    this.context.problems.error(this.context.base.locate(container, from, part), finding);
  }

  missing(keys: string | readonly string[], expected?: string): void {
    const what = typeof keys === "string" ? keys : `one of ${keys.join(", ")}`;
    this.error(undefined, { code: "ERR_CONFIG_REQUIRED", message: `${what} is missing`, expected });
  }

  /** Reports all but the first of `keys` that are set. Returns the first. */
  onlyOne(keys: readonly string[]): string | undefined {
    const [first, ...others] = keys.filter((key) => this.has(key));
    for (const other of others) {
      this.error(
        other,
        {
          code: "ERR_CONFIG_ONEOF",
          message: `"${other}" stands beside "${first}"`,
          expected: `one of ${keys.join(", ")}`,
        },
        "key",
      );
    }
    return first;
  }
}
