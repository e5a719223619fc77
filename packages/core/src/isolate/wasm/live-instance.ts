/**
 * Hot path: docs/extending/hot-path-rules.md. The instance of a component that a chain uses now: made when it is needed, entered by one hook at a time, discarded by whatever it throws. Streams remember
 * which instance has their state.
 */
import type { Counter, FilterContext, HttpStream } from "@sluice/sdk";
import type { ComponentHost } from "./component-host.ts";
import { type ComponentStream, FRESH, OVER, StreamNumbers, TOLD } from "./component-stream.ts";
import type { Guest, GuestHost } from "./guest.ts";

export type Stream = HttpStream<ComponentStream>;
export type MakeGuest = (host: GuestHost) => Guest;

export class LiveInstance {
  readonly #id: string;
  readonly #config: string;
  readonly #make: MakeGuest;
  readonly #host: ComponentHost;
  readonly #numbers = new StreamNumbers();
  readonly #traps: Counter;
  readonly #lostStreams: Counter;
  #guest: Guest | null = null;
  /** Counts instances. */
  #number = 0;
  #isRunning = false;

  constructor(id: string, config: string, make: MakeGuest, host: ComponentHost, stats: FilterContext["stats"]) {
    this.#id = id;
    this.#config = config;
    this.#make = make;
    this.#host = host;
    this.#traps = stats.counter("component.traps");
    this.#lostStreams = stats.counter("component.lost_streams");
  }

  /** Made where there is none. @throws Error where the component fails or does not take its configuration */
  guest(): Guest {
    if (this.#guest !== null) return this.#guest;
    const host = this.#host;
    let problem: string | null;
    let guest: Guest;
    host.isConfiguring = true;
    try {
      guest = this.#make(host);
      problem = guest.configure(this.#config);
    } catch (error) {
      throw new Error(`${this.#id}: the component failed while it was configured: ${sentence(error)}`, {
        cause: error,
      });
    } finally {
      host.isConfiguring = false;
    }
    if (problem !== null) throw new Error(`${this.#id} does not take its configuration: ${problem}`);
    this.#number++;
    this.#guest = guest;
    return guest;
  }

  /** The instance for a hook of `stream`, which MUST `leave` or `fail` afterwards; null: the stream goes without the filter. @throws Error once for a stream whose instance is gone */
  enter(stream: Stream): Guest | null {
    const { state } = stream;
    if (state.instance !== this.#number || this.#guest === null) {
      if (state.instance === TOLD) return null;
      if (state.instance !== FRESH) {
        state.instance = TOLD;
        this.#lostStreams.inc();
        throw new Error(`${this.#id}: the instance that had this stream is gone`);
      }
      this.guest();
      state.number = this.#numbers.take();
      state.instance = this.#number;
    }
    if (this.#isRunning) throw new Error(`${this.#id}: it was called while it runs`);
    this.#isRunning = true;
    this.#host.stream = stream as HttpStream;
    return this.#guest;
  }

  leave(): void {
    this.#isRunning = false;
    this.#host.stream = null;
  }

  /** Discards the instance. Returns what the hook throws. */
  fail(error: unknown, stream: Stream): Error {
    this.drop();
    stream.state.instance = TOLD;
    this.#traps.inc();
    return new Error(`${this.#id}: the component failed, and its instance is discarded: ${sentence(error)}`, {
      cause: error,
    });
  }

  drop(): void {
    this.#guest = null;
    this.leave();
  }

  /** A hook that answers nothing. */
  tell(stream: Stream, call: (guest: Guest, number: number) => void): void {
    const guest = this.enter(stream);
    if (guest === null) return;
    try {
      call(guest, stream.state.number);
    } catch (error) {
      throw this.fail(error, stream);
    }
    this.leave();
  }

  /** The end of a stream: its number is free again. */
  end(stream: Stream): void {
    const { state } = stream;
    const { number, instance } = state;
    try {
      if (instance === this.#number && this.#guest?.has("streamEnd") === true)
        this.tell(stream, (guest) => guest.streamEnd(number));
    } finally {
      state.instance = OVER;
      state.request.hold = null;
      state.response.hold = null;
      if (number >= 0) this.#numbers.giveBack(number);
    }
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
