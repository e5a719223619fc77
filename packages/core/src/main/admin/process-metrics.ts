/** The process's own metrics (memory, event loop of main, garbage collection), by prom-client; loaded by the first scrape. */
import type { Registry } from "prom-client";

let registry: Promise<Registry> | null = null;

export async function processMetrics(): Promise<string> {
  registry ??= collect();
  return `${await (await registry).metrics()}\n`;
}

async function collect(): Promise<Registry> {
  const { Registry, collectDefaultMetrics } = (await import("prom-client")).default;
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  return own;
}
