/** One host as main's outlier detector knows it: whether it is ejected and since when, and what was counted of it since the last tick. */
import {
  ANSWERS,
  CONNECTS,
  type CountsPlace,
  GOOD_ANSWERS,
  GOOD_CONNECTS,
  PROBATION,
  PROBE_NONE,
  ROW_5XX,
  ROW_GATEWAY,
  ROW_LOCAL,
} from "./host-counts.ts";
import type { EjectionType } from "./outlier-stats.ts";
import type { HostRate } from "./success-rate.ts";

/** Answers of the server, or connections to it. */
export type Origin = "external" | "local";

interface Window {
  total: number;
  good: number;
  /** As they were at the last tick. */
  totalBefore: number;
  goodBefore: number;
  /** Percent in the last interval; -1: too little happened. */
  rate: number;
}

export class WatchedHost {
  readonly address: string;
  readonly place: CountsPlace;
  ejected = false;
  /** Times that it was ejected. */
  ejections = 0;
  /** Grows with each ejection, shrinks with each good interval: the multiple of the base time that it stays out. */
  backoff = 0;
  jitterMs = 0;
  ejectedAtMs = -1;
  /** What it was ejected for last; empty: nothing yet. */
  cause: EjectionType | "" = "";
  unejectedAtMs = -1;
  readonly windows: Readonly<Record<Origin, Window>>;

  constructor(address: string, place: CountsPlace) {
    this.address = address;
    this.place = place;
    const empty = (): Window => ({ total: 0, good: 0, totalBefore: 0, goodBefore: 0, rate: -1 });
    this.windows = { external: empty(), local: empty() };
  }

  /** Ends the interval: what was counted since the last call is what rates are made of. Counts are 32 bits and go round. */
  tick(): void {
    this.#roll("external", ANSWERS, GOOD_ANSWERS);
    this.#roll("local", CONNECTS, GOOD_CONNECTS);
  }

  #roll(origin: Origin, total: number, good: number): void {
    const window = this.windows[origin];
    const totalNow = this.count(total);
    const goodNow = this.count(good);
    window.total = (totalNow - window.totalBefore) >>> 0;
    // A worker may be between its two counts.
    window.good = Math.min(window.total, (goodNow - window.goodBefore) >>> 0);
    window.totalBefore = totalNow;
    window.goodBefore = goodNow;
    window.rate = -1;
  }

  /** undefined: nothing happened. */
  rate(origin: Origin): HostRate | undefined {
    const { total, good } = this.windows[origin];
    return total === 0 ? undefined : { address: this.address, rate: (good * 100) / total, volume: total };
  }

  count(word: number): number {
    return Atomics.load(this.place.words, this.place.at + word);
  }

  set(word: number, value: number): void {
    Atomics.store(this.place.words, this.place.at + word, value);
  }

  /** A few errors more must not eject it again at once. */
  forgetRows(): void {
    for (const row of [ROW_5XX, ROW_GATEWAY, ROW_LOCAL]) this.set(row, 0);
    this.set(PROBATION, PROBE_NONE);
  }
}
