/**
 * A worker's sign of life in shared memory: when it last turned its loop, and which filter it entered last. Main reads it
 * whatever the worker is doing; that is how a filter that loops for ever gets its name into the log.
 *
 *     long 0   last beat, milliseconds of the threads' common monotonic clock
 *     word 2   number of the filter entered last; 0 while there was none
 */
import type { Clock } from "@sluice/sdk";
import type { Heartbeat } from "./services.ts";

const BYTES = 16;
const BEAT = 0;
const FILTER = 2;
const BEAT_EVERY_MS = 50;

export function allocateHeartbeat(): SharedArrayBuffer {
  return new SharedArrayBuffer(BYTES);
}

/** The worker's side. */
export class BeatingHeart implements Heartbeat {
  readonly #beats: Float64Array;
  readonly #words: Int32Array;
  readonly #clock: Clock;
  readonly #onName: (filter: number, name: string) => void;
  readonly #numbers = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(memory: SharedArrayBuffer, clock: Clock, onName: (filter: number, name: string) => void) {
    this.#beats = new Float64Array(memory, 0, 1);
    this.#words = new Int32Array(memory);
    this.#clock = clock;
    this.#onName = onName;
  }

  start(): void {
    this.#beat();
    // A plain Node timer: the wheel's stop when nothing is armed.
    this.#timer = setInterval(() => this.#beat(), BEAT_EVERY_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  register(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(name, number);
      this.#onName(number, name);
    }
    return number;
  }

  enter(filter: number): void {
    this.#words[FILTER] = filter;
  }

  #beat(): void {
    this.#beats[BEAT] = this.#clock.now();
  }
}

/** Main's side. */
export class ObservedHeart {
  readonly #beats: Float64Array;
  readonly #words: Int32Array;
  readonly #names = new Map<number, string>();

  constructor(memory: SharedArrayBuffer) {
    this.#beats = new Float64Array(memory, 0, 1);
    this.#words = new Int32Array(memory);
  }

  /** 0 before the first beat. */
  get lastBeatMs(): number {
    return this.#beats[BEAT]!;
  }

  /** Name of the filter that was entered last; null while there was none. */
  get lastFilter(): string | null {
    return this.#names.get(this.#words[FILTER]!) ?? null;
  }

  name(filter: number, name: string): void {
    this.#names.set(filter, name);
  }
}
