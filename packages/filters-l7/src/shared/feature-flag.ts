/** A switch that the runtime may turn: envoy.config.core.v3.RuntimeFeatureFlag. */
import type { Runtime, RuntimeValue } from "@sluice/sdk";
import type { Section } from "./section.ts";

export interface FeatureFlagSettings {
  readonly isOnByDefault: boolean;
  /** Empty: none. */
  readonly runtimeKey: string;
}

/** Absent: on. @throws ConfigError */
export function parseFeatureFlag(section: Section, key: string): FeatureFlagSettings {
  const flag = section.section(key, ["default_value", "runtime_key"]);
  if (flag === null) return { isOnByDefault: true, runtimeKey: "" };
  return { isOnByDefault: flag.boolean("default_value", true), runtimeKey: flag.string("runtime_key") };
}

export function featureFlag(runtime: Runtime, settings: FeatureFlagSettings): RuntimeValue<boolean> {
  const { isOnByDefault, runtimeKey } = settings;
  return runtimeKey === "" ? { value: isOnByDefault } : runtime.boolean(runtimeKey, isOnByDefault);
}
