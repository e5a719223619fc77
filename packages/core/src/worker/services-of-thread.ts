/** Makes the services of one data thread. */
import { AccessLogSinks } from "../access-log/sinks.ts";
import { FlushQueue } from "../network/flush-queue.ts";
import { RuntimeStore } from "../runtime/runtime-store.ts";
import { SharedTable } from "../stats/shared-table.ts";
import type { StatsStore } from "../stats/stats-store.ts";
import { TapPoint } from "../tap/tap-point.ts";
import { RealClock } from "../timing/real-clock.ts";
import { TimerWheel } from "../timing/timer-wheel.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import type { LogSink } from "./log.ts";
import { systemRandom } from "./random.ts";
import type { Heartbeat, WorkerServices } from "./services.ts";

export interface ThreadServicesOptions {
  readonly workerIndex: number;
  readonly stats: StatsStore;
  readonly shared: SharedArrayBuffer;
  readonly log: LogSink;
  readonly heartbeat: Heartbeat;
  readonly ticketKeys: Uint8Array;
  readonly clock: RealClock;
  readonly hostReports?: HostReports | undefined;
}

export function createServices(options: ThreadServicesOptions): Omit<WorkerServices, "clusters"> {
  const { workerIndex, stats, log, heartbeat, clock, hostReports } = options;
  return {
    workerIndex,
    clock,
    timers: new TimerWheel(clock),
    random: systemRandom,
    stats,
    shared: sharedTable(options),
    runtime: new RuntimeStore(),
    log,
    flushQueue: new FlushQueue(clock, {
      late: "loop",
      onError: (error) =>
        log.write("error", "network", "a connection's flush threw; the connection is reset", { error }),
    }),
    accessLogSinks: new AccessLogSinks(stats.scope("filesystem.").counter("write_failed")),
    heartbeat,
    tap: new TapPoint(),
    hostReports,
    ticketKeys: Buffer.from(options.ticketKeys),
  };
}

/** Who finds no room there is told of; the limits of clusters hold for this thread alone then. */
function sharedTable({ shared, workerIndex, stats, log }: ThreadServicesOptions): SharedTable {
  // Main is thread 0 of the table.
  const table = new SharedTable(shared, workerIndex + 1);
  const refused = stats.counter("server.shared_state_full");
  table.onFull = () => {
    if (refused.value === 0)
      log.write("warn", "worker", "no room in shared memory: limits of further clusters hold for each worker alone", {
        worker: workerIndex,
      });
    refused.inc();
  };
  return table;
}
