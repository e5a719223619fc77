/**
 * Lets every byte pass unchanged, but stops, awaits, copies and pauses as a list of numbers tells; what it owes is done when its test says so. Watches the rules
 * that hold for every hook while it runs. Its evil twin also throws, answers, resets and injects.
 */
import type { HarnessFilter } from "@sluice/core/testing";
import {
  Continue,
  type DataVerdict,
  type Direction,
  type HttpStream,
  Stop,
  StopAndBuffer,
  StopAndWatermark,
  reply,
} from "@sluice/sdk";
import { bytes, type Hooks, type Side } from "./side.ts";

type Answer = DataVerdict | Promise<DataVerdict>;
type Phase = "headers" | "data" | "trailers";

/** What all filters of one stream share. */
export class Watch {
  readonly broken: string[] = [];
  /** What filters owe: resumes, settled promises, unpauses. */
  readonly owed: (() => void)[] = [];
  readonly active: Record<Side, number> = { request: 0, response: 0 };
  /** By place with an open promise: how many bytes the filter had let go before; -1: not even the headers. */
  readonly open: Record<Side, Map<number, number>> = { request: new Map(), response: new Map() };
  /** Bytes that the data hook of each place has been given. */
  readonly given: Record<Side, number[]> = { request: [], response: [] };
  readonly isEvil: boolean;
  isOver = false;

  constructor(isEvil: boolean) {
    this.isEvil = isEvil;
  }

  /** While a promise is open its filter is not called, and later ones only with what it had let go before. */
  enter(side: Side, place: number, phase: Phase, length: number): void {
    const what = `${phase} of ${side} at ${place}`;
    if (this.isOver) this.broken.push(`${what} after the end`);
    if (this.active[side]++ !== 0) this.broken.push(`${what} inside another hook of its direction`);
    const given = (this.given[side][place] ?? 0) + length;
    this.given[side][place] = given;
    for (const [at, passed] of this.open[side]) {
      const isLater = side === "request" ? at < place : at > place;
      // An evil filter injects past its own promise.
      const isAhead = isLater && !this.isEvil && (phase === "trailers" || given > passed);
      if (at === place || isAhead) this.broken.push(`${what} while a promise is open at ${at}`);
    }
  }

  leave(side: Side): void {
    this.active[side]--;
  }
}

export class PauseAtRandom {
  readonly filter: HarnessFilter;
  destroyed = 0;
  completed = 0;
  readonly #watch: Watch;
  readonly #place: number;
  readonly #choices: readonly number[];
  readonly #isEvil: boolean;
  readonly #mayBuffer: boolean;
  #next = 0;

  constructor(
    watch: Watch,
    place: number,
    choices: readonly number[],
    options: { mayBuffer: boolean; goesOn: boolean },
  ) {
    this.#watch = watch;
    this.#place = place;
    this.#choices = choices;
    this.#isEvil = watch.isEvil;
    this.#mayBuffer = options.mayBuffer;
    const side = (name: Side): Hooks => {
      const Name = name === "request" ? "Request" : "Response";
      return {
        [`on${Name}Headers`]: (_headers: unknown, end: boolean, stream: HttpStream) =>
          this.#hook(name, "headers", null, end, stream),
        [`on${Name}Data`]: (data: Uint8Array, end: boolean, stream: HttpStream) =>
          this.#hook(name, "data", data, end, stream),
        [`on${Name}Trailers`]: (_trailers: unknown, stream: HttpStream) =>
          this.#hook(name, "trailers", null, true, stream),
      };
    };
    this.filter = {
      name: `random${place}`,
      onError: options.goesOn ? "continue" : "fail",
      hooks: {
        ...side("request"),
        ...side("response"),
        onStreamComplete: () => void this.completed++,
        onDestroy: () => {
          this.destroyed++;
          watch.isOver = true;
        },
      },
    };
  }

  #choose(below: number): number {
    return this.#choices[this.#next++ % this.#choices.length]! % below;
  }

  #hook(side: Side, phase: Phase, data: Uint8Array | null, end: boolean, stream: HttpStream): Answer {
    this.#watch.enter(side, this.#place, phase, data === null ? 0 : data.length);
    try {
      return this.#isEvil && this.#choose(4) === 0
        ? this.#misbehave(side, phase, end, stream)
        : this.#pause(side, phase, data, stream[side]);
    } finally {
      this.#watch.leave(side);
    }
  }

  #pause(side: Side, phase: Phase, data: Uint8Array | null, way: Direction): Answer {
    const { owed } = this.#watch;
    switch (this.#choose(10)) {
      case 0:
        owed.push(() => way.resume());
        return Stop;
      case 1:
        owed.push(() => way.resume());
        return StopAndWatermark;
      case 2:
        owed.push(() => way.resume());
        return this.#mayBuffer ? StopAndBuffer : Stop;
      case 3:
        return this.#await(side, phase, data, () => Continue);
      case 4:
        return this.#await(side, phase, data, () => {
          // Owed once the stop has come to the engine: before, there is nothing to resume.
          setImmediate(() => owed.push(() => way.resume()));
          return this.#choose(2) === 0 ? Stop : StopAndWatermark;
        });
      case 5:
        way.pause();
        owed.push(() => way.unpause());
        return Continue;
      case 6:
        if (data !== null) return new Uint8Array(data);
        if (phase === "headers" && this.#mayBuffer) return this.#await(side, phase, data, () => Continue, way.body());
        return undefined;
      default:
        return undefined;
    }
  }

  #await(
    side: Side,
    phase: Phase,
    data: Uint8Array | null,
    verdict: () => DataVerdict,
    first?: Promise<unknown>,
  ): Promise<DataVerdict> {
    const open = this.#watch.open[side];
    open.set(this.#place, phase === "headers" ? -1 : (this.#watch.given[side][this.#place] ?? 0) - (data?.length ?? 0));
    return new Promise<DataVerdict>((resolve, reject) => {
      const settle = (): void => {
        open.delete(this.#place);
        resolve(verdict());
      };
      if (first === undefined) this.#watch.owed.push(settle);
      else first.then(settle, reject);
    });
  }

  #misbehave(side: Side, phase: Phase, end: boolean, stream: HttpStream): Answer {
    const { owed } = this.#watch;
    const way = stream[side];
    const other = stream[side === "request" ? "response" : "request"];
    switch (this.#choose(14)) {
      case 0:
        throw new Error("torture");
      case 1:
        return Promise.reject(new Error("torture"));
      case 2:
        return null as never;
      case 3:
        return reply({ status: 403, body: "no" });
      case 4:
        return reply({ status: 9, headers: { "x\r\n": "y" } });
      case 5:
        stream.reply({ status: 429 });
        return Stop;
      case 6:
        stream.reset();
        return undefined;
      case 7:
        if (phase !== "data") way.inject(bytes("<"), false);
        return undefined;
      case 8:
        if (phase !== "data") way.inject(bytes("<>"), true);
        return undefined;
      case 9:
        owed.push(() => way.inject(bytes("+"), this.#choose(3) === 0));
        return Stop;
      case 10:
        other.resume();
        return undefined;
      case 11:
        if (phase === "data" && end) way.addTrailers().set("x-added", "1");
        return Stop;
      case 12:
        other.inject(bytes("-"), this.#choose(3) === 0);
        return undefined;
      default:
        way.watch({
          onAboveHighWatermark() {
            throw new Error("torture");
          },
          onBelowLowWatermark() {},
        });
        return "junk" as never;
    }
  }
}
