/** What a gRPC call that the proxy makes itself counts for its cluster and its host. As any request it is one of those that the cluster takes at a time (max_requests). */
import type { TurnClock } from "../../timing/clock.ts";
import type { Breakers } from "../circuit-breakers.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Host } from "../host.ts";
import { httpOfGrpc } from "../outlier/host-watch.ts";

/** A status of gRPC: the call has not got through. */
const UNAVAILABLE = 14;

/** false: there are too many, which is counted. */
export function beginCount(stats: ClusterStats, host: Host, breakers: Breakers): boolean {
  if (!breakers.mayRequest) {
    stats.rqActiveOverflow.inc();
    stats.rqPendingOverflow.inc();
    return false;
  }
  breakers.requestBegins();
  stats.rqTotal.inc();
  stats.rqActive.inc();
  host.rqTotal.inc();
  host.rqActive.inc();
  return true;
}

export function endCount(stats: ClusterStats, host: Host, code: number, clock: TurnClock, breakers: Breakers): void {
  breakers.requestEnds();
  stats.rqActive.dec();
  host.rqActive.dec();
  host.watch?.count(httpOfGrpc(code));
  if (code === 0) host.rqSuccess.inc();
  else host.rqError.inc();
  if (code === UNAVAILABLE) host.latency?.observe(0, true, clock.turnNow());
}
