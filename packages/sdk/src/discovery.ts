/** Discovery: who finds the hosts of a cluster in a place that Sluice does not know; its context, and `defineDiscovery`. Runs in the main thread, once for all workers. */
import type { Logger } from "./context.ts";
import { type DefinitionBase, type Schemas, defined } from "./definition.ts";
import type { SchemaOutput } from "./schema.ts";
import type { Stats } from "./stats.ts";

/** One host, whole: what is not said has its default, whatever an earlier update said. */
export interface DiscoveredHost {
  /** `ip:port`, `[ipv6]:port`, or `/path` of a Unix socket. Names are not resolved. Each address once. */
  readonly address: string;
  /** What the host is called, where a route sends the host's name upstream. @default the address */
  readonly hostname?: string;
  /** Whole, 1 to 4294967295, beside those of its locality. @default 1 */
  readonly weight?: number;
  /** Whole, 0 to 127; 0 is asked first. @default 0 */
  readonly priority?: number;
  readonly locality?: {
    readonly region?: string;
    readonly zone?: string;
    readonly subZone?: string;
    /** Of the locality at this priority, beside the other localities; 0: none. @default 0 */
    readonly weight?: number;
  };
  /** `draining`: no new request. @default healthy */
  readonly health?: "healthy" | "unhealthy" | "draining" | "degraded";
  /** JSON-like, what subsets are made of. Envoy: the namespace `envoy.lb`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/**
 * All hosts from now on. May be called at any time until `signal` is aborted, then it does nothing. The first call is waited for, up to five seconds, before the
 * configuration serves. A list without a host never empties a cluster that has some, and one with a host that is wrong is dropped whole: both are counted and logged,
 * and the hosts stay as they are. @returns whether the hosts were taken
 */
export type UpdateHosts = (hosts: readonly DiscoveredHost[]) => boolean;

export interface DiscoveryContext<Config> {
  readonly config: Config;
  /** The cluster whose hosts are asked for. */
  readonly cluster: string;
  /** Aborted when the cluster is gone, or configured anew: whatever was begun ends with it. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Statistics under `cluster.<cluster>.discovery.`. */
  readonly stats: Stats;
  /** Counts and logs that an answer could not be had; the hosts stay as they are. */
  failed(error: unknown): void;
  /** The same function, for timers and listeners: what it throws, or what its promise rejects with, goes to `failed` instead of ending the process. */
  guard<Args extends readonly unknown[]>(callback: (...args: Args) => unknown): (...args: Args) => void;
  /** Calls `callback`, guarded, every `ms` (at least 10), counted from the end of the last call, until `signal` is aborted. */
  every(ms: number, callback: () => unknown): void;
}

/** What `start` may return. */
export interface Discovery {
  /** The end: after `signal` was aborted. What it throws is logged. */
  stop?(): void | Promise<void>;
}

export interface DiscoveryDefinition<ConfigSchema = unknown>
  extends Pick<DefinitionBase, "id" | "maturity" | "security" | "messages" | "configJsonSchema">,
    Pick<Schemas<ConfigSchema, undefined>, "config"> {
  /**
   * Begins to look for hosts, once per cluster. What it throws or rejects with counts as a failed answer, and it is started again after a second, then two, up to a minute.
   */
  readonly start: (
    context: DiscoveryContext<SchemaOutput<ConfigSchema>>,
    update: UpdateHosts,
    // oxlint-disable-next-line typescript/no-invalid-void-type -- who has nothing to stop returns nothing
  ) => Discovery | void | Promise<Discovery | void>;
}

/** Defines a discovery: a cluster's `cluster_type` by its id. @throws DefinitionError */
export function defineDiscovery<ConfigSchema>(
  definition: DiscoveryDefinition<ConfigSchema>,
): DiscoveryDefinition<ConfigSchema> {
  return defined("discovery", definition);
}

/** The names of what `start` may return. */
export const DISCOVERY_HOOKS = ["stop"] as const satisfies readonly (keyof Discovery)[];
