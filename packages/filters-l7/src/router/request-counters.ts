/** Hot path. Where a request is counted besides its cluster: as its route's, its virtual cluster's, and under the name that it asks for. */
import type { ForwardRoute, RequestHeaders } from "@sluice/sdk";
import type { ResponseCounters } from "./response-counters.ts";
import type { RouterCounters } from "./router-counters.ts";

const ALTERNATIVE = "x-envoy-upstream-alt-stat-name";

/** null: nowhere. Takes the header that asks for a name out of the request. */
export function furtherCounters(
  counters: RouterCounters,
  statName: string,
  route: ForwardRoute,
  headers: RequestHeaders,
): FurtherCounters | null {
  const { statPrefix } = route;
  const virtualCluster = route.virtualCluster(headers);
  const alternative = headers.get(ALTERNATIVE);
  if (alternative !== undefined) headers.delete(ALTERNATIVE);
  if (statPrefix === "" && virtualCluster === "" && alternative === undefined) return null;
  return new FurtherCounters(
    statPrefix === "" ? null : counters.ofPrefix(statPrefix),
    virtualCluster === "" ? null : counters.ofPrefix(`vhost.${route.virtualHost}.vcluster.${virtualCluster}.`),
    alternative === undefined ? null : counters.ofAlternative(statName, alternative),
  );
}

export class FurtherCounters {
  readonly #route: ResponseCounters | null;
  readonly #virtualCluster: ResponseCounters | null;
  /** Envoy: x-envoy-upstream-alt-stat-name; codes and times alone. */
  readonly #alternative: ResponseCounters | null;

  constructor(
    route: ResponseCounters | null,
    virtualCluster: ResponseCounters | null,
    alternative: ResponseCounters | null,
  ) {
    this.#route = route;
    this.#virtualCluster = virtualCluster;
    this.#alternative = alternative;
  }

  /** An upstream has the request. */
  sent(): void {
    this.#route?.rare("upstream_rq_total");
    this.#virtualCluster?.rare("upstream_rq_total");
  }

  /** By its name behind the prefix. */
  rare(name: string): void {
    this.#route?.rare(name);
    this.#virtualCluster?.rare(name);
  }

  timedOut(): void {
    this.#route?.timeout.inc();
    this.#virtualCluster?.timeout.inc();
  }

  answered(status: number): void {
    this.#route?.answered(status);
    this.#virtualCluster?.answered(status);
    this.#alternative?.answered(status);
  }

  took(ms: number): void {
    this.#route?.took(ms);
    this.#virtualCluster?.took(ms);
    this.#alternative?.took(ms);
  }
}
