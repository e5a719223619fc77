/** Hot path. Looks whether the cluster of a route would take a request at all, and where it would not, sends it to another one or answers it. */
import {
  Continue,
  type Clusters,
  type Counter,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type LocalReply,
  type RequestHeaders,
  type Verdict,
  reply,
} from "@sluice/sdk";
import type { FallbackReplySettings, FallbackSettings } from "./config.ts";

type Stream = HttpStream<undefined, FallbackSettings>;

/** One configuration with its answers, which are always the same. */
class Fallback {
  readonly settings: FallbackSettings;
  readonly isNothing: boolean;
  /** null: there is none. */
  readonly noHost: LocalReply | null;
  readonly open: LocalReply | null;

  constructor(settings: FallbackSettings) {
    const { respond } = settings;
    this.settings = settings;
    this.isNothing = settings.cluster === "" && respond === null;
    this.noHost = respond === null ? null : answer(respond, "UH", "fallback_no_healthy_upstream");
    this.open = respond === null ? null : answer(respond, "UO", "fallback_overflow");
  }
}

function answer({ status, body, headers }: FallbackReplySettings, flag: "UH" | "UO", details: string): LocalReply {
  return reply({ status, headers, flag, details, ...(body === "" ? {} : { body }) });
}

export class FallbackFilter implements HttpFilter<undefined, FallbackSettings> {
  readonly #own: Fallback;
  readonly #ofRoutes = new WeakMap<FallbackSettings, Fallback>();
  readonly #clusters: Clusters;
  readonly #rerouted: Counter;
  readonly #answered: Counter;
  readonly #helpless: Counter;

  constructor(settings: FallbackSettings, { clusters, rootStats, statPrefix }: FilterContext) {
    const prefix = `http.${statPrefix}.fallback.`;
    this.#own = new Fallback(settings);
    this.#clusters = clusters;
    this.#rerouted = rootStats.counter(`${prefix}rerouted`);
    this.#answered = rootStats.counter(`${prefix}answered`);
    this.#helpless = rootStats.counter(`${prefix}helpless`);
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, stream: Stream): Verdict {
    const { routeConfig } = stream;
    const fallback = routeConfig === undefined ? this.#own : this.#ofRoute(routeConfig);
    if (fallback.isNothing) return Continue;
    const { route } = stream;
    if (route === undefined || route.kind !== "forward") return Continue;
    const { clusterName, isHighPriority } = route;
    const refusal = this.#clusters.get(clusterName)?.refusal(isHighPriority) ?? null;
    const { when, cluster } = fallback.settings;
    if (refusal === null || !when.includes(refusal)) return Continue;
    if (cluster !== clusterName && this.#takes(cluster, isHighPriority) && stream.toCluster(cluster)) {
      this.#rerouted.inc();
      return Continue;
    }
    return this.#answer(refusal === "overflow" ? fallback.open : fallback.noHost);
  }

  #answer(made: LocalReply | null): Verdict {
    if (made === null) {
      this.#helpless.inc();
      return Continue;
    }
    this.#answered.inc();
    return made;
  }

  #takes(cluster: string, isHighPriority: boolean): boolean {
    if (cluster === "") return false;
    const known = this.#clusters.get(cluster);
    return known !== undefined && known.refusal(isHighPriority) === null;
  }

  #ofRoute(settings: FallbackSettings): Fallback {
    let fallback = this.#ofRoutes.get(settings);
    if (fallback === undefined) this.#ofRoutes.set(settings, (fallback = new Fallback(settings)));
    return fallback;
  }
}
