/**
 * Hot path of isolated filters. One thread of an isolated filter, as its worker sees it, and those that take its place: hook calls and their outcomes, one message a turn;
 * what happens to streams when a thread is lost.
 */
import type { DataVerdict } from "@sluice/sdk";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import {
  ASKED,
  type FromFarMessage,
  type Snapshot,
  type ToFar,
  type ToFarMessage,
  WATCH_DONE,
  WATCH_HOOK,
  WATCH_WORDS,
} from "../protocol.ts";
import type { IsolatedFilter } from "./isolated-filter.ts";
import { OpenCall, type RemoteStream } from "./remote-stream.ts";
import { type HostedThread, hostThread, type ThreadEnd } from "./thread-host.ts";
import { ThreadEntries } from "./thread-entries.ts";
import { Watch, type Watched } from "./watch.ts";

/** A thread that lived shorter counts as one that does not stand. */
const SHORT_LIFE_MS = 1000;
const FREE_RESTARTS = 3;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1000;

export class FilterThread implements Watched {
  readonly filter: IsolatedFilter;
  readonly open = new Map<number, OpenCall>();
  readonly streams = new Map<number, RemoteStream>();
  /** New for each thread: one that is being ended may still write. */
  #words = watchWords();
  #watch: Watch;
  #entries: ThreadEntries;
  #hosted: HostedThread | null = null;
  /** Why calls are refused at once; null: they are not. */
  #down: string | null = null;
  #isReady = false;
  #isClosed = false;
  #queue: ToFar[] = [];
  #transfer: ArrayBuffer[] = [];
  #scheduled = false;
  #nextCall = 0;
  #startedMs = 0;
  #shortLives = 0;
  posted = 0;
  /** Counts the threads that stood here. */
  life = 0;

  constructor(filter: IsolatedFilter) {
    this.filter = filter;
    this.#watch = this.#newWatch();
    this.#entries = new ThreadEntries(this);
  }

  /** Rejects where the filter refuses or does not come up. Resolves with the names of its hooks. */
  async start(): Promise<readonly string[]> {
    const { filter } = this;
    this.#words = watchWords();
    this.posted = 0;
    this.life++;
    this.#watch = this.#newWatch();
    const entries = new ThreadEntries(this);
    this.#entries = entries;
    const hosted = await hostThread(filter.startOf(this.#words.buffer), filter.options);
    this.#hosted = hosted;
    if (this.#isClosed) await hosted.end({ kind: "closed" });
    hosted.port.on("message", (message: FromFarMessage) => entries.receive(message));
    const late = filter.host.timers.setTimer(
      () => void hosted.end({ kind: "died", message: "it was not ready in time" }),
      filter.host.startLimitMs,
    );
    const first = await Promise.race([entries.ready, hosted.ended]);
    late.cancel();
    if (!("hooks" in first)) throw new Error(wordsOf(first));
    if (first.refusal !== null) {
      await hosted.end({ kind: "closed" });
      throw new Error(first.refusal);
    }
    this.#isReady = true;
    this.#down = null;
    this.#startedMs = filter.host.clock.now();
    void hosted.ended.then((end) => {
      if (this.#hosted === hosted) this.#onEnd(end);
    });
    if (this.#queue.length !== 0) this.#schedule();
    return first.hooks;
  }

  get load(): number {
    return this.streams.size;
  }

  /** Nothing is on its way, and the thread's loop has turned since the last message: for tests that have to wait. */
  get isQuiet(): boolean {
    return this.#isReady && this.#queue.length === 0 && Atomics.load(this.#words, WATCH_DONE) === (this.posted | 0);
  }

  get hasOpenCalls(): boolean {
    return this.open.size !== 0;
  }

  get hasStreams(): boolean {
    return this.streams.size !== 0;
  }

  /** One hook call; the promise holds the direction. @throws Error where it is refused. */
  call(
    stream: RemoteStream,
    hook: number,
    headers: HeaderMap | null,
    section: string | null,
    data: Uint8Array | null,
    end: boolean,
    snapshot: Snapshot,
  ): Promise<DataVerdict> {
    const { filter, open } = this;
    if (this.#down !== null) stream.failInHook(new Error(this.#down));
    if (open.size >= filter.options.maxQueue) {
      filter.stats.overflow.inc();
      stream.failInHook(
        new Error(`${filter.options.maxQueue} hook calls are waiting for the filter's thread (max_queue)`),
      );
    }
    const number = this.#nextCall++;
    const { clock } = filter.host;
    const call = new OpenCall(number, stream, hook, headers, clock.turnNow() + filter.options.maxHeldTimeMs);
    open.set(number, call);
    stream.calls.push(call);
    let copy: Uint8Array | null = null;
    if (data !== null) {
      // A clone of a view would copy the whole read buffer below it.
      copy = new Uint8Array(data);
      this.#transfer.push(copy.buffer as ArrayBuffer);
    }
    this.post(["call", stream.number, number, hook, end, section, copy, snapshot]);
    return call.promise;
  }

  post(entry: ToFar): void {
    this.#queue.push(entry);
    if (!this.#scheduled) this.#schedule();
  }

  /** The bytes are the thread's from then on. */
  transfer(buffer: ArrayBuffer): void {
    this.#transfer.push(buffer);
  }

  /** The end of a stream for this filter. */
  forget(stream: RemoteStream): void {
    if (!this.streams.delete(stream.number)) return;
    for (const call of stream.calls) this.open.delete(call.number);
    this.post(["destroy", stream.number, stream.handle?.stream.over !== true]);
  }

  timerFired(stream: RemoteStream, timer: number): void {
    this.post(["timer", stream.number, timer, this.filter.snapshot(stream.handle!, -1, this)]);
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(flush, this);
    // Calls that wait for a thread to come up wait no longer than others.
    if (!this.#isReady && this.#down === null) this.#watch.wake();
  }

  flush(): void {
    this.#scheduled = false;
    if (!this.#isReady || this.#queue.length === 0) return;
    const queue = this.#queue;
    const transfer = this.#transfer;
    this.#queue = [];
    this.#transfer = [];
    this.#send(queue, transfer);
  }

  #send(entries: readonly ToFar[], transfer: readonly ArrayBuffer[]): void {
    const message: ToFarMessage = [this.filter.logLevels(), ...entries];
    try {
      this.#hosted!.port.postMessage(message, transfer);
    } catch (error) {
      // Something in one of them cannot be cloned.
      if (entries.length > 1) for (const entry of entries) this.#send([entry], buffersOf(entry));
      else this.#entries.notSent(entries[0]!, error as Error);
      return;
    }
    this.posted++;
    this.#watch.wake();
  }

  // ---- what the watch asks for ------------------------------------------------------------------------------------------------------------

  ping(): void {
    if (this.#isReady) this.#send([], []);
  }

  expire(nowMs: number): void {
    const { filter } = this;
    for (const call of this.open.values()) {
      if (call.deadlineMs > nowMs) continue;
      filter.stats.timeouts.inc();
      call.stream.fail(
        ASKED[call.hook]!,
        new Error(`held the stream for longer than ${filter.options.maxHeldTimeMs} ms (max_held_time)`),
      );
    }
  }

  stuck(): void {
    const hook = ASKED[Atomics.load(this.#words, WATCH_HOOK)];
    const where = hook === undefined ? "" : `; ${hook} was called last`;
    const message = `it ran for longer than ${this.filter.options.maxTimeMs} ms without yielding (max_time)${where}`;
    this.#cut({ kind: "terminated", message });
  }

  blocked(): void {
    const message = `it stood still for longer than ${this.filter.options.maxHeldTimeMs} ms (max_held_time)`;
    this.#cut({ kind: "terminated", message });
  }

  tooLarge(bytes: number): void {
    const message = `it holds ${Math.ceil(bytes / (1024 * 1024))} MiB in buffers, more than memory allows`;
    this.#cut({ kind: "out_of_memory", message });
  }

  #cut(why: ThreadEnd): void {
    void this.#hosted?.end(why);
    // One that is coming up ends its start.
    if (this.#isReady) this.#onEnd(why);
  }

  // ---- the end of a thread ----------------------------------------------------------------------------------------------------------------

  #onEnd(end: ThreadEnd): void {
    this.#isReady = false;
    this.#hosted = null;
    this.#watch.end();
    this.#entries.end();
    if (this.#isClosed) return;
    const { filter } = this;
    if (end.kind === "terminated") filter.stats.terminated.inc();
    else if (end.kind === "out_of_memory") filter.stats.outOfMemory.inc();
    else filter.stats.errors.inc();
    const what = `the filter's thread was lost: ${wordsOf(end)}`;
    filter.context.logger.error(what, { streams: this.streams.size });
    this.#loseAll(new Error(what));
    const lived = filter.host.clock.now() - this.#startedMs;
    this.#shortLives = lived < SHORT_LIFE_MS ? this.#shortLives + 1 : 0;
    if (this.#shortLives <= FREE_RESTARTS) void this.#restart();
    else this.#restartLater(what);
  }

  /** State of streams is gone with a thread: each fails once. */
  #loseAll(error: Error): void {
    this.#queue = [];
    this.#transfer = [];
    const streams = [...this.streams.values()];
    this.streams.clear();
    this.open.clear();
    for (const stream of streams) stream.threadLost(error);
  }

  async #restart(): Promise<void> {
    try {
      await this.start();
      this.filter.stats.restarts.inc();
    } catch (error) {
      if (this.#isClosed) return;
      const what = `the filter's thread does not start: ${(error as Error).message}`;
      this.filter.context.logger.error(what);
      this.#loseAll(new Error(what));
      this.#shortLives++;
      this.#restartLater(what);
    }
  }

  #restartLater(why: string): void {
    this.#down = why;
    const delay = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.max(0, this.#shortLives - FREE_RESTARTS - 1));
    this.filter.context.setTimer(() => {
      if (!this.#isClosed) void this.#restart();
    }, delay);
  }

  /** Runs the filter's `dispose` and ends the thread. */
  async close(): Promise<void> {
    if (this.#isReady) {
      this.post(["dispose"]);
      const { host, options } = this.filter;
      const { promise, resolve } = Promise.withResolvers<void>();
      const late = host.timers.setTimer(resolve, options.maxHeldTimeMs);
      await Promise.race([this.#entries.disposed, this.#hosted!.ended, promise]);
      late.cancel();
    }
    this.#isClosed = true;
    this.#isReady = false;
    this.#watch.end();
    this.#entries.end();
    await this.#hosted?.end({ kind: "closed" });
  }

  #newWatch(): Watch {
    return new Watch(this, this.#words, this.filter.host, this.filter.options);
  }
}

function flush(thread: FilterThread): void {
  thread.flush();
}

function buffersOf(entry: ToFar): ArrayBuffer[] {
  return entry.flatMap((part) => (part instanceof Uint8Array ? [part.buffer as ArrayBuffer] : []));
}

function wordsOf(end: ThreadEnd): string {
  return end.kind === "closed" ? "it ended" : end.message;
}

function watchWords(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WATCH_WORDS * Int32Array.BYTES_PER_ELEMENT));
}
