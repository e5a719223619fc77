/** What a gRPC call that the proxy makes itself counts for its cluster and its host. */
import type { TurnClock } from "../../timing/clock.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Host } from "../host.ts";
import { httpOfGrpc } from "../outlier/host-watch.ts";

/** A status of gRPC: the call has not got through. */
const UNAVAILABLE = 14;

export function beginCount(stats: ClusterStats, host: Host): void {
  stats.rqTotal.inc();
  stats.rqActive.inc();
  host.rqTotal.inc();
  host.rqActive.inc();
}

export function endCount(stats: ClusterStats, host: Host, code: number, clock: TurnClock): void {
  stats.rqActive.dec();
  host.rqActive.dec();
  host.watch?.count(httpOfGrpc(code));
  if (code === 0) host.rqSuccess.inc();
  else host.rqError.inc();
  if (code === UNAVAILABLE) host.latency?.observe(0, true, clock.turnNow());
}
