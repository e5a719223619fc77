/** The probe that a cluster's check asks for. */
import type { RuntimeEntries } from "../../runtime/runtime-entry.ts";
import type { HostModel } from "../host.ts";
import type { CheckStats } from "./check-stats.ts";
import { grpcProbe } from "./grpc-probe.ts";
import { httpProbe } from "./http-probe.ts";
import type { Probe } from "./probe.ts";
import type { ProbeTargets } from "./probe-target.ts";
import { TcpProbe } from "./tcp-probe.ts";

export function makeProbe(
  targets: ProbeTargets,
  host: HostModel,
  stats: CheckStats,
  runtime: () => RuntimeEntries,
): Probe {
  const { probe } = targets.check;
  switch (probe.kind) {
    case "http":
      return httpProbe(targets, probe, host, stats.verifyCluster, runtime);
    case "tcp":
      return new TcpProbe(targets, probe, host);
    case "grpc":
      return grpcProbe(targets, probe, host);
  }
}
