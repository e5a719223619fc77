/** The short form's balancing: of clusters, and what routes and TCP proxies choose hosts by. Reference: docs/configuration/short-form.md. */
import type { DurationText } from "./define-config.ts";
import type { RegexRewriteConfig } from "./define-routes.ts";

export type BalancingPolicyName =
  | "round_robin"
  | "least_request"
  | "random"
  | "ring_hash"
  | "maglev"
  | "pick_first"
  | "peak_ewma"
  | "client_side_weighted_round_robin";

/** Keys that belong to another policy are refused. */
export interface LoadBalancingConfig {
  /** @default round_robin */
  readonly policy?: BalancingPolicyName;
  /** round_robin, least_request, client_side_weighted_round_robin: new hosts get their whole share after that time. */
  readonly slow_start?: DurationText | SlowStartConfig;
  /** least_request: hosts that are drawn to be compared. @default 2 */
  readonly choices?: number;
  /** least_request: all of them. */
  readonly full_scan?: boolean;
  /** least_request with weights: how much requests count. @default 1 */
  readonly bias?: number;
  /** ring_hash. @default 1024 */
  readonly min_ring_size?: number;
  /** ring_hash. @default 8388608 */
  readonly max_ring_size?: number;
  /** ring_hash. @default xx_hash */
  readonly hash?: "xx_hash" | "murmur_hash_2";
  /** maglev: a prime. @default 65537 */
  readonly table_size?: number;
  /** ring_hash, maglev: by the names of hosts, not their addresses. */
  readonly by_hostname?: boolean;
  /** ring_hash, maglev: percent of the average that a host may carry, 100 or more; others get what is beyond. @default any */
  readonly bounded_load?: number;
  /** pick_first: in an order of its own in every thread. */
  readonly shuffle?: boolean;
  /** peak_ewma: the time in which a slow answer is nearly forgotten. @default 10s */
  readonly decay?: DurationText;
  /** peak_ewma: of hosts that have not answered yet. @default 0.010s */
  readonly default_latency?: DurationText;
  /** client_side_weighted_round_robin: a host has to report its load for so long before it counts. @default 10s */
  readonly blackout?: DurationText;
  /** client_side_weighted_round_robin: after that time without a report the last one counts no longer. @default 180s */
  readonly expiration?: DurationText;
  /** client_side_weighted_round_robin: how often weights change, 0.1s at the least. @default 1s */
  readonly update_period?: DurationText;
  /** client_side_weighted_round_robin: what a share of failed requests adds to the utilization. @default 1 */
  readonly error_penalty?: number;
  /** client_side_weighted_round_robin: metrics whose highest is the utilization, where `application_utilization` is not reported. @default cpu_utilization */
  readonly utilization?: readonly string[];
  /** Percent of available hosts below which health counts for nothing; 0: never. @default 50 */
  readonly panic_threshold?: number;
  /** Percent of its share that a host can carry. @default 140 */
  readonly overprovisioning?: number;
  /** Zone → weight: each gets its share, whatever the number of its hosts. */
  readonly locality_weights?: Readonly<Record<string, number>>;
  /** Keys of hosts' metadata that routes may choose by (`subset`): lists of keys, or mappings. */
  readonly subsets?: readonly (readonly string[] | SubsetConfig)[];
  /** For requests without a subset: none, any host, or hosts with these values. @default none */
  readonly subset_fallback?: "none" | "any" | Readonly<Record<string, unknown>>;
}

export interface SlowStartConfig {
  readonly window: DurationText;
  /** Above 1: faster at first. @default 1 */
  readonly aggression?: number;
  /** Percent of the weight to begin with. @default 10 */
  readonly min_weight?: number;
}

export interface SubsetConfig {
  readonly keys: readonly string[];
  /** Where no host has the values; a list: look again with these keys alone. @default `subset_fallback` */
  readonly fallback?: "none" | "any" | "default" | readonly string[];
  /** The first host of each subset alone. */
  readonly single_host?: boolean;
}

/** The zone alone, or all names. */
export type LocalityConfig = string | LocalityNamesConfig;

export interface LocalityNamesConfig {
  readonly region?: string;
  readonly zone?: string;
  readonly sub_zone?: string;
}

/** What requests have in common that are to reach the same host, where the cluster's policy hashes. */
export type HashConfig = "source_ip" | HashPartConfig;

/** Exactly one of header, cookie, query, filter_state. */
export interface HashPartConfig {
  readonly header?: string;
  /** Of the header's value. */
  readonly rewrite?: RegexRewriteConfig;
  readonly cookie?: string;
  /** A client without the cookie gets one for so long; `0s`: until its browser is closed. @default none */
  readonly ttl?: DurationText;
  /** Of the cookie. */
  readonly path?: string;
  /** Of the cookie: `{ SameSite: Strict }`; a flag has an empty text. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly filter_state?: string;
  /** Where there is one, what follows does not count. */
  readonly terminal?: boolean;
}

/** Keys and values of hosts' metadata. */
export type SubsetValuesConfig = Readonly<Record<string, unknown>>;
