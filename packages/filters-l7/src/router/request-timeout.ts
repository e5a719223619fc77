/** Hot path. The route's time-out as request headers change it: `x-envoy-upstream-rq-timeout-ms` and its kin, which external clients cannot set at an edge. */
import type { RequestHeaders } from "@sluice/sdk";
import type { RouterSettings } from "./config.ts";

const ASKED = "x-envoy-upstream-rq-timeout-ms";
const EXPECTED = "x-envoy-expected-rq-timeout-ms";
const ALTERNATIVE = "x-envoy-upstream-rq-timeout-alt-response";

/** Takes the header that asks for another time-out out of the request. Milliseconds; 0: none. */
export function requestTimeout(headers: RequestHeaders, routeMs: number, settings: RouterSettings): number {
  if (settings.respectExpectedTimeout) {
    const expected = headers.get(EXPECTED);
    if (expected !== undefined) return parse(expected, routeMs);
  }
  const asked = headers.get(ASKED);
  if (asked === undefined) return routeMs;
  headers.delete(ASKED);
  return parse(asked, routeMs);
}

function parse(text: string, otherwise: number): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : otherwise;
}

/** Tells the upstream how long it is waited for. */
export function announceTimeout(headers: RequestHeaders, timeoutMs: number, settings: RouterSettings): void {
  if (timeoutMs === 0 || settings.suppressEnvoyHeaders) return;
  if (settings.respectExpectedTimeout && headers.has(EXPECTED)) return;
  headers.set(EXPECTED, String(timeoutMs));
}

/** Whether the client wants 204 instead of 504 when the time is up. */
export function takesAlternative(headers: RequestHeaders): boolean {
  return headers.delete(ALTERNATIVE);
}
