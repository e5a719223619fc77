/** What the measuring loop drives: a chain in memory that takes whole requests, whatever their protocol. */
export interface ChainDriver {
  /** Starts `count` requests, one after the other. What a filter awaits may be open when it returns. */
  run(count: number): void;
  /** Requests that are not over. */
  readonly open: number;
  /** Resolves when none is open; rejects after `timeoutMs`. */
  settled(timeoutMs: number): Promise<void>;
  /** Requests so far by status of their response; 0: reset. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Why the chain's requests are no measure of it; null where there is no reason. */
  failure(): string | null;
  close(): void;
}

/** Counts what is open and tells whoever waits for the last one. */
export class OpenRequests {
  open = 0;
  readonly statuses = new Map<number, number>();
  #onNone: (() => void) | null = null;

  ended(status: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (--this.open === 0 && this.#onNone !== null) {
      const tell = this.#onNone;
      this.#onNone = null;
      tell();
    }
  }

  async settled(timeoutMs: number): Promise<void> {
    if (this.open === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const timer = setTimeout(
      () => reject(new Error(`${this.open} requests were not answered within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
