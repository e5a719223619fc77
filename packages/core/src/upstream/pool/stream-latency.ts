/** Hot path. What a stream tells those who go by how fast its host is (peak EWMA). `startedMs`: when it got its connection; -1: it had none, or nobody asked then. */
import type { ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { StreamPool } from "./pool.ts";

type Measured = Pick<StreamPool, "host" | "clock">;

export function tellAnswer({ host, clock }: Measured, startedMs: number, headers: ResponseHeaderMap): void {
  if (host.latency !== null) host.latency.observeResponse(headers, clock.turnNow() - startedMs, clock);
}

/** No answer, by the host's fault. */
export function tellFailure({ host, clock }: Measured, startedMs: number): void {
  if (host.latency === null) return;
  const nowMs = clock.turnNow();
  host.latency.observe(startedMs < 0 ? 0 : nowMs - startedMs, true, nowMs);
}

/** Nobody waits any more. */
export function tellGivenUp({ host, clock }: Measured, startedMs: number): void {
  if (host.latency === null || startedMs < 0) return;
  const nowMs = clock.turnNow();
  host.latency.gaveUp(nowMs - startedMs, nowMs);
}
