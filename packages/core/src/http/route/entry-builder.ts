/** Makes what routes lead to, with everything that their levels say (weighted cluster, route, virtual host, route configuration) resolved into each entry. */
import type {
  ForwardActionModel,
  HeaderMutationModel,
  RouteConfigModel,
  RouteModel,
  VirtualHostModel,
  WeightedClusterModel,
} from "../../config/model.ts";
import type { RetryModel } from "../../config/retry-model.ts";
import { type HeaderMutations, mutationChain } from "./header-mutations.ts";
import { type FailureParts, ForwardEntry, ForwardParts } from "./forward-entry.ts";
import type { RouteRuntime } from "./rare-conditions.ts";
import { RouteRateLimitsBuilder } from "./rate-limits.ts";
import { NamedByHeader, OneEntry, type RouteChoice, WeightedEntries } from "./route-choice.ts";
import { RouteMirror, RouteRetry } from "./route-retry.ts";
import { DirectEntry, type EntryBase, RedirectEntry } from "./route-entry.ts";
import { type FilterLevel, type FilterLevels, RouteFilterResolver } from "./route-filters.ts";
import type { RouteFilter } from "./types.ts";
import { VirtualClusters } from "./virtual-clusters.ts";

const NO_MUTATION: HeaderMutationModel = { add: [], remove: [] };

export class EntryBuilder {
  /** Whether any entry so far turns a filter off or on. */
  usesDisabled = false;
  readonly #model: RouteConfigModel;
  readonly #resolver: RouteFilterResolver;
  readonly #runtime: RouteRuntime | null;
  /** Of the route that is being made: where it is, for the configuration of its filters. */
  #key = "";
  /** Keys that are taken → how often they were asked for. */
  readonly #keys = new Map<string, number>();
  /** Levels above routes stand over many of them. */
  readonly #mutated = new Map<HeaderMutationModel, HeaderMutations>();
  readonly #retries = new Map<RetryModel, RouteRetry>();
  readonly #rateLimits = new RouteRateLimitsBuilder();
  readonly #virtualClusters = new Map<VirtualHostModel, VirtualClusters>();

  /** `runtime`: null where there is none to ask (explain): what is configured holds. */
  constructor(model: RouteConfigModel, filters: readonly RouteFilter[], runtime: RouteRuntime | null) {
    this.#model = model;
    this.#resolver = new RouteFilterResolver(filters);
    this.#runtime = runtime;
  }

  /** What the route of that number leads to. @throws Error where a filter refuses its configuration or a pattern is not legal. */
  choiceOf(host: VirtualHostModel, route: RouteModel, number: number): RouteChoice {
    const { action } = route;
    this.#key = this.#ownKey(`${host.name}/${route.name === "" ? number : route.name}`);
    switch (action.kind) {
      case "redirect":
        return new OneEntry(new RedirectEntry(this.#base(host, route, null), action));
      case "direct":
        return new OneEntry(new DirectEntry(this.#base(host, route, null), action));
      case "forward": {
        const failure = this.#failureParts(action);
        const choices = action.clusters.map((cluster) => this.#forward(host, route, action, cluster, failure));
        const [only] = choices;
        const isOne = choices.length === 1 && action.weightRuntimePrefix === "";
        return only !== undefined && isOne ? only : new WeightedEntries(choices, action, this.#runtime);
      }
    }
  }

  #forward(
    host: VirtualHostModel,
    route: RouteModel,
    action: ForwardActionModel,
    cluster: WeightedClusterModel,
    failure: FailureParts,
  ): RouteChoice {
    const base = this.#base(host, route, cluster);
    const entry = new ForwardEntry(base, new ForwardParts(base, action, cluster, failure), cluster.name);
    return cluster.clusterHeader === "" ? new OneEntry(entry) : new NamedByHeader(entry, cluster.clusterHeader);
  }

  #failureParts({ retry, mirrors }: ForwardActionModel): FailureParts {
    let policy = retry === undefined ? null : this.#retries.get(retry);
    if (retry !== undefined && policy === undefined) this.#retries.set(retry, (policy = new RouteRetry(retry)));
    return {
      retry: policy ?? null,
      mirrors: mirrors === undefined ? null : mirrors.map((mirror) => new RouteMirror(mirror, this.#runtime)),
    };
  }

  /** Where the host sends what came without TLS (VirtualHost.require_tls); null: nowhere. */
  toHttps(host: VirtualHostModel): RedirectEntry | null {
    if (host.requireTls === "none") return null;
    return new RedirectEntry(this.#base(host, null, null), {
      kind: "redirect",
      status: 301,
      httpsRedirect: true,
      schemeRedirect: "",
      hostRedirect: "",
      portRedirect: 0,
      pathRedirect: "",
      prefixRewrite: "",
      regexRewrite: null,
      stripQuery: false,
    });
  }

  #base(host: VirtualHostModel, route: RouteModel | null, cluster: WeightedClusterModel | null): EntryBase {
    const model = this.#model;
    const path = route?.match.path ?? ({ kind: "prefix", value: "" } as const);
    return {
      name: route?.name ?? "",
      virtualHost: host.name,
      ...this.#filters(host, route, cluster),
      requestMutations: this.#mutations([
        cluster?.requestHeaders ?? NO_MUTATION,
        route?.requestHeaders ?? NO_MUTATION,
        host.requestHeaders,
        model.requestHeaders,
      ]),
      responseMutations: this.#mutations([
        cluster?.responseHeaders ?? NO_MUTATION,
        route?.responseHeaders ?? NO_MUTATION,
        host.responseHeaders,
        model.responseHeaders,
      ]),
      includeAttemptCount: host.includeAttemptCount,
      includeAttemptCountInResponse: host.includeAttemptCountInResponse,
      statPrefix: route === null || route.statPrefix === "" ? "" : `vhost.${host.name}.route.${route.statPrefix}.`,
      virtualClusters: this.#virtualClustersOf(host),
      rateLimits: this.#rateLimits.of(host, route),
      path: { kind: path.kind, value: path.kind === "connect" ? "" : path.value },
    };
  }

  #virtualClustersOf(host: VirtualHostModel): VirtualClusters | null {
    if (host.virtualClusters.length === 0) return null;
    let known = this.#virtualClusters.get(host);
    if (known === undefined) this.#virtualClusters.set(host, (known = new VirtualClusters(host.virtualClusters)));
    return known;
  }

  /** Names of routes need not differ; what filters keep for them must. */
  #ownKey(key: string): string {
    const keys = this.#keys;
    let count = (keys.get(key) ?? 0) + 1;
    let own = count === 1 ? key : `${key}#${count}`;
    while (count > 1 && keys.has(own)) own = `${key}#${++count}`;
    keys.set(key, count);
    if (own !== key) keys.set(own, 1);
    return own;
  }

  /** From the most specific to the least; flipped where the most specific is to have the last word. */
  #mutations(levels: readonly HeaderMutationModel[]): EntryBase["requestMutations"] {
    return mutationChain(this.#model.mostSpecificHeaderMutationsWins ? levels.toReversed() : levels, this.#mutated);
  }

  #filters(host: VirtualHostModel, route: RouteModel | null, cluster: WeightedClusterModel | null): FilterLevels {
    const levels: FilterLevel[] = [
      { configs: this.#model.perFilterConfig, key: "" },
      { configs: host.perFilterConfig, key: host.name },
    ];
    if (route !== null) {
      levels.push({ configs: route.perFilterConfig, key: this.#key });
      if (cluster !== null)
        levels.push({ configs: cluster.perFilterConfig, key: this.#ownKey(`${this.#key}/${cluster.name}`) });
    }
    const resolved = this.#resolver.resolve(levels);
    if (resolved.disabled !== null) this.usesDisabled = true;
    return resolved;
  }
}
