/** The services of a data thread for chains that are measured: the real ones, without clusters and with a log that keeps only its first errors. */
import type { Clusters } from "@sluice/sdk";
import { SharedTable } from "../stats/shared-table.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { RealClock } from "../timing/real-clock.ts";
import { createServices } from "../worker/services-of-thread.ts";
import type { WorkerServices } from "../worker/services.ts";

const NO_CLUSTERS: Clusters = { get: () => undefined };
const KEPT_ERRORS = 3;

export interface BenchServices extends WorkerServices {
  /** The first errors that were logged: a filter that fails is not measured. */
  readonly errors: readonly string[];
}

export function benchServices(): BenchServices {
  const errors: string[] = [];
  const services = createServices({
    workerIndex: 0,
    clock: new RealClock(),
    stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
    shared: SharedTable.allocate(),
    heartbeat: { register: () => 1, enter() {} },
    ticketKeys: new Uint8Array(48),
    log: {
      enabled: (level) => level === "error",
      write: (_level, _component, message, fields) => {
        if (errors.length < KEPT_ERRORS) errors.push(`${message} ${errorIn(fields)}`.trim());
      },
    },
  });
  return { ...services, clusters: NO_CLUSTERS, errors };
}

function errorIn(fields: Readonly<Record<string, unknown>> | undefined): string {
  const error = fields?.["error"];
  return typeof error === "string" ? (error.split("\n")[0] ?? "") : "";
}
