/** Names of log levels on the command line and in admin: Envoy's and ours. */
import type { LOG_LEVELS } from "../../worker/log.ts";

const LEVELS: Readonly<Record<string, (typeof LOG_LEVELS)[number]>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  warn: "warn",
  error: "error",
  critical: "error",
  off: "off",
};

export function parseLogLevel(name: string): (typeof LOG_LEVELS)[number] | undefined {
  return Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined;
}

export const LOG_LEVEL_NAMES: readonly string[] = Object.keys(LEVELS);
