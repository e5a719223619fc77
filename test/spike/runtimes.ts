/** The places where the spike's filter runs (the component with two kinds of glue), behind one interface for the conformance table and the measurement. */
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import type { FilterContext, HttpFilter } from "@sluice/sdk";
import { instantiateByHand } from "./component-glue.ts";
import { ComponentPort } from "./component-port.ts";
import { greeting, type GreetingConfig } from "./greeting.ts";
import { remoteFilter } from "./remote-filter.ts";
import { WorkerPort } from "./worker-port.ts";

export const RUNTIMES = ["inline", "worker", "component", "component by hand"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

export interface Runtime extends AsyncDisposable {
  readonly hooks: HttpFilter<unknown, unknown>;
  readonly newState: () => unknown;
  counted(name: string): number;
  /** Resolves when every hook that was called has its verdict. */
  idle(): Promise<void>;
}

export async function startRuntime(name: RuntimeName, config: GreetingConfig): Promise<Runtime> {
  if (name === "inline") return startInline(config);
  if (name === "worker") {
    const port = await WorkerPort.start(config);
    return {
      ...(remoteFilter(port) as Pick<Runtime, "hooks" | "newState">),
      counted: (counter) => port.counted(counter),
      idle: () => port.idle(),
      [Symbol.asyncDispose]: () => port[Symbol.asyncDispose](),
    };
  }
  const port = name === "component" ? new ComponentPort(config) : new ComponentPort(config, instantiateByHand);
  return {
    ...(remoteFilter(port) as Pick<Runtime, "hooks" | "newState">),
    counted: (counter) => port.counted(counter),
    idle: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

async function startInline(config: GreetingConfig): Promise<Runtime> {
  const counts = new Map<string, number>();
  const counter = (name: string) => ({ inc: (amount = 1) => void counts.set(name, (counts.get(name) ?? 0) + amount) });
  const context = { stats: { counter } } as unknown as FilterContext;
  return {
    hooks: (await greeting.create(config, context)) as Runtime["hooks"],
    newState: greeting.newState!,
    counted: (name) => counts.get(name) ?? 0,
    idle: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

export interface BenchOptions {
  readonly onError?: "fail" | "continue";
  readonly routeValue?: string;
}

/** The real chain engine around a runtime's filter, with a terminal filter that the test plays. */
export class Bench {
  readonly runtime: Runtime;
  readonly terminal = new ScriptedTerminal();
  readonly harness: HttpHarness;

  constructor(runtime: Runtime, { onError = "fail", routeValue }: BenchOptions = {}) {
    this.runtime = runtime;
    const routeConfig = { value: routeValue };
    const perFilter = [{ mostSpecific: routeConfig, all: [routeConfig] }, null];
    this.harness = new HttpHarness(
      [{ name: "greeting", hooks: runtime.hooks, newState: runtime.newState, onError }, this.terminal.filter],
      {
        route: routeValue === undefined ? null : ({ perFilter } as object),
      },
    );
  }

  /** Until no hook is open: each verdict may lead to the next call. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 8; rounds++) {
      await this.runtime.idle();
      await this.harness.settle();
    }
  }
}
