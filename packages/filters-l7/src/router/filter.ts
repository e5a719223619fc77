/** Hot path. The router's hooks, and what its streams share. */
import type {
  Clock,
  Clusters,
  Counter,
  FilterContext,
  ForwardRoute,
  HttpFilter,
  Random,
  RequestHeaders,
  ResponseHeaders,
  Route,
  Stats,
} from "@sluice/sdk";
import type { RouterSettings } from "./config.ts";
import type { Refusal } from "./internal-redirect.ts";
import type { Copy } from "./mirrors.ts";
import { RouterCounters } from "./router-counters.ts";
import { type RouterHandle, RouterStream } from "./router-stream.ts";

interface RouterStats {
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly redirect: Counter;
  readonly direct: Counter;
  readonly total: Counter;
}

/** What rewriting leaves behind for the upstream. */
const ORIGINAL_PATH = "x-envoy-original-path";
const ORIGINAL_HOST = "x-envoy-original-host";

export class Router {
  readonly settings: RouterSettings;
  readonly clusters: Clusters;
  readonly clock: Clock;
  readonly random: Random;
  readonly setTimer: FilterContext["setTimer"];
  readonly stats: RouterStats;
  readonly counters: RouterCounters;
  /** Of requests, under way to other clusters. */
  readonly copies: Set<Copy>;
  readonly #rootStats: Stats;
  readonly #prefix: string;

  constructor(settings: RouterSettings, context: FilterContext) {
    const prefix = `http.${context.statPrefix}.`;
    this.settings = settings;
    this.clusters = context.clusters;
    this.clock = context.clock;
    this.random = context.random;
    this.setTimer = (callback, ms) => context.setTimer(callback, ms);
    this.stats = {
      noRoute: context.rootStats.counter(`${prefix}no_route`),
      noCluster: context.rootStats.counter(`${prefix}no_cluster`),
      redirect: context.rootStats.counter(`${prefix}rq_redirect`),
      direct: context.rootStats.counter(`${prefix}rq_direct_response`),
      total: context.rootStats.counter(`${prefix}rq_total`),
    };
    this.counters = new RouterCounters(context.rootStats, settings.dynamicStats);
    this.copies = new Set();
    this.#rootStats = context.rootStats;
    this.#prefix = prefix;
  }

  /** A redirect that could not be followed. */
  countRefusal(refusal: Refusal): void {
    this.#rootStats.counter(`${this.#prefix}passthrough_internal_redirect_${refusal}`).inc();
  }

  finalizeRequest(headers: RequestHeaders, route: ForwardRoute, stream: RouterHandle): void {
    if (!this.settings.suppressEnvoyHeaders) {
      route.finalizeRequest(headers, stream);
      return;
    }
    const path = headers.get(ORIGINAL_PATH);
    const host = headers.get(ORIGINAL_HOST);
    route.finalizeRequest(headers, stream);
    restore(headers, ORIGINAL_PATH, path);
    restore(headers, ORIGINAL_HOST, host);
  }

  stampResponse(headers: ResponseHeaders, sentMs: number): void {
    if (this.settings.suppressEnvoyHeaders || sentMs < 0) return;
    headers.set("x-envoy-upstream-service-time", String(Math.max(0, Math.floor(this.clock.turnNow() - sentMs))));
  }

  answer(stream: RouterHandle, route: Exclude<Route, ForwardRoute>): void {
    const response = stream.newResponse(route.status);
    if (route.kind === "redirect") {
      this.stats.redirect.inc();
      response.set("location", route.location(stream.requestHeaders, stream));
    } else {
      this.stats.direct.inc();
      if (namesPlace(route.status)) response.set("location", urlOf(stream.requestHeaders));
    }
    route.finalizeResponse(response, stream);
    const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    for (const [name, value] of response) (headers[name] ??= []).push(value);
    const body = route.kind === "direct" ? route.body : null;
    stream.reply({ status: route.status, headers, details: "direct_response", ...(body === null ? {} : { body }) });
  }
}

function restore(headers: RequestHeaders, name: string, value: string | undefined): void {
  if (value === undefined) headers.delete(name);
  else headers.set(name, value);
}

/** RFC 9110 section 10.2.2. Envoy: of a direct response that is the request's own URL, unless the route says another. */
function namesPlace(status: number): boolean {
  return status === 201 || (status >= 300 && status < 400);
}

function urlOf({ scheme, authority, path }: RequestHeaders): string {
  return `${scheme === "" ? "http" : scheme}://${authority}${path}`;
}

export function createRouter(
  settings: RouterSettings,
  context: FilterContext,
): HttpFilter<RouterStream, unknown, RouterHandle> {
  const router = new Router(settings, context);
  return {
    onRequestHeaders(headers, end, stream) {
      const { route } = stream;
      router.stats.total.inc();
      if (route === undefined) {
        router.stats.noRoute.inc();
        stream.reply({ status: 404, flag: "NR", details: "route_not_found" });
      } else if (route.kind === "forward") stream.state.forward(router, stream, route, headers, end);
      else router.answer(stream, route);
    },
    onRequestData(data, end, stream) {
      stream.state.data(data, end);
    },
    onRequestTrailers(trailers, stream) {
      stream.state.trailers(trailers);
    },
    onDestroy(stream) {
      stream.state.end();
    },
    dispose() {
      for (const copy of router.copies) copy.end();
    },
  };
}
