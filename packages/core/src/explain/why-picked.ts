/** One host's part in what a balancer said: `yes`, or `no` and what stands in the way. */
import type { BalancingModel } from "../config/model.ts";
import type { Host } from "../upstream/host.ts";
import { flagWords, HEALTH_FLAG } from "../upstream/health/health-flags.ts";
import type { PickTrace } from "../upstream/load-balancing/pick-trace.ts";
import type { OutlierView } from "../upstream/outlier/outlier-detector.ts";

/** Begins with `yes` or `no`. */
export function whyPicked(
  host: Host,
  trace: PickTrace,
  { panicPercent }: Pick<BalancingModel, "panicPercent">,
  outlier: OutlierView | null,
): string {
  if (host.health === "draining") return "no: draining";
  if (trace.host === host) return `yes: ${trace.reason}`;
  const why = whyAtAll(host, trace, panicPercent, outlier);
  return trace.host !== null && why.startsWith("yes") ? `no: ${trace.host.address} is picked: ${trace.reason}` : why;
}

/** Where nothing leads to one host. */
function whyAtAll(host: Host, trace: PickTrace, panicPercent: number, outlier: OutlierView | null): string {
  const { loads } = trace;
  if (loads === null)
    return trace.isProvided
      ? "yes: if the cluster chooses it for the request"
      : "no: the request may have none of the cluster's hosts";
  if (!trace.levels[host.priority]?.hosts.includes(host)) return "no: not in the subset";
  const share = shareAt(host, trace);
  const passed = trace.passedBy.get(host);
  if (passed !== undefined && share > 0) return `no: ${passed}`;
  if (loads.panic[host.priority]!) {
    if (trace.failsOnPanic) return "no: panic, in which requests fail";
    return share > 0 ? `yes: panic: health does not count${ailing(host, outlier, " (", ")")}` : noLoad(host);
  }
  if (host.health === "unhealthy") {
    if ((host.flags & HEALTH_FLAG.probation) !== 0) return `yes: single requests only: ${ailment(host, outlier)}`;
    return `no: ${ailment(host, outlier)}${panicPercent > 0 ? "; only in panic" : ""}`;
  }
  if (share === 0) return noLoad(host);
  return host.health === "degraded"
    ? `yes: degraded, with ${share} % of the load`
    : share === 100
      ? "yes"
      : `yes: priority ${host.priority} has ${share} % of the load`;
}

/** Percent of the load that falls to the hosts of its priority and health. */
export function shareAt({ priority, health }: Host, { loads }: PickTrace): number {
  if (loads === null) return 0;
  const healthy = loads.healthy[priority] ?? 0;
  const degraded = loads.degraded[priority] ?? 0;
  if (loads.panic[priority] === true) return healthy + degraded;
  return health === "healthy" ? healthy : health === "degraded" ? degraded : 0;
}

/** As `/clusters` has it. */
export function healthText(host: Host): string {
  return flagWords(host.discovered, host.flags);
}

function noLoad({ priority, health }: Host): string {
  return health === "degraded"
    ? `no: degraded hosts of priority ${priority} have 0 % of the load`
    : `no: priority ${priority} has 0 % of the load`;
}

function ailing(host: Host, outlier: OutlierView | null, before: string, after: string): string {
  return host.health === "unhealthy" ? before + ailment(host, outlier) + after : "";
}

function ailment(host: Host, outlier: OutlierView | null): string {
  const words = healthText(host).slice(1).replaceAll("/", ", ");
  if ((host.flags & HEALTH_FLAG.failedOutlier) === 0 || outlier === null || outlier.leftMs < 0) return words;
  const cause = outlier.cause === "" ? "" : ` for ${outlier.cause}`;
  return `${words}, ejected${cause}, ${(outlier.leftMs / 1000).toFixed(1)} s left`;
}
