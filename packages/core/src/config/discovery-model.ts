/** Where the hosts of a cluster come from, as compiled: plain data of the configuration's model. */

import type { LinkedDiscoveryModel } from "./linked-discovery-model.ts";

export type * from "./linked-discovery-model.ts";

export type DnsFamily = "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";

export type DiscoveryModel =
  | { readonly kind: "static" }
  | DnsDiscoveryModel
  | SrvDiscoveryModel
  | FileDiscoveryModel
  | LinkedDiscoveryModel;

/** When a name is asked for again, and of whom. */
export interface DnsModel {
  readonly refreshMs: number;
  readonly respectTtl: boolean;
  readonly family: DnsFamily;
  /** Every refresh is so much later, by chance; absent: by up to a tenth. Envoy: dns_jitter. */
  readonly jitterMs?: number;
  /** Of names that are not answered: exponential, by chance; absent: `refreshMs`. Envoy: dns_failure_refresh_rate. */
  readonly failure?: { readonly baseMs: number; readonly maxMs: number };
  /** Absent: the system's way, and DNS itself where times to live are asked for. */
  readonly resolver?: DnsResolverModel;
  /** Absent: a configuration waits for the first answers. Envoy: wait_for_warm_on_init. */
  readonly waits?: false;
}

/** Envoy: type STRICT_DNS (every address is a host) and LOGICAL_DNS (one host, whose address is the newest answer), and `envoy.clusters.dns`, which is both. */
export interface DnsDiscoveryModel extends DnsModel {
  readonly kind: "strict_dns" | "logical_dns";
}

/** SRV records: priorities, weights and ports of names. Ours: `sluice.clusters.srv`. */
export interface SrvDiscoveryModel extends DnsModel {
  readonly kind: "srv";
  /** As in `_http._tcp.web.internal`. */
  readonly service: string;
}

/** Envoy: type EDS with `path_config_source`. */
export interface FileDiscoveryModel {
  readonly kind: "file";
  readonly path: string;
  /** A change of this folder's entries is a reason to look too; empty: only the file's own. */
  readonly watchedDirectory: string;
  /** Name of the assignment in the file. */
  readonly service: string;
  /** So long a configuration waits for the file. Envoy: initial_fetch_timeout, 15 s. */
  readonly initialFetchTimeoutMs: number;
  readonly waits?: false;
}

export type DnsResolverModel =
  /** The system's own functions. */
  | { readonly kind: "system" }
  /** Name servers, `address:port`. */
  | {
      readonly kind: "servers";
      readonly servers: readonly string[];
      /** Of one try; absent: what c-ares takes. */
      readonly timeoutMs?: number;
      readonly tries?: number;
    };
