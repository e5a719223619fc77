/** What the thread of an isolated filter has to say to its worker: one message a turn of its loop. */
import { getHeapStatistics } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import {
  type FromFar,
  toFarError,
  WATCH_BEGUN,
  WATCH_DONE,
  WATCH_EXTERNAL_KIB,
  WATCH_HOOK,
  WATCH_STREAM,
} from "../protocol.ts";

const MEASURE_EVERY_MS = 100;

export class Outbox {
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  #entries: FromFar[] = [];
  /** Metrics that are new. */
  #metrics: FromFar[] = [];
  #transfer: ArrayBuffer[] = [];
  /** Amounts of counters since the last message, by their number. */
  #counts = new Map<number, number>();
  #scheduled = false;
  #received = 0;
  #begun = 0;
  #measuredMs = 0;
  /** A request that could not cross. */
  onAskRefused: (request: number, error: TypeError) => void = () => {};

  constructor(port: MessagePort, words: Int32Array) {
    this.#port = port;
    this.#words = words;
  }

  add(entry: FromFar): void {
    this.#entries.push(entry);
    this.#schedule();
  }

  /** A metric, before anything is counted in it. */
  addMetric(entry: FromFar): void {
    this.#metrics.push(entry);
    this.#schedule();
  }

  /** Bytes of the filter's own: it may keep the buffer that they stand in. */
  copyOf(bytes: Uint8Array): Uint8Array {
    const copy = new Uint8Array(bytes);
    this.#transfer.push(copy.buffer);
    return copy;
  }

  count(metric: number, amount: number): void {
    this.#counts.set(metric, (this.#counts.get(metric) ?? 0) + amount);
    this.#schedule();
  }

  /** A message of the worker has come; the worker hears when its turn is over. */
  received(): void {
    this.#received++;
    this.#schedule();
  }

  /** The filter's code is about to run. */
  begin(hook: number, stream: number): void {
    const words = this.#words;
    words[WATCH_HOOK] = hook;
    words[WATCH_STREAM] = stream;
    this.#begun = (this.#begun + 1) | 0;
    Atomics.store(words, WATCH_BEGUN, this.#begun);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the promises that settle in this turn.
    setImmediate(flush, this);
  }

  flush(): void {
    this.#scheduled = false;
    let entries = this.#entries;
    if (this.#counts.size !== 0 || this.#metrics.length !== 0) {
      // First: who sees an outcome sees what was counted before it.
      entries = [...this.#metrics, ["counts", [...this.#counts].flat()], ...entries];
      this.#metrics = [];
      this.#counts = new Map();
    }
    if (entries.length !== 0) {
      const transfer = this.#transfer;
      this.#entries = [];
      this.#transfer = [];
      this.#send(entries, transfer);
    }
    this.#measure();
    Atomics.store(this.#words, WATCH_DONE, this.#received | 0);
  }

  #send(entries: readonly FromFar[], transfer: readonly ArrayBuffer[]): void {
    try {
      this.#port.postMessage(entries, transfer);
    } catch (error) {
      // Something in one of them cannot be cloned.
      if (entries.length > 1) for (const entry of entries) this.#send([entry], buffersOf(entry));
      else this.#notSent(entries[0]!, error);
    }
  }

  /** Told to whom it concerns: the call, the request or the stream that the entry was for. */
  #notSent(entry: FromFar, error: unknown): void {
    const refusal = new TypeError(`what the filter gives cannot be cloned: ${(error as Error).message}`);
    const why = toFarError(refusal);
    switch (entry[0]) {
      case "outcome":
      case "failure":
      case "edits":
        return this.#port.postMessage([["failure", entry[1], why]]);
      case "ask":
        return this.onAskRefused(entry[1], refusal);
      case "askData":
        return this.#port.postMessage([["askData", entry[1], null, why]]);
      case "metric":
      case "log":
        return this.#port.postMessage([["log", "error", why.message, undefined]]);
      default:
        return this.#port.postMessage([["error", entry[1], "timer", why]]);
    }
  }

  #measure(): void {
    const now = performance.now();
    if (now - this.#measuredMs < MEASURE_EVERY_MS) return;
    this.#measuredMs = now;
    Atomics.store(this.#words, WATCH_EXTERNAL_KIB, Math.min(2 ** 31 - 1, getHeapStatistics().external_memory / 1024));
  }
}

function flush(outbox: Outbox): void {
  outbox.flush();
}

function buffersOf(entry: FromFar): ArrayBuffer[] {
  return entry.flatMap((part) => (part instanceof Uint8Array ? [part.buffer as ArrayBuffer] : []));
}
