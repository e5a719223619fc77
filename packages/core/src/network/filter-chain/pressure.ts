/**
 * Back-pressure of one direction: how many reasons there are to pause its source. A counter, since filters, limits and the socket pause independently;
 * its source and the filters that watch hear of the first reason and of the last one's end.
 */
import type { WatermarkListener } from "@sluice/sdk";

export class Pressure {
  #reasons = 0;
  #isOver = false;
  readonly #source: { pause(): void; unpause(): void } | null;
  #watchers: WatermarkListener[] | null = null;
  readonly #onError: (error: unknown) => void;

  /** `source`: what is paused; null where only watchers can hold back. */
  constructor(source: { pause(): void; unpause(): void } | null, onError: (error: unknown) => void) {
    this.#source = source;
    this.#onError = onError;
  }

  get isHigh(): boolean {
    return this.#reasons !== 0;
  }

  raise(): void {
    if (this.#reasons++ !== 0 || this.#isOver) return;
    this.#source?.pause();
    this.#tell(true);
  }

  lower(): void {
    if (this.#isOver) return;
    if (this.#reasons === 0) throw new Error("lower() without a raise()");
    if (--this.#reasons !== 0) return;
    this.#source?.unpause();
    this.#tell(false);
  }

  watch(watcher: WatermarkListener): void {
    (this.#watchers ??= []).push(watcher);
  }

  unwatch(watcher: WatermarkListener): void {
    const at = this.#watchers?.indexOf(watcher) ?? -1;
    // A new array: a watcher may leave while all are told.
    if (at !== -1) this.#watchers = this.#watchers!.toSpliced(at, 1);
  }

  /** The connection is over: nobody is told anything any more. */
  end(): void {
    this.#isOver = true;
    this.#watchers = null;
  }

  #tell(isHigh: boolean): void {
    const watchers = this.#watchers;
    if (watchers === null) return;
    for (const watcher of watchers) {
      try {
        if (isHigh) watcher.onAboveHighWatermark();
        else watcher.onBelowLowWatermark();
      } catch (error) {
        this.#onError(error);
      }
      if (this.#isOver) return;
    }
  }
}
