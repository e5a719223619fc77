/** What one data thread offers to everything in it; made once at the start of the thread, handed down, never global. */
import type { Random } from "@sluice/sdk";
import type { AccessLogSinks } from "../access-log/sinks.ts";
import type { FlushQueue } from "../network/flush-queue.ts";
import type { RuntimeStore } from "../runtime/runtime-store.ts";
import type { SharedTable } from "../stats/shared-table.ts";
import type { StatsStore } from "../stats/stats-store.ts";
import type { TapPoint } from "../tap/tap-point.ts";
import type { Timers, TurnClock } from "../timing/clock.ts";
import type { ClusterSource } from "../upstream/cluster-source.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import type { LogSink } from "./log.ts";

export interface WorkerServices {
  /** 0 upwards. */
  readonly workerIndex: number;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly random: Random;
  readonly stats: StatsStore;
  readonly shared: SharedTable;
  /** Values that an operator changes while it runs. */
  readonly runtime: RuntimeStore;
  readonly log: LogSink;
  readonly flushQueue: FlushQueue;
  readonly accessLogSinks: AccessLogSinks;
  /** The clusters of the configuration that is live. */
  readonly clusters: ClusterSource;
  /** Where the heartbeat says which filter was entered last: a slot index in shared memory. */
  readonly heartbeat: Heartbeat;
  /** Where streams are recorded from; absent where nobody can ask for it. */
  readonly tap?: TapPoint;
  /** The way to main for what hosts do; absent where nobody listens. */
  readonly hostReports?: HostReports | undefined;
  /** Keys of TLS session tickets, the same in all workers: 48 bytes, as node:tls takes them. */
  readonly ticketKeys: Buffer;
}

export interface Heartbeat {
  /** Number for a filter's name, given once at chain build. */
  register(name: string): number;
  /** Plain store, before a filter's hook runs. */
  enter(filter: number): void;
}
