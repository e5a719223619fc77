/** Hot path. What the router counts per cluster, under Envoy's names `cluster.<name>.upstream_rq_*`; handles are taken on first use. */
import type { Counter, Histogram, Stats } from "@sluice/sdk";

export class ClusterCounters {
  readonly timeout: Counter;
  readonly #completed: Counter | null;
  readonly #time: Histogram | null;
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #byClass: (Counter | undefined)[] = [];
  readonly #byCode: (Counter | undefined)[] = [];

  /** `dynamic`: whether response codes and times are counted. */
  constructor(stats: Stats, cluster: string, dynamic: boolean) {
    this.#stats = stats;
    this.#prefix = `cluster.${cluster}.upstream_rq_`;
    this.timeout = stats.counter(`${this.#prefix}timeout`);
    this.#completed = dynamic ? stats.counter(`${this.#prefix}completed`) : null;
    this.#time = dynamic ? stats.histogram(`${this.#prefix}time`) : null;
  }

  /** A response, the upstream's or one that the router made in its place. */
  answered(status: number): void {
    if (this.#completed === null) return;
    this.#completed.inc();
    const first = (status / 100) | 0;
    const byClass = (this.#byClass[first] ??= this.#stats.counter(`${this.#prefix}${first}xx`));
    byClass.inc();
    const byCode = (this.#byCode[status] ??= this.#stats.counter(`${this.#prefix}${status}`));
    byCode.inc();
  }

  /** Milliseconds from the end of the request to the end of the response. */
  took(ms: number): void {
    this.#time?.record(ms);
  }
}

export class CountersByCluster {
  readonly #stats: Stats;
  readonly #dynamic: boolean;
  readonly #known = new Map<string, ClusterCounters>();

  constructor(stats: Stats, dynamic: boolean) {
    this.#stats = stats;
    this.#dynamic = dynamic;
  }

  get(cluster: string): ClusterCounters {
    let counters = this.#known.get(cluster);
    if (counters === undefined)
      this.#known.set(cluster, (counters = new ClusterCounters(this.#stats, cluster, this.#dynamic)));
    return counters;
  }
}
