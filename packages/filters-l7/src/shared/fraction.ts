/** A share of all requests: envoy.config.core.v3.RuntimeFractionalPercent. */
import type { FractionalPercent } from "@sluice/sdk";
import type { Section } from "./section.ts";

const DENOMINATORS: Readonly<Record<string, 100 | 10_000 | 1_000_000>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

export interface RuntimeFractionSettings {
  /** Holds where the key is not set. */
  readonly defaultValue: FractionalPercent;
  /** Empty: none. */
  readonly runtimeKey: string;
}

const NONE: FractionalPercent = { numerator: 0, denominator: 100 };

/** Absent: none. @throws ConfigError */
export function parseFraction(section: Section, key: string): RuntimeFractionSettings {
  const fraction = section.section(key, ["default_value", "runtime_key"]);
  if (fraction === null) return { defaultValue: NONE, runtimeKey: "" };
  const runtimeKey = fraction.string("runtime_key");
  return { defaultValue: parsePercentage(fraction, "default_value"), runtimeKey };
}

/** envoy.type.v3.FractionalPercent. Absent: none. @throws ConfigError */
export function parsePercentage(section: Section, key: string): FractionalPercent {
  const value = section.section(key, ["numerator", "denominator"]);
  if (value === null) return NONE;
  const written = value.string("denominator", "HUNDRED");
  const denominator = Object.hasOwn(DENOMINATORS, written) ? DENOMINATORS[written] : undefined;
  if (denominator === undefined)
    throw value.wrong("denominator", `expected one of ${Object.keys(DENOMINATORS).join(", ")}`);
  return { numerator: value.integer("numerator", 0, 0), denominator };
}
