/** Picks a host for a request that would rather not have some of them (retry_host_predicate). */
import type { HostAversion } from "@sluice/sdk";
import type { Host } from "./host.ts";

/** `pick`: the balancer's choice. As in Envoy, whoever it is after so many attempts is taken. */
export function pickOther(pick: () => Host | null, aversion: HostAversion): Host | null {
  let host = pick();
  for (let left = aversion.attempts; left > 0 && host !== null && aversion.avoids(host); left--) host = pick();
  return host;
}
