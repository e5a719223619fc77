/**
 * A worker thread as main holds it: calls go in and answers come out by message; what it says of itself (metrics, names, log lines) is
 * handed on. Its death rejects every open call.
 */
import { Worker, type ResourceLimits } from "node:worker_threads";
import type { CompiledConfig } from "../config/model.ts";
import type { ThreadMetrics } from "../stats/aggregate.ts";
import type { RuntimeEntries } from "../runtime/runtime-entry.ts";
import type { TapStream } from "../tap/fixture.ts";
import type { TapCommand } from "../tap/tap-point.ts";
import type { HostFlags, HostModel } from "../upstream/host.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import type { DataPlane, ListenRequest, ListenResult, PrepareResult } from "../worker/data-plane.ts";
import { keepGenericWasmWrappers } from "../isolate/wasm-wrappers.ts";
import { workerEntry } from "../worker/entry-url.ts";
import type { ObservedHeart } from "../worker/heartbeat.ts";
import type { LogSink } from "../worker/log.ts";
import type { FromWorker, Method, ToWorker, WorkerStart } from "../worker/messages.ts";
import type { ClusterHosts } from "../worker/parts.ts";
import { WorkerDeath } from "./worker-death.ts";

export interface ThreadWorkerOptions {
  readonly start: WorkerStart;
  readonly heart: ObservedHeart;
  readonly metrics: ThreadMetrics;
  readonly log: LogSink;
  readonly hostReports?: HostReports | undefined;
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Called once, however it ended; `reason` is a clause for the log. */
  readonly onDeath: (reason: string) => void;
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadWorker implements DataPlane {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #options: ThreadWorkerOptions;
  readonly #calls = new Map<number, Call>();
  readonly #ready: PromiseWithResolvers<void>;
  #nextId = 1;
  #error: string | null = null;
  #dead: WorkerDeath | null = null;

  constructor(options: ThreadWorkerOptions) {
    this.#options = options;
    this.#ready = Promise.withResolvers();
    this.ready = this.#ready.promise;
    // Whoever waits for it hears of the death; nobody has to.
    this.ready.catch(() => {});
    keepGenericWasmWrappers();
    this.#worker = new Worker(workerEntry(), {
      name: `sluice worker ${options.start.index}`,
      workerData: options.start,
      ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
    });
    this.#worker.on("message", (message: FromWorker) => this.#onMessage(message));
    this.#worker.on("error", (error) => {
      this.#error = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#worker.on("exit", (code) => this.#onExit(code));
  }

  prepare(config: CompiledConfig, hosts: ClusterHosts): Promise<PrepareResult> {
    return this.#call("prepare", config, hosts) as Promise<PrepareResult>;
  }

  listen(requests: readonly ListenRequest[]): Promise<ListenResult> {
    return this.#call("listen", requests) as Promise<ListenResult>;
  }

  async commit(): Promise<void> {
    await this.#call("commit");
  }

  async discard(): Promise<void> {
    await this.#call("discard");
  }

  async drain(): Promise<void> {
    await this.#call("drain");
  }

  async stopAccepting(): Promise<void> {
    await this.#call("stopAccepting");
  }

  async close(): Promise<void> {
    await this.#call("close");
  }

  async updateHosts(cluster: string, hosts: readonly HostModel[]): Promise<void> {
    await this.#call("updateHosts", cluster, hosts);
  }

  async updateFlags(cluster: string, changes: readonly HostFlags[]): Promise<void> {
    await this.#call("updateFlags", cluster, changes);
  }

  tap(command: TapCommand): Promise<readonly TapStream[]> {
    return this.#call("tap", command) as Promise<readonly TapStream[]>;
  }

  async updateRuntime(entries: RuntimeEntries): Promise<void> {
    await this.#call("updateRuntime", entries);
  }

  reclaim(ids: readonly number[]): void {
    if (this.#dead === null) this.#post({ kind: "reclaim", ids });
  }

  /** Ends the thread whatever it is doing; resolves when it is gone. `reason` is told to `onDeath` and to open calls. */
  async terminate(reason: string): Promise<void> {
    this.#error ??= reason;
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #call(method: Method, ...parameters: readonly unknown[]): Promise<unknown> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(id, { resolve, reject });
    this.#post({ kind: "call", id, method, parameters });
    return promise;
  }

  #onMessage(message: FromWorker): void {
    const { metrics, heart, log } = this.#options;
    switch (message.kind) {
      case "ready":
        this.#ready.resolve();
        break;
      case "broken":
        this.#error = message.message;
        void this.#worker.terminate();
        break;
      case "result":
        this.#calls.get(message.id)?.resolve(message.value);
        this.#calls.delete(message.id);
        break;
      case "failure":
        this.#calls.get(message.id)?.reject(new Error(message.message));
        this.#calls.delete(message.id);
        break;
      case "slab":
        metrics.addSlab(message.slab, message.memory);
        break;
      case "metrics":
        metrics.add(message.metrics);
        break;
      case "removed":
        metrics.remove(message.ids);
        break;
      case "filter":
        heart.name(message.filter, message.name);
        break;
      case "host":
        this.#options.hostReports?.report(message.cluster, message.address, message.event);
        break;
      case "log":
        log.write(message.level, message.component, message.message, message.fields);
        break;
    }
  }

  #onExit(code: number): void {
    const reason = this.#error ?? `it exited with code ${code}`;
    this.#dead = new WorkerDeath(reason);
    this.#ready.reject(this.#dead);
    for (const { reject } of this.#calls.values()) reject(this.#dead);
    this.#calls.clear();
    this.#options.metrics.retire();
    this.#options.onDeath(reason);
  }
}
