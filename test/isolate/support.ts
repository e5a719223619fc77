/** An isolated filter of hostile.ts in a harness. Its limits run on a virtual clock of their own, so that nothing depends on how fast the machine is. */
import {
  type HttpExchange,
  type HttpFilterHarness,
  type HttpFilterSetup,
  type HttpHarnessOptions,
  httpHarness,
  type TestRequest,
} from "@sluice/core/testing";
import { type WorkerRuntimeModel, workerRuntimeDefaults } from "../../packages/core/src/config/runtime-model.ts";
import type { IsolateHost } from "../../packages/core/src/isolate/isolate.ts";
import type { AnyHttpFilterDefinition } from "../../packages/core/src/registry/registry.ts";
import { VirtualTime } from "../../packages/core/src/timing/virtual.ts";
import { isolated, realHost } from "../conformance/runtimes/fixtures.ts";
import { hostile } from "./hostile.ts";

const module = { specifier: "hostile.ts", url: new URL("./hostile.ts", import.meta.url).href, bundle: undefined };

/** Threads start, on a machine that may be busy. */
export const PATIENCE_MS = 60_000;

export interface IsolatedOptions {
  readonly definition?: object;
  readonly runtime?: Partial<WorkerRuntimeModel>;
  readonly setup?: HttpFilterSetup & HttpHarnessOptions;
  readonly host?: Partial<IsolateHost>;
}

export class IsolatedHarness implements AsyncDisposable {
  readonly harness: HttpFilterHarness;
  /** Of limits. */
  readonly time: VirtualTime;
  readonly #settle: () => Promise<void>;

  constructor(harness: HttpFilterHarness, time: VirtualTime, settle: () => Promise<void>) {
    this.harness = harness;
    this.time = time;
    this.#settle = settle;
  }

  static async start(options: IsolatedOptions = {}): Promise<IsolatedHarness> {
    const time = new VirtualTime();
    const definition = (options.definition ?? hostile) as AnyHttpFilterDefinition;
    const { clock, timers } = time;
    const host = realHost({ module, clock, timers, ...options.host });
    const placed = isolated(definition, { ...workerRuntimeDefaults, ...options.runtime }, host);
    const harness = await httpHarness(placed.definition, options.setup);
    return new IsolatedHarness(harness, time, placed.settle);
  }

  /** A stream that does `what`, as far as the filter takes it at once. */
  open(what: string, request: TestRequest = {}, end = true): HttpExchange {
    return this.harness.open().headers({ ...request, headers: { "x-do": what } }, end);
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 2; rounds++) {
      await this.#settle();
      await this.harness.settle();
    }
  }

  /** Real time until it is so; limits get no time. */
  until(condition: () => boolean): Promise<void> {
    return this.harness.until(condition, PATIENCE_MS);
  }

  /** The same, while the time of limits passes. */
  async untilCut(condition: () => boolean, stepMs = 5): Promise<void> {
    await this.until(() => {
      if (condition()) return true;
      this.time.advance(stepMs);
      return condition();
    });
    await this.harness.settle();
  }

  stat(name: string): number {
    return this.harness.stat(name);
  }

  /** A request that nothing happens to: the filter's count of streams in its thread. */
  async countedBy(): Promise<string | undefined> {
    const exchange = this.open("nothing");
    await this.until(() => exchange.response.upstream !== null || exchange.over);
    if (!exchange.over) exchange.upstream.respond({ body: "ok" });
    await this.until(() => exchange.over);
    return exchange.response.headers["x-state"];
  }

  log(): string[] {
    return this.harness.log.map(({ level, message }) => `${level} ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness.close();
  }
}
