/** Whether a cluster would take a request now: for those who know something better to do than to have it refused. */
import type { OpenFailure } from "@sluice/sdk";
import type { CircuitBreakers } from "./circuit-breakers.ts";
import type { Host } from "./host.ts";

/** What a panic does is no matter: its hosts are not healthy. Looks at all hosts only where none is. `isAsked`: hosts come with the requests that name them, so that there being none says nothing. */
export function refusalOf(
  members: Iterable<{ readonly host: Host }>,
  breakers: Pick<CircuitBreakers, "mayRequest">,
  isAsked = false,
): OpenFailure | null {
  if (isAsked) return breakers.mayRequest ? null : "overflow";
  for (const { host } of members) {
    if (host.usable) return breakers.mayRequest ? null : "overflow";
  }
  return "no_healthy_upstream";
}
