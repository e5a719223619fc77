/** Numbers that the runtime may change: envoy.config.core.v3.RuntimeDouble, RuntimePercent, RuntimeUInt32; and envoy.type.v3.Percent. */
import type { Runtime, RuntimeValue } from "@sluice/sdk";
import type { Section } from "./section.ts";

export interface RuntimeNumberSettings {
  readonly defaultValue: number;
  /** Empty: none. */
  readonly runtimeKey: string;
}

const FIELDS = ["default_value", "runtime_key"];

export const RUNTIME_NUMBER_MESSAGES = {
  "envoy.config.core.v3.RuntimeDouble": FIELDS,
  "envoy.config.core.v3.RuntimePercent": FIELDS,
  "envoy.config.core.v3.RuntimeUInt32": FIELDS,
  "envoy.type.v3.Percent": ["value"],
};

/** RuntimeDouble. A message whose `default_value` is not set says 0. @throws ConfigError */
export function parseRuntimeDouble(section: Section, key: string, otherwise: number): RuntimeNumberSettings {
  const value = section.section(key, FIELDS);
  if (value === null) return { defaultValue: otherwise, runtimeKey: "" };
  return { defaultValue: numberOf(value, "default_value", 0), runtimeKey: value.string("runtime_key") };
}

/** RuntimeUInt32. @throws ConfigError */
export function parseRuntimeInteger(section: Section, key: string, otherwise: number): RuntimeNumberSettings {
  const value = section.section(key, FIELDS);
  if (value === null) return { defaultValue: otherwise, runtimeKey: "" };
  return { defaultValue: value.integer("default_value", 0, 0), runtimeKey: value.string("runtime_key") };
}

/** RuntimePercent; `least` is what its default may be. @throws ConfigError */
export function parseRuntimePercent(
  section: Section,
  key: string,
  otherwise: number,
  least = 0,
): RuntimeNumberSettings {
  const value = section.section(key, FIELDS);
  if (value === null) return { defaultValue: otherwise, runtimeKey: "" };
  const runtimeKey = value.string("runtime_key");
  return { defaultValue: parsePercent(value, "default_value", least === 0 ? 0 : otherwise, least), runtimeKey };
}

/** Percent, as 0 to 100. @throws ConfigError */
export function parsePercent(section: Section, key: string, otherwise: number, least = 0): number {
  const percent = section.section(key, ["value"]);
  if (percent === null) return otherwise;
  const value = numberOf(percent, "value", 0);
  if (value < least || value > 100) throw percent.wrong("value", `expected a number from ${least} to 100`);
  return value;
}

function numberOf(section: Section, key: string, otherwise: number): number {
  const value = section.get(key) ?? otherwise;
  if (typeof value !== "number" || !Number.isFinite(value)) throw section.wrong(key, "expected a number");
  return value;
}

export function runtimeNumber(runtime: Runtime, settings: RuntimeNumberSettings): RuntimeValue<number> {
  const { defaultValue, runtimeKey } = settings;
  return runtimeKey === "" ? { value: defaultValue } : runtime.number(runtimeKey, defaultValue);
}
