/** Hot path. One direction of one stream that a limit holds back. */
import type { Clock, Direction } from "@sluice/sdk";
import { type ByteBucket, paced } from "../shared/paced-bytes.ts";
import type { SharedBytes } from "./shared-bytes.ts";
import type { TransferStats } from "./stats.ts";

export class Transfer implements ByteBucket {
  /** From the first byte to the last; 0 before. */
  durationMs: number;
  /** How much of it was waiting. */
  delayMs: number;
  readonly #bytes: SharedBytes;
  readonly #stats: TransferStats;
  readonly #clock: Clock;
  /** -1: no byte has come, or all have gone on. */
  #begunMs: number;
  #isWaiting: boolean;

  constructor(bytes: SharedBytes, stats: TransferStats, clock: Clock) {
    this.durationMs = 0;
    this.delayMs = 0;
    this.#bytes = bytes;
    this.#stats = stats;
    this.#clock = clock;
    this.#begunMs = -1;
    this.#isWaiting = false;
    stats.enabled.inc();
  }

  /** Whether the bytes may go on at once. */
  passes(bytes: number): boolean {
    const stats = this.#stats;
    if (this.#begunMs === -1) {
      this.#begunMs = this.#clock.turnNow();
      stats.pending.inc();
    }
    stats.incomingSize.set(bytes);
    stats.incomingTotal.inc(bytes);
    if (!this.#bytes.takeAll(bytes)) return false;
    this.#allowed(bytes);
    return true;
  }

  /** The bytes that are left when those before have gone on. */
  async pace(data: Uint8Array, direction: Direction, wait: (ms: number) => Promise<void>): Promise<Uint8Array> {
    const begunMs = this.#clock.turnNow();
    this.#setWaiting(true);
    const rest = await paced(data, this, direction, wait);
    this.#setWaiting(false);
    this.delayMs += this.#clock.turnNow() - begunMs;
    return rest;
  }

  take(bytes: number): number {
    const taken = this.#bytes.take(bytes);
    if (taken < bytes) this.#stats.enforced.inc();
    if (taken > 0) this.#allowed(taken);
    return taken;
  }

  get waitMs(): number {
    return this.#bytes.waitMs;
  }

  /** The last byte has gone on. */
  finish(): void {
    if (this.#begunMs === -1) return;
    this.durationMs = this.#clock.turnNow() - this.#begunMs;
    this.#stats.duration.record(this.durationMs);
    this.#leave();
  }

  /** The stream is over. */
  #leave(): void {
    this.#begunMs = -1;
    this.#stats.pending.dec();
  }

  abandon(): void {
    this.#setWaiting(false);
    if (this.#begunMs !== -1) this.#leave();
  }

  #setWaiting(isWaiting: boolean): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#bytes.waiting += isWaiting ? 1 : -1;
  }

  #allowed(bytes: number): void {
    this.#stats.allowedSize.set(bytes);
    this.#stats.allowedTotal.inc(bytes);
  }
}
