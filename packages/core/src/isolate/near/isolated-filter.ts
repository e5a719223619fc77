/** An isolated filter in one worker: its threads, and the hooks that stand in the chain in its place. */
import type { DataVerdict, FilterContext, HttpFilter, HttpStream } from "@sluice/sdk";
import type { Json } from "../../config/model.ts";
import type { WorkerRuntimeModel } from "../../config/runtime-model.ts";
import type { AnyHttpFilterDefinition } from "../../registry/registry.ts";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import type { StreamHandle } from "../../http/chain/stream-handle.ts";
import type { FarStart, Snapshot } from "../protocol.ts";
import type { IsolateHost } from "../isolate.ts";
import { type AttributeReader, attributesOf, readerOf } from "./attributes.ts";
import { FilterThread } from "./filter-thread.ts";
import { remoteHooks } from "./remote-hooks.ts";
import type { RemoteStream } from "./remote-stream.ts";
import { RouteNumbers } from "./route-numbers.ts";
import { IsolateStats } from "./stats.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

export class IsolatedFilter {
  readonly options: WorkerRuntimeModel;
  readonly host: IsolateHost;
  readonly context: FilterContext;
  readonly stats: IsolateStats;
  readonly #id: string;
  readonly #config: Json;
  readonly #attributes: readonly string[];
  readonly #readers: readonly AttributeReader[];
  readonly #hasRouteConfig: boolean;
  readonly #threads: FilterThread[];
  readonly #routes = new RouteNumbers();
  #nextStream = 0;

  constructor(
    definition: AnyHttpFilterDefinition,
    config: Json,
    options: WorkerRuntimeModel,
    host: IsolateHost,
    context: FilterContext,
  ) {
    this.options = options;
    this.host = host;
    this.context = context;
    this.stats = new IsolateStats(context.stats);
    this.#id = definition.id;
    this.#config = config;
    const attributes = attributesOf(definition);
    this.#attributes = attributes;
    this.#readers = attributes.map(readerOf);
    this.#hasRouteConfig = definition.routeConfig !== undefined;
    this.#threads = Array.from({ length: options.threads }, () => new FilterThread(this));
  }

  /** Rejects where the filter refuses. */
  async start(): Promise<HttpFilter<unknown, unknown>> {
    try {
      const [hooks] = await Promise.all(this.#threads.map((thread) => thread.start()));
      return remoteHooks(this, hooks!);
    } catch (error) {
      await this.dispose();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  /** For tests that have to wait: a turn of every thread's loop, and whether it had nothing to say. */
  ping(): void {
    for (const thread of this.#threads) thread.ping();
  }

  get isQuiet(): boolean {
    return this.#threads.every((thread) => thread.isQuiet);
  }

  startOf(watch: SharedArrayBuffer): FarStart {
    const { host, context } = this;
    return {
      module: host.module,
      id: this.#id,
      config: this.#config,
      name: context.name,
      statPrefix: context.statPrefix,
      attributes: this.#attributes,
      watch,
    };
  }

  /** A hook that has to answer. undefined: the filter has nothing to do with the stream any more. */
  ask(
    hook: number,
    given: HttpStream,
    headers: HeaderMap | null,
    section: string | null,
    data: Uint8Array | null,
    end: boolean,
  ): undefined | Promise<DataVerdict> {
    const handle = given as StreamHandle;
    const stream = handle.state as RemoteStream;
    if (stream.isLost) return undefined;
    if (stream.lostWith !== null) stream.failInHook(stream.lostWith);
    const thread = this.adopt(stream, handle);
    return thread.call(stream, hook, headers, section, data, end, this.snapshot(handle, hook, thread));
  }

  /** The thread of a stream that the filter still has to do with; null: it has not. */
  threadOf(given: HttpStream): FilterThread | null {
    const handle = given as StreamHandle;
    const stream = handle.state as RemoteStream;
    return stream.isLost || stream.lostWith !== null ? null : this.adopt(stream, handle);
  }

  private adopt(stream: RemoteStream, handle: StreamHandle): FilterThread {
    if (stream.thread !== null) return stream.thread;
    let least = this.#threads[0]!;
    for (const thread of this.#threads) if (thread.load < least.load) least = thread;
    stream.handle = handle;
    stream.number = this.#nextStream++;
    stream.thread = least;
    least.streams.set(stream.number, stream);
    return least;
  }

  snapshot(handle: StreamHandle, hook: number, thread: FilterThread): Snapshot {
    const readers = this.#readers;
    let values: unknown[] | null = null;
    if (readers.length !== 0) {
      values = [];
      for (let i = 0; i < readers.length; i++) values.push(readers[i]!(handle, hook));
    }
    const routes = this.#hasRouteConfig ? this.#routes.numberOf(handle.routeConfigs, thread) : -1;
    return [handle.requestSeen, routes, values];
  }

  logLevels(): number {
    let levels = 0;
    for (let i = 0; i < LEVELS.length; i++) if (this.host.log.enabled(LEVELS[i]!)) levels |= 1 << i;
    return levels;
  }
}
