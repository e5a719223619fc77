/** A share of all requests: envoy.config.core.v3.RuntimeFractionalPercent. There is no runtime layer, so that its default value always holds. */
import type { Random } from "@sluice/sdk";
import type { Section } from "./section.ts";

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

export class Fraction {
  readonly #numerator: number;
  readonly #denominator: number;

  constructor(numerator: number, denominator: number) {
    this.#numerator = numerator;
    this.#denominator = denominator;
  }

  /** Whether this request is among them. */
  takes(random: Random): boolean {
    if (this.#numerator >= this.#denominator) return true;
    return this.#numerator !== 0 && random.below(this.#denominator) < this.#numerator;
  }
}

const NONE = new Fraction(0, 100);

/** Absent: none. @throws ConfigError */
export function parseFraction(section: Section, key: string): Fraction {
  const value =
    section.section(key, ["default_value", "runtime_key"])?.section("default_value", ["numerator", "denominator"]) ??
    null;
  if (value === null) return NONE;
  const written = value.string("denominator", "HUNDRED");
  const denominator = Object.hasOwn(DENOMINATORS, written) ? DENOMINATORS[written] : undefined;
  if (denominator === undefined)
    throw value.wrong("denominator", `expected one of ${Object.keys(DENOMINATORS).join(", ")}`);
  return new Fraction(value.integer("numerator", 0, 0), denominator);
}
