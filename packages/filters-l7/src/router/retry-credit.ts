/** Hot path for routes with retries. What one request may still be sent again: its own number, and the cluster's room, of which it holds a part while an attempt is undecided. */
import type { RetryAllowance } from "@sluice/sdk";
import type { RouterStream } from "./router-stream.ts";

export class RetryCredit {
  /** How often it was sent again. */
  done: number;
  readonly #owner: RouterStream;
  #left: number;
  /** Of the cluster that counts a retry of this request; null: none does. */
  #held: RetryAllowance | null;

  constructor(owner: RouterStream, retries: number) {
    this.done = 0;
    this.#owner = owner;
    this.#left = retries;
    this.#held = null;
  }

  /** Takes what the next attempt needs: the request as it was, one more of its retries, room in the cluster. */
  take(): boolean {
    const { kept, stream, further, router, route, isHighPriority } = this.#owner;
    this.giveBack();
    if (kept === null || kept.isLost) return false;
    if (this.#left === 0) {
      this.count("upstream_rq_retry_limit_exceeded");
      stream!.info.addFlag("URX");
      return false;
    }
    this.#left--;
    // As it is now: the configuration may have another since the request came. Where it has none, nobody counts, and nobody takes the attempt.
    const allowance = router!.clusters.get(route!.clusterName)?.retries ?? null;
    if (allowance !== null && !allowance.take(isHighPriority)) {
      further?.rare("upstream_rq_retry_overflow");
      stream!.info.addFlag("UO");
      return false;
    }
    this.#held = allowance;
    this.done++;
    this.count("upstream_rq_retry");
    return true;
  }

  /** The attempt is decided. */
  giveBack(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) held.giveBack(this.#owner.isHighPriority);
  }

  count(name: string): void {
    this.#owner.counters!.rare(name);
    this.#owner.further?.rare(name);
  }
}
