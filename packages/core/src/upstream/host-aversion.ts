/** Picks hosts for requests that would rather not have some of them (retry_host_predicate), or cannot have some. */
import type { HostAversion } from "@sluice/sdk";
import type { Host } from "./host.ts";

/** `pick`: the balancer's choice. As in Envoy, whoever it is after so many attempts is taken. */
export function pickOther(pick: () => Host | null, aversion: HostAversion): Host | null {
  let host = pick();
  for (let left = aversion.attempts; left > 0 && host !== null && aversion.avoids(host); left--) host = pick();
  return host;
}

/**
 * A host that is none of `excluded`, rather one that the request does not avoid; null: there is none. `attempts`: of a balancer that may choose the same host many times.
 */
export function pickElsewhere(
  pick: () => Host | null,
  attempts: number,
  excluded: readonly Host[],
  aversion: HostAversion | null,
): Host | null {
  let avoided: Host | null = null;
  for (let i = 0; i < attempts; i++) {
    const host = pick();
    if (host === null) break;
    if (excluded.includes(host)) continue;
    if (aversion === null || !aversion.avoids(host)) return host;
    avoided ??= host;
  }
  return avoided;
}
