/** Why a host is or is not healthy, as bits that main tells the workers; numbers and words are Envoy's (host_description.h), but for probation, which is ours. */
import type { EndpointModel } from "../../config/model.ts";

export const HEALTH_FLAG = {
  failedActiveHc: 0x1,
  failedOutlier: 0x2,
  degradedActiveHc: 0x8,
  pendingRemoval: 0x20,
  excludedByImmediateFail: 0x80,
  activeHcTimeout: 0x100,
  /** Ejected, its time is over: single requests find out whether it is well again. */
  probation: 0x10000,
} as const;

type Discovered = EndpointModel["health"];

/** What load balancing goes by. Draining stays what it is: such a host gets nothing even in panic. */
export function healthOf(discovered: Discovered, flags: number): Discovered {
  if (discovered === "draining" || flags === 0) return discovered;
  if ((flags & (HEALTH_FLAG.failedActiveHc | HEALTH_FLAG.failedOutlier)) !== 0) return "unhealthy";
  if (discovered === "healthy" && (flags & HEALTH_FLAG.degradedActiveHc) !== 0) return "degraded";
  return discovered;
}

/** `/clusters`: the words in Envoy's order; `healthy` where there is none. */
export function flagWords(discovered: Discovered, flags: number): string {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const words = [
    [has(HEALTH_FLAG.failedActiveHc), "/failed_active_hc"],
    [has(HEALTH_FLAG.failedOutlier), "/failed_outlier_check"],
    [discovered === "unhealthy", "/failed_eds_health"],
    [has(HEALTH_FLAG.degradedActiveHc), "/degraded_active_hc"],
    [discovered === "degraded", "/degraded_eds_health"],
    [has(HEALTH_FLAG.pendingRemoval), "/pending_dynamic_removal"],
    [has(HEALTH_FLAG.excludedByImmediateFail), "/excluded_via_immediate_hc_fail"],
    [has(HEALTH_FLAG.activeHcTimeout), "/active_hc_timeout"],
    [discovered === "draining", "/eds_status_draining"],
    [has(HEALTH_FLAG.probation), "/outlier_probation"],
  ] as const;
  const text = words.map(([isSet, word]) => (isSet ? word : "")).join("");
  return text === "" ? "healthy" : text;
}
