/** The near side of the worker runtime: one thread, one message a hook call and one back, in order. */
import { Worker } from "node:worker_threads";
import type { FilterPort, HookCall, HookOutcome, RemoteHook } from "./remote-filter.ts";
import type { FromFar, ToFar, WorkerStart } from "./worker-protocol.ts";

const MAX_COUNTERS = 64;

interface Waiting {
  resolve(outcome: HookOutcome): void;
  reject(error: Error): void;
}

export class WorkerPort implements FilterPort, AsyncDisposable {
  hooks: readonly RemoteHook[] = [];
  readonly #worker: Worker;
  readonly #counters = new Float64Array(new SharedArrayBuffer(MAX_COUNTERS * Float64Array.BYTES_PER_ELEMENT));
  readonly #waiting = new Map<number, Waiting>();
  #names: readonly string[] = [];
  #nextId = 0;
  #onIdle: (() => void) | null = null;

  static async start(config: WorkerStart["config"]): Promise<WorkerPort> {
    const port = new WorkerPort(config);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    port.#worker.once("error", reject);
    port.#worker.on("message", (message: FromFar) => {
      if (message.kind === "ready") {
        port.hooks = message.hooks;
        port.#names = message.counters;
        resolve();
      } else port.#settle(message);
    });
    await promise;
    return port;
  }

  private constructor(config: WorkerStart["config"]) {
    const workerData: WorkerStart = { config, counters: this.#counters.buffer };
    this.#worker = new Worker(new URL("./worker-thread.ts", import.meta.url), { workerData });
  }

  call(call: HookCall): Promise<HookOutcome> {
    const id = this.#nextId++;
    // A clone of a view would copy the whole read buffer below it.
    const data = call.data === null ? null : new Uint8Array(call.data);
    const message: ToFar = { kind: "call", id, call: { ...call, data } };
    this.#worker.postMessage(message, data === null ? [] : [data.buffer]);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  destroy(stream: number): void {
    const message: ToFar = { kind: "destroy", stream };
    this.#worker.postMessage(message);
  }

  /** Resolves when no call is open. */
  async idle(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    await promise;
  }

  get busy(): boolean {
    return this.#waiting.size !== 0;
  }

  counted(name: string): number {
    return this.#counters[this.#names.indexOf(name)] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: Exclude<FromFar, { kind: "ready" }>): void {
    const waiting = this.#waiting.get(message.id)!;
    this.#waiting.delete(message.id);
    if (message.kind === "outcome") waiting.resolve(message.outcome);
    else waiting.reject(new Error(message.message));
    if (this.#waiting.size === 0) this.#onIdle?.();
  }
}
