/** Hot path. Responses counted under one prefix, with Envoy's names `<prefix>upstream_rq_*`: of a cluster, of a route, of a virtual cluster. Handles are taken on first use. */
import type { Counter, Histogram, Stats } from "@sluice/sdk";

export class ResponseCounters {
  readonly timeout: Counter;
  readonly #completed: Counter | null;
  readonly #time: Histogram | null;
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #byClass: (Counter | undefined)[] = [];
  readonly #byCode: (Counter | undefined)[] = [];
  readonly #rare = new Map<string, Counter>();

  /** `dynamic`: whether response codes and times are counted. */
  constructor(stats: Stats, prefix: string, dynamic: boolean) {
    this.#stats = stats;
    this.#prefix = prefix;
    this.timeout = stats.counter(`${prefix}upstream_rq_timeout`);
    this.#completed = dynamic ? stats.counter(`${prefix}upstream_rq_completed`) : null;
    this.#time = dynamic ? stats.histogram(`${prefix}upstream_rq_time`) : null;
  }

  /** A response, the upstream's or one that the router made in its place. */
  answered(status: number): void {
    if (this.#completed === null) return;
    this.#completed.inc();
    const first = (status / 100) | 0;
    const byClass = (this.#byClass[first] ??= this.#stats.counter(`${this.#prefix}upstream_rq_${first}xx`));
    byClass.inc();
    const byCode = (this.#byCode[status] ??= this.#stats.counter(`${this.#prefix}upstream_rq_${status}`));
    byCode.inc();
  }

  /** A response that another attempt follows: the client does not see it, and it is counted apart. */
  retried(status: number): void {
    if (this.#completed === null) return;
    this.rare("retry.upstream_rq_completed");
    this.rare(`retry.upstream_rq_${(status / 100) | 0}xx`);
    this.rare(`retry.upstream_rq_${status}`);
  }

  /** Milliseconds from the end of the request to the end of the response. */
  took(ms: number): void {
    this.#time?.record(ms);
  }

  /** What does not happen to every request, by its name behind the prefix. */
  rare(name: string): void {
    let counter = this.#rare.get(name);
    if (counter === undefined) this.#rare.set(name, (counter = this.#stats.counter(this.#prefix + name)));
    counter.inc();
  }
}
