// The services of a data thread without a thread, for tests of listeners, connections and chains: real time and sockets, or virtual time.
import { AccessLogSinks } from "../../packages/core/src/access-log/sinks.ts";
import { FlushQueue } from "../../packages/core/src/network/flush-queue.ts";
import { RuntimeStore } from "../../packages/core/src/runtime/runtime-store.ts";
import { SharedTable } from "../../packages/core/src/stats/shared-table.ts";
import { StatsStore } from "../../packages/core/src/stats/stats-store.ts";
import { RealClock } from "../../packages/core/src/timing/real-clock.ts";
import { TimerWheel } from "../../packages/core/src/timing/timer-wheel.ts";
import { VirtualTime } from "../../packages/core/src/timing/virtual.ts";
import type { ClusterSource } from "../../packages/core/src/upstream/cluster-source.ts";
import type { WorkerServices } from "../../packages/core/src/worker/services.ts";

export interface LogLine {
  readonly level: string;
  readonly component: string;
  readonly message: string;
}

export interface TestServices extends WorkerServices {
  /** What was logged. */
  readonly lines: LogLine[];
  /** What a counter or gauge has; makes it where nobody did. */
  count(name: string): number;
  gaugeValue(name: string): number;
}

const NO_CLUSTERS: ClusterSource = { get: () => undefined };

export function testServices(overrides: Partial<WorkerServices> = {}): TestServices {
  const clock = new RealClock();
  return serve({ clock, timers: new TimerWheel(clock), ...overrides });
}

export function virtualServices(overrides: Partial<WorkerServices> = {}): {
  services: TestServices;
  time: VirtualTime;
} {
  const time = new VirtualTime();
  return { services: serve({ clock: time.clock, timers: time.timers, ...overrides }), time };
}

function serve(given: Partial<WorkerServices> & Pick<WorkerServices, "clock" | "timers">): TestServices {
  const lines: LogLine[] = [];
  const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  return {
    workerIndex: 0,
    random: { next: () => 0.5, below: (bound) => Math.floor(bound / 2) },
    stats,
    shared: new SharedTable(SharedTable.allocate(64), 1),
    runtime: new RuntimeStore(),
    log: { enabled: () => true, write: (level, component, message) => void lines.push({ level, component, message }) },
    flushQueue: new FlushQueue(),
    accessLogSinks: new AccessLogSinks(),
    clusters: NO_CLUSTERS,
    heartbeat: { register: () => 1, enter() {} },
    ticketKeys: Buffer.alloc(48, 7),
    ...given,
    lines,
    count: (name) => stats.counter(name).value,
    gaugeValue: (name) => stats.gauge(name).value,
  };
}
