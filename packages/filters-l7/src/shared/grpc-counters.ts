/**
 * Hot path. What is counted of gRPC calls, in the scope of their cluster as Envoy names it: `cluster.<cluster>.grpc.[<service>.<method>.]<name>`. Handles are taken on
 * first use. Clients choose the names of methods, so the number of names is bounded: the calls of others are counted without method.
 */
import type { Counter, Headers, Histogram, Stats } from "@sluice/sdk";
import { knownStatus, methodOf } from "./grpc.ts";

/** Methods with counters of their own, of all clusters together. */
const MOST_METHODS = 1000;
/** Of a path whose method has counters. */
const MOST_CHARACTERS = 256;

/** The calls of one method to one cluster, or of all others. */
export class GrpcCounters {
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #byStatus: (Counter | undefined)[] = [];
  #success: Counter | null = null;
  #failure: Counter | null = null;
  #total: Counter | null = null;
  #requests: Counter | null = null;
  #responses: Counter | null = null;
  #time: Histogram | null = null;

  /** `prefix`: up to the last dot. */
  constructor(stats: Stats, prefix: string) {
    this.#stats = stats;
    this.#prefix = prefix;
  }

  /** Headers or trailers: a call has ended where they have a status. Other statuses than the 17 known ones are failures without a counter of their own. */
  ended(headers: Headers): void {
    if (!headers.has("grpc-status")) return;
    const status = knownStatus(headers);
    if (status !== -1) {
      const counter = (this.#byStatus[status] ??= this.#counter(String(status)));
      counter.inc();
    }
    if (status === 0) (this.#success ??= this.#counter("success")).inc();
    else (this.#failure ??= this.#counter("failure")).inc();
    (this.#total ??= this.#counter("total")).inc();
  }

  requestMessages(count: number): void {
    (this.#requests ??= this.#counter("request_message_count")).inc(count);
  }

  responseMessages(count: number): void {
    (this.#responses ??= this.#counter("response_message_count")).inc(count);
  }

  /** Milliseconds. */
  upstreamTook(ms: number): void {
    this.#time ??= this.#stats.histogram(`${this.#prefix}upstream_rq_time`);
    this.#time.record(ms);
  }

  #counter(name: string): Counter {
    return this.#stats.counter(this.#prefix + name);
  }
}

class ClusterCounters {
  readonly prefix: string;
  /** Of calls whose method has no counters of its own. */
  readonly rest: GrpcCounters;
  readonly byPath = new Map<string, GrpcCounters>();

  constructor(stats: Stats, prefix: string) {
    this.prefix = prefix;
    this.rest = new GrpcCounters(stats, prefix);
  }
}

export class GrpcCountersByCluster {
  readonly #stats: Stats;
  readonly #protocol: string;
  readonly #replacesDots: boolean;
  readonly #clusters = new Map<string, ClusterCounters>();
  #methods = 0;

  /** `stats`: the root of the tree. `replacesDots`: in the names of services. */
  constructor(stats: Stats, protocol: "grpc" | "grpc-web", replacesDots: boolean) {
    this.#stats = stats;
    this.#protocol = protocol;
    this.#replacesDots = replacesDots;
  }

  /** Of calls without a method of their own. */
  rest(cluster: string): GrpcCounters {
    return this.#cluster(cluster).rest;
  }

  /** `path`: a method's, without query. */
  method(cluster: string, path: string): GrpcCounters {
    const { byPath, prefix, rest } = this.#cluster(cluster);
    const known = byPath.get(path);
    if (known !== undefined) return known;
    if (this.#methods === MOST_METHODS || path.length > MOST_CHARACTERS) return rest;
    this.#methods++;
    const { service, method } = methodOf(path);
    const name = this.#replacesDots ? service.replaceAll(".", "_") : service;
    const made = new GrpcCounters(this.#stats, `${prefix}${name}.${method}.`);
    // A copy: a slice would keep the whole head in memory that it was cut from.
    byPath.set(Buffer.from(path, "latin1").toString("latin1"), made);
    return made;
  }

  #cluster(name: string): ClusterCounters {
    let known = this.#clusters.get(name);
    if (known === undefined)
      this.#clusters.set(name, (known = new ClusterCounters(this.#stats, `cluster.${name}.${this.#protocol}.`)));
    return known;
  }
}
