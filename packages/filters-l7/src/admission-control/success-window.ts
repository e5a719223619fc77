/** Hot path. How many requests there were in the last so many seconds, and how many of them went well: one slot a second. */
import type { Clock } from "@sluice/sdk";

const SLOT_MS = 1000;

export class SuccessWindow {
  requests: number;
  successes: number;
  readonly #clock: Clock;
  readonly #windowMs: number;
  // A ring of slots, the oldest at `first`.
  readonly #begunMs: Float64Array;
  readonly #slotRequests: Float64Array;
  readonly #slotSuccesses: Float64Array;
  #first: number;
  #slots: number;

  /** @param windowMs whole seconds */
  constructor(clock: Clock, windowMs: number) {
    // Slots begin a second apart at least.
    const size = windowMs / SLOT_MS + 1;
    this.requests = 0;
    this.successes = 0;
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#begunMs = new Float64Array(size);
    this.#slotRequests = new Float64Array(size);
    this.#slotSuccesses = new Float64Array(size);
    this.#first = 0;
    this.#slots = 0;
  }

  record(isSuccess: boolean): void {
    const now = this.#clock.turnNow();
    this.#forget(now);
    let slot = this.#at(this.#slots - 1);
    if (this.#slots === 0 || now - this.#begunMs[slot]! >= SLOT_MS) {
      slot = this.#at(this.#slots++);
      this.#begunMs[slot] = now;
      this.#slotRequests[slot] = 0;
      this.#slotSuccesses[slot] = 0;
    }
    this.#slotRequests[slot]!++;
    this.requests++;
    if (!isSuccess) return;
    this.#slotSuccesses[slot]!++;
    this.successes++;
  }

  /** Drops what is too old. */
  update(): void {
    this.#forget(this.#clock.turnNow());
  }

  /** Requests a second since the oldest that counts; whole, as Envoy's. */
  get averageRps(): number {
    if (this.requests === 0) return 0;
    const seconds = Math.floor((this.#clock.turnNow() - this.#begunMs[this.#first]!) / 1000);
    return Math.floor(this.requests / Math.max(1, seconds));
  }

  #forget(now: number): void {
    while (this.#slots > 0 && now - this.#begunMs[this.#first]! >= this.#windowMs) {
      this.requests -= this.#slotRequests[this.#first]!;
      this.successes -= this.#slotSuccesses[this.#first]!;
      this.#first = this.#at(1);
      this.#slots--;
    }
  }

  #at(slot: number): number {
    return (this.#first + Math.max(0, slot)) % this.#begunMs.length;
  }
}
