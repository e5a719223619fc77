/** Hot path. What a value must be: a text, an address, one of a share of all values, a structured value. Envoy: input matchers. */
import type { FractionalPercent, RuntimeFraction } from "@sluice/sdk";
import type { InputMatcherModel } from "../../config/match-model.ts";
import { type CidrSet, checkedCidrs } from "../cidr.ts";
import type { StringMatcher } from "../string-matcher.ts";
import { checkedStringMatcher, ValueMatcher } from "../value-matcher.ts";
import { XxHash64 } from "../xxhash64.ts";

/** Where runtime keys are read. What is made of it ends with whoever handed it out. */
export interface FractionSource {
  fraction(key: string, defaultValue: FractionalPercent): RuntimeFraction;
}

/** Every denominator divides it. */
const LARGEST_DENOMINATOR = 1_000_000;

export class InputMatcher {
  readonly #model: InputMatcherModel;
  readonly #text: StringMatcher | null;
  readonly #ranges: CidrSet | null;
  readonly #hash: XxHash64 | null;
  /** null: the share is fixed. */
  readonly #fraction: RuntimeFraction | null;
  readonly #value: ValueMatcher | null;

  /** @throws TypeError for what is not legal; the configuration was checked before. */
  constructor(model: InputMatcherModel, runtime: FractionSource | null) {
    this.#model = model;
    this.#text = model.kind === "string" ? checkedStringMatcher(model.matcher) : null;
    this.#ranges = model.kind === "ip" ? checkedCidrs(model.ranges) : null;
    this.#hash = model.kind === "hash" || model.kind === "runtime_fraction" ? new XxHash64(BigInt(model.seed)) : null;
    this.#fraction =
      model.kind === "runtime_fraction" && runtime !== null && model.fraction.key !== ""
        ? runtime.fraction(model.fraction.key, model.fraction)
        : null;
    this.#value = model.kind === "metadata" ? new ValueMatcher(model.value) : null;
  }

  /** `value` is none that is missing. */
  matches(value: unknown): boolean {
    const model = this.#model;
    if (model.kind === "metadata") return this.#value!.matches(value) !== model.invert;
    if (typeof value !== "string") return false;
    switch (model.kind) {
      case "string":
        return this.#text!.matches(value);
      case "ip":
        return this.#ranges!.contains(value);
      case "hash":
        return this.#hash!.update(value).modulo(model.modulo) >= model.threshold;
      case "runtime_fraction": {
        const place = this.#hash!.update(value).modulo(LARGEST_DENOMINATOR);
        const { numerator, denominator } = model.fraction;
        return this.#fraction === null ? place % denominator < numerator : this.#fraction.includes(place);
      }
    }
  }
}
