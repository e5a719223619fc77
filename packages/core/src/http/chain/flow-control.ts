/**
 * Flow control of one direction. Pauses are counted, each at the place of who asked for it: the source is stopped while there is any, and a filter's watermark
 * listener hears of those that lie behind it, towards the receiver.
 */
import type { WatermarkListener } from "@sluice/sdk";
import type { FilterSlot } from "./filter-chain.ts";

/** The place of the client, behind every filter of the response. */
export const CLIENT = -1;

class Watcher {
  readonly slot: FilterSlot;
  readonly listener: WatermarkListener;
  isAbove: boolean;

  constructor(slot: FilterSlot, listener: WatermarkListener) {
    this.slot = slot;
    this.listener = listener;
    this.isAbove = false;
  }
}

export abstract class FlowControl {
  /** Open pauses. */
  pauses: number;
  /** The same by place: slot + 1. */
  private pausesAt: number[] | null;
  private watchers: Watcher[] | null;
  /** Body limits that filters set, by slot; undefined: the stream's. */
  private limits: (number | undefined)[] | null;

  constructor() {
    this.pauses = 0;
    this.pausesAt = null;
    this.watchers = null;
    this.limits = null;
  }

  protected abstract pauseSource(): void;
  protected abstract unpauseSource(): void;
  protected abstract defaultLimit(): number;
  protected abstract before(a: number, b: number): boolean;
  protected abstract watcherFailed(slot: FilterSlot, error: unknown): void;

  pause(place: number): void {
    const counts = (this.pausesAt ??= []);
    while (counts.length <= place + 1) counts.push(0);
    counts[place + 1]!++;
    if (this.pauses++ === 0) this.pauseSource();
    this.tell();
  }

  unpause(place: number): void {
    const counts = this.pausesAt;
    if (counts === null || (counts[place + 1] ?? 0) === 0) return;
    counts[place + 1]!--;
    if (--this.pauses === 0) this.unpauseSource();
    this.tell();
  }

  /** Whether anyone behind `slot` asks for a pause. */
  isPausedBehind(slot: number): boolean {
    const counts = this.pausesAt;
    if (this.pauses === 0 || counts === null) return false;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] !== 0 && this.before(slot, i - 1)) return true;
    }
    return false;
  }

  watch(slot: FilterSlot, listener: WatermarkListener | null): void {
    if (this.watchers === null) {
      // The common case, one listener: a literal takes the room of one, a push that of seventeen.
      if (listener !== null) this.watchers = [new Watcher(slot, listener)];
      this.tell();
      return;
    }
    const { watchers } = this;
    const known = watchers.findIndex((w) => w.slot === slot);
    if (known >= 0) watchers.splice(known, 1);
    if (listener === null) return;
    watchers.push(new Watcher(slot, listener));
    if (this.pauses !== 0) this.tell();
  }

  limitOf(slot: number): number {
    return this.limits?.[slot] ?? this.defaultLimit();
  }

  setLimit(slot: number, bytes: number): void {
    const limits = (this.limits ??= []);
    while (limits.length <= slot) limits.push(undefined);
    limits[slot] = bytes;
  }

  /** Every pause is given back, nobody is told but the source. */
  protected endFlowControl(): void {
    this.watchers = null;
    if (this.pauses === 0) return;
    this.pauses = 0;
    this.pausesAt = null;
    this.unpauseSource();
  }

  /** A listener may pause or unpause itself: whoever has heard of the change already is not told again. */
  private tell(): void {
    const watchers = this.watchers;
    if (watchers === null) return;
    for (let i = 0; i < watchers.length; i++) {
      const watcher = watchers[i]!;
      const isAbove = this.isPausedBehind(watcher.slot.slot);
      if (isAbove === watcher.isAbove) continue;
      watcher.isAbove = isAbove;
      try {
        if (isAbove) watcher.listener.onAboveHighWatermark();
        else watcher.listener.onBelowLowWatermark();
      } catch (error) {
        this.watcherFailed(watcher.slot, error);
      }
    }
  }
}
