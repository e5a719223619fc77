/** Asks a rate limit service whether a request may pass. One call a request, for all of its descriptors; without descriptors none. */
import {
  type Cluster,
  Continue,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type RateLimitPolicy,
  reply,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeFraction,
  type Verdict,
} from "@sluice/sdk";
import { HeaderAddition } from "../shared/header-edit.ts";
import { type RateLimitDescriptor, RequestDescriptors } from "../shared/rate-limit/descriptors.ts";
import { compilePolicies } from "../shared/rate-limit/policies.ts";
import { type HeaderValue, type RateLimitAnswer } from "../shared/rate-limit/rls-messages.ts";
import type { RateLimitRouteSettings, RateLimitSettings } from "./config.ts";
import { addQuotaHeaders } from "./quota-headers.ts";
import { RateLimitService } from "./service.ts";
import { ClusterRateLimitStats } from "./stats.ts";

/** What the service said of a stream; null: nothing. */
type Answer = RateLimitAnswer | null;
type Stream = HttpStream<{ answer: Answer; isRefused: boolean }, RateLimitRouteSettings>;

const METADATA = "envoy.filters.http.ratelimit";
/** Filter state of whole numbers: how many hits a request counts as. */
const HITS = "envoy.ratelimit.hits_addend";

export class RateLimitFilter implements HttpFilter<{ answer: Answer; isRefused: boolean }, RateLimitRouteSettings> {
  readonly #settings: RateLimitSettings;
  readonly #context: FilterContext;
  readonly #service: RateLimitService;
  readonly #descriptors: RequestDescriptors;
  readonly #enabled: RuntimeFraction;
  readonly #enforced: RuntimeFraction;
  readonly #refusalHeaders: readonly HeaderAddition[];
  readonly #stats = new Map<string, ClusterRateLimitStats>();
  /** Made when a route is taken for the first time. */
  readonly #policies = new WeakMap<RateLimitRouteSettings, readonly RateLimitPolicy[]>();

  /** @throws ConfigError where a value is no format. */
  constructor(settings: RateLimitSettings, context: FilterContext) {
    this.#settings = settings;
    this.#context = context;
    this.#service = new RateLimitService(settings.service, settings.timeoutMs, context.clusters);
    this.#descriptors = new RequestDescriptors(settings.stage, context.runtime);
    this.#enabled = context.runtime.fraction("ratelimit.http_filter_enabled", { numerator: 100 });
    this.#enforced = context.runtime.fraction("ratelimit.http_filter_enforcing", { numerator: 100 });
    this.#refusalHeaders = settings.responseHeaders.map((option) => new HeaderAddition(option, context.formats));
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const { route } = stream;
    if (route?.kind !== "forward" || !this.#concerns(headers) || !this.#enabled.includes()) return Continue;
    const descriptors = this.#descriptorsOf(stream);
    if (descriptors.length === 0) return Continue;
    const target = this.#context.clusters.get(route.clusterName);
    // The router says that it is missing.
    return target === undefined ? Continue : this.#ask(descriptors, headers, stream, target);
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, stream: Stream): Verdict {
    const { answer, isRefused } = stream.state;
    if (answer === null) return Continue;
    for (const { name, value } of answer.responseHeaders) {
      if (isRefused && name === "content-type") set(headers, name, value);
      else append(headers, name, value);
    }
    if (this.#settings.tellsLimits) addQuotaHeaders(headers, answer.limits);
    if (answer.isOverLimit && this.#settings.marksRefused) headers.set("x-envoy-ratelimited", "true");
    if (isRefused) for (const addition of this.#refusalHeaders) addition.apply(headers, stream);
    return Continue;
  }

  #concerns(headers: RequestHeaders): boolean {
    const { requestType } = this.#settings;
    return requestType === "both" || (headers.get("x-envoy-internal") === "true") === (requestType === "internal");
  }

  #descriptorsOf(stream: Stream): readonly RateLimitDescriptor[] {
    const route = stream.routeConfig;
    if (route === undefined) return this.#descriptors.ofRoute(stream, "override");
    if (route.rateLimits.length === 0) return this.#descriptors.ofRoute(stream, route.virtualHost);
    let policies = this.#policies.get(route);
    if (policies === undefined)
      this.#policies.set(route, (policies = compilePolicies(route.rateLimits, this.#context)));
    return this.#descriptors.by(policies, stream);
  }

  async #ask(
    descriptors: readonly RateLimitDescriptor[],
    headers: RequestHeaders,
    stream: Stream,
    target: Cluster,
  ): Promise<Verdict> {
    const stats = this.#statsOf(target.statName);
    const answer = await this.#answer(descriptors, stream);
    // Nobody waits any more, and it is not the service that failed.
    if (stream.signal.aborted) return Continue;
    if (answer === null) return this.#onFailure(stats);
    stream.state.answer = answer;
    if (answer.metadata !== null) stream.metadata.set(METADATA, answer.metadata);
    if (answer.isOverLimit) stats.overLimit.inc();
    else stats.ok.inc();
    if (answer.isOverLimit && this.#enforced.includes()) return this.#refusal(answer, stream);
    for (const { name, value } of answer.requestHeaders) append(headers, name, value);
    return Continue;
  }

  /** null: there is none. */
  #answer(descriptors: readonly RateLimitDescriptor[], stream: Stream): Promise<Answer> {
    const domain = stream.routeConfig?.domain || this.#settings.domain;
    return this.#service.ask({ domain, descriptors, hitsAddend: hitsOf(stream.filterState.get(HITS)) }, stream);
  }

  #onFailure(stats: ClusterRateLimitStats): Verdict {
    stats.error.inc();
    if (this.#settings.deniesOnFailure)
      return reply({ status: this.#settings.statusOnError, details: "rate_limiter_error", flag: "RLSE" });
    stats.failureModeAllowed.inc();
    return Continue;
  }

  #refusal(answer: RateLimitAnswer, stream: Stream): Verdict {
    stream.state.isRefused = true;
    const { status, asResourceExhausted } = this.#settings;
    return reply({
      status,
      ...(answer.body.length > 0 ? { body: answer.body } : {}),
      details: "request_rate_limited",
      flag: "RL",
      ...(asResourceExhausted ? { grpcStatus: 8 } : {}),
    });
  }

  #statsOf(cluster: string): ClusterRateLimitStats {
    let stats = this.#stats.get(cluster);
    if (stats === undefined) {
      stats = new ClusterRateLimitStats(this.#context.rootStats, cluster, this.#settings.statPrefix);
      this.#stats.set(cluster, stats);
    }
    return stats;
  }
}

/** 0 where nothing is said that counts. */
function hitsOf(state: unknown): number {
  const hits = typeof state === "string" && /^[0-9]{1,10}$/.test(state) ? Number(state) : state;
  return typeof hits === "number" && Number.isInteger(hits) && hits > 0 && hits <= 0xffff_ffff ? hits : 0;
}

type Changed = Pick<RequestHeaders | ResponseHeaders, "append" | "set">;

/** The service may say what no header can be: that is left out. */
function append(headers: Changed, name: HeaderValue["name"], value: string): void {
  if (isLegal(name, value)) headers.append(name, value);
}

function set(headers: Changed, name: string, value: string): void {
  if (isLegal(name, value)) headers.set(name, value);
}

/** Host, framing and what belongs to one connection are not the service's business; nor is it whether a client waits for 100. */
const KEPT: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "http2-settings",
  "te",
  "trailer",
  "expect",
]);

function isLegal(name: string, value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- these are what no value has
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) && !KEPT.has(name) && !/[\x00-\x08\x0a-\x1f\x7f]/.test(value);
}
