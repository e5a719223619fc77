/** Hot path: docs/extending/hot-path-rules.md. The gauge of a host's requests, with the number on the host too: balancers compare many hosts, and shared memory is two steps further away. */
import type { Gauge } from "@sluice/sdk";

/** Whose requests they are. */
interface Busy {
  requests: number;
}

export class ActiveRequests implements Gauge {
  readonly #gauge: Gauge;
  readonly #host: Busy;

  /** `host.requests` is nobody else's to change. */
  constructor(gauge: Gauge, host: Busy) {
    this.#gauge = gauge;
    this.#host = host;
  }

  get value(): number {
    return this.#host.requests;
  }

  set(value: number): void {
    this.#host.requests = value;
    this.#gauge.set(value);
  }

  inc(amount = 1): void {
    this.#host.requests += amount;
    this.#gauge.inc(amount);
  }

  dec(amount = 1): void {
    this.#host.requests -= amount;
    this.#gauge.dec(amount);
  }
}
