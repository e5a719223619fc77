/** Headers that tell clients of their limits: `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers, 8 and later), `x-ratelimit-*` (version 03, as Envoy). */
import type { ResponseHeaders } from "@sluice/sdk";
import type { HeaderStyle } from "./config.ts";
import type { Limit } from "./limit.ts";
import type { Verdict } from "./store.ts";

export function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** Milliseconds until none of the limits refuses. */
export function waitOf(verdicts: readonly Verdict[]): number {
  let waitMs = 0;
  for (const verdict of verdicts) waitMs = Math.max(waitMs, verdict.waitMs);
  return waitMs;
}

export function addHeaders(
  headers: ResponseHeaders,
  styles: readonly HeaderStyle[],
  limits: readonly Limit[],
  verdicts: readonly Verdict[],
): void {
  const told = tightestOfEach(limits, verdicts);
  if (styles.includes("ratelimit")) {
    headers.set("ratelimit-policy", told.map((i) => limits[i]!.policy).join(", "));
    headers.set("ratelimit", told.map((i) => stateOf(limits[i]!, verdicts[i]!)).join(", "));
  }
  if (styles.includes("x-ratelimit")) {
    const i = tightest(verdicts);
    const first = limits[i]!.settings.tokensPerFill;
    headers.set("x-ratelimit-limit", `${first}, ${told.map((each) => limits[each]!.quota).join(", ")}`);
    headers.set("x-ratelimit-remaining", String(verdicts[i]!.remaining));
    headers.set("x-ratelimit-reset", String(seconds(verdicts[i]!.fullMs)));
  }
}

function stateOf({ settings }: Limit, { remaining, fullMs }: Verdict): string {
  return `"${settings.name}";r=${remaining};t=${seconds(fullMs)}`;
}

/** A limit that counts several times, for several descriptors, is told of once. */
function tightestOfEach(limits: readonly Limit[], verdicts: readonly Verdict[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < limits.length; i++) {
    const last = found.at(-1);
    if (last === undefined || limits[last] !== limits[i]) found.push(i);
    else if (verdicts[i]!.remaining < verdicts[last]!.remaining) found[found.length - 1] = i;
  }
  return found;
}

function tightest(verdicts: readonly Verdict[]): number {
  let found = 0;
  for (let i = 1; i < verdicts.length; i++) if (verdicts[i]!.remaining < verdicts[found]!.remaining) found = i;
  return found;
}
