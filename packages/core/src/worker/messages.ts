/** What main and a worker thread say to each other. Everything is plain data and shared memory. */
import type { MetricRegistration } from "../stats/metrics.ts";
import type { DataPlane } from "./data-plane.ts";
import type { HostEvent } from "../upstream/outlier/host-watch.ts";
import type { LogLevel } from "./log.ts";

/** What a worker gets at its start. */
export interface WorkerStart {
  readonly index: number;
  readonly heartbeat: SharedArrayBuffer;
  readonly shared: SharedArrayBuffer;
  /** One word: the number of the least level that is logged, see `LOG_LEVELS`. */
  readonly logLevel: SharedArrayBuffer;
  readonly ticketKeys: Uint8Array;
  /** URLs of the modules that hold the built-in filters. */
  readonly builtins: readonly string[];
  /** URL of a module whose `parts` take the place of the real ones; null but in tests. */
  readonly parts: string | null;
}

export type Method = keyof DataPlane;

export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly method: Method; readonly parameters: readonly unknown[] }
  /** Slots of those metrics may be used again. */
  | { readonly kind: "reclaim"; readonly ids: readonly number[] };

export type FromWorker =
  /** The worker takes calls. */
  | { readonly kind: "ready" }
  /** It cannot work at all: a built-in package does not load. */
  | { readonly kind: "broken"; readonly message: string }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly message: string }
  | { readonly kind: "slab"; readonly slab: number; readonly memory: SharedArrayBuffer }
  | { readonly kind: "metrics"; readonly metrics: readonly MetricRegistration[] }
  | { readonly kind: "removed"; readonly ids: readonly number[] }
  | { readonly kind: "filter"; readonly filter: number; readonly name: string }
  /** What a worker has found of a host: main decides what comes of it. */
  | { readonly kind: "host"; readonly cluster: string; readonly address: string; readonly event: HostEvent }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly component: string;
      readonly message: string;
      readonly fields?: Readonly<Record<string, unknown>> | undefined;
    };
