/** Hot path. The counters of one router: by cluster, by what routes name, by what requests ask for. */
import type { Stats } from "@sluice/sdk";
import { ResponseCounters } from "./response-counters.ts";

/** Requests name them: no more are made. */
const MAX_ALTERNATIVES = 256;

export class RouterCounters {
  readonly #stats: Stats;
  readonly #dynamic: boolean;
  readonly #clusters = new Map<string, ResponseCounters>();
  readonly #routes = new Map<string, ResponseCounters>();
  readonly #alternatives = new Map<string, ResponseCounters>();

  constructor(stats: Stats, dynamic: boolean) {
    this.#stats = stats;
    this.#dynamic = dynamic;
  }

  ofCluster(statName: string): ResponseCounters {
    const known = this.#clusters.get(statName);
    return known ?? this.#make(this.#clusters, statName, `cluster.${statName}.`);
  }

  /** Of a route's or a virtual cluster's prefix. */
  ofPrefix(prefix: string): ResponseCounters {
    return this.#routes.get(prefix) ?? this.#make(this.#routes, prefix, prefix);
  }

  /** Of a cluster under another name; null where there are too many of them, or it is no name. */
  ofAlternative(statName: string, alternative: string): ResponseCounters | null {
    const prefix = `cluster.${statName}.${alternative}.`;
    const known = this.#alternatives.get(prefix);
    if (known !== undefined) return known;
    if (this.#alternatives.size === MAX_ALTERNATIVES || !/^[\w.-]{1,64}$/.test(alternative)) return null;
    return this.#make(this.#alternatives, prefix, prefix);
  }

  #make(known: Map<string, ResponseCounters>, key: string, prefix: string): ResponseCounters {
    const counters = new ResponseCounters(this.#stats, prefix, this.#dynamic);
    known.set(key, counters);
    return counters;
  }
}
