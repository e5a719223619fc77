/** Picks hosts for requests that would rather not have some of them (retry_host_predicate), or cannot have some. */
import type { HostAversion, HostChoice } from "@sluice/sdk";
import type { Host } from "./host.ts";
import type { LoadBalancer } from "./load-balancing/load-balancer.ts";
import type { PooledStream } from "./pool/upstream-stream.ts";

/** Of a balancer that draws: so often that it has most likely named each of a few hosts, or hosts enough of many. */
const PICKS_PER_HOST = 16;
const MOST_HOSTS = 16;

export interface HostSource {
  /** The balancer's choice for the request; `attempt`: how many came before that will not do. */
  pickNth(choice: HostChoice | null, attempt: number): Host | null;
}

/** As in Envoy, whoever it is after so many attempts is taken. */
export function pickOther(source: HostSource, choice: HostChoice | null, aversion: HostAversion): Host | null {
  let host = source.pickNth(choice, 0);
  for (let i = 1; i <= aversion.attempts && host !== null && aversion.avoids(host); i++)
    host = source.pickNth(choice, i);
  return host;
}

/** For a stream that nobody has seen: none of those that did not take it, rather one that its request does not avoid; null: there is none. `hosts`: the cluster's. */
export function pickElsewhere(
  balancer: LoadBalancer,
  stream: PooledStream,
  excluded: readonly Host[],
  hosts: readonly Host[],
): Host | null {
  const { choice, aversion } = stream;
  if (hosts.every((host) => excluded.includes(host))) return null;
  const attempts = PICKS_PER_HOST * Math.min(hosts.length, MOST_HOSTS);
  let avoided: Host | null = null;
  for (let i = 1; i <= attempts; i++) {
    const host = balancer.pick(choice, i);
    if (host === null) break;
    if (excluded.includes(host)) continue;
    if (aversion === null || !aversion.avoids(host)) return host;
    avoided ??= host;
  }
  return avoided;
}
