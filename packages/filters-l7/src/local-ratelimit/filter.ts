/** Hot path. Answers requests for which no token is left. The buckets are in shared memory: all workers together admit what one would. */
import {
  Continue,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type LocalReply,
  type RateLimitPolicy,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeFraction,
  type Verdict,
  reply,
} from "@sluice/sdk";
import { HeaderAddition } from "../shared/header-edit.ts";
import type { Bucket } from "../shared/rate-limit/buckets.ts";
import { type RateLimitDescriptor, RequestDescriptors } from "../shared/rate-limit/descriptors.ts";
import { compilePolicies } from "../shared/rate-limit/policies.ts";
import { BucketSet, ConnectionBuckets, SharedBuckets } from "./bucket-set.ts";
import type { LocalRateLimitSettings } from "./config.ts";
import { RateLimitStats } from "./stats.ts";

/** The bucket that the answer tells of; null: it tells of none. */
type Told = Bucket | null;
type Stream = HttpStream<Told, LocalRateLimitSettings>;

const NO_DESCRIPTORS: readonly RateLimitDescriptor[] = [];

/** The limit of the filter or of one level of routes. */
class Limit {
  readonly settings: LocalRateLimitSettings;
  /** null: each connection has its own. */
  readonly #buckets: BucketSet | null;
  readonly #descriptors: RequestDescriptors | null;
  readonly #policies: readonly RateLimitPolicy[];
  readonly #context: FilterContext;
  readonly #stateKey: string;
  readonly enabled: RuntimeFraction;
  readonly enforced: RuntimeFraction;
  readonly stats: RateLimitStats;
  readonly requestHeaders: readonly HeaderAddition[];
  readonly #responseHeaders: readonly HeaderAddition[];
  /** The answer, where no header of it depends on the stream. */
  readonly #constantReply: LocalReply | null;

  /** @throws ConfigError where a value is no format. */
  constructor(settings: LocalRateLimitSettings, context: FilterContext, owner: LocalRateLimitSettings | undefined) {
    this.settings = settings;
    this.#buckets = settings.isPerConnection ? null : new BucketSet(settings, new SharedBuckets(context.shared, owner));
    this.#descriptors = settings.descriptors.length === 0 ? null : new RequestDescriptors(settings.stage, null);
    this.#policies = compilePolicies(settings.rateLimits, context);
    this.#context = context;
    this.#stateKey = `sluice.local_ratelimit.${context.name}`;
    const { enabled, enforced } = settings;
    this.enabled = context.runtime.fraction(enabled.runtimeKey, enabled.defaultValue);
    this.enforced = context.runtime.fraction(enforced.runtimeKey, enforced.defaultValue);
    this.stats = new RateLimitStats(context.rootStats, settings.statPrefix);
    this.requestHeaders = settings.requestHeadersWhenNotEnforced.map(
      (option) => new HeaderAddition(option, context.formats),
    );
    this.#responseHeaders = settings.responseHeaders.map((option) => new HeaderAddition(option, context.formats));
    const isConstant = this.#responseHeaders.every((addition) => addition.isConstant);
    this.#constantReply = isConstant ? this.#reply(null) : null;
  }

  /** Whether the request may pass. */
  take(stream: Stream): boolean {
    const buckets = this.#buckets ?? this.#ofConnection(stream);
    const passes = buckets.take(this.#descriptorsOf(stream));
    if (this.settings.tellsLimits) stream.state = buckets.last;
    return passes;
  }

  #descriptorsOf(stream: Stream): readonly RateLimitDescriptor[] {
    const descriptors = this.#descriptors;
    if (descriptors === null) return NO_DESCRIPTORS;
    if (this.#policies.length > 0) return descriptors.by(this.#policies, stream);
    return descriptors.ofRoute(stream, this.settings.virtualHost);
  }

  #ofConnection(stream: Stream): BucketSet {
    const { filterState } = stream;
    let sets = filterState.get(this.#stateKey) as WeakMap<Limit, BucketSet> | undefined;
    if (sets === undefined) {
      sets = new WeakMap();
      filterState.set(this.#stateKey, sets, { life: "connection" });
    }
    let own = sets.get(this);
    if (own === undefined)
      sets.set(this, (own = new BucketSet(this.settings, new ConnectionBuckets(this.#context.clock))));
    return own;
  }

  reply(stream: Stream): LocalReply {
    return this.#constantReply ?? this.#reply(stream);
  }

  #reply(stream: Stream | null): LocalReply {
    const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    for (const addition of this.#responseHeaders) addition.addTo(headers, stream);
    const { status, asResourceExhausted } = this.settings;
    return reply({
      status,
      headers,
      body: "local_rate_limited",
      details: "local_rate_limited",
      flag: "RL",
      ...(asResourceExhausted ? { grpcStatus: 8 } : {}),
    });
  }
}

export class LocalRateLimitFilter implements HttpFilter<Told, LocalRateLimitSettings> {
  readonly #context: FilterContext;
  readonly #own: Limit;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<LocalRateLimitSettings, Limit>();

  constructor(settings: LocalRateLimitSettings, context: FilterContext) {
    this.#context = context;
    this.#own = new Limit(settings, context, undefined);
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict {
    const route = stream.routeConfig;
    const limit = route === undefined ? this.#own : this.#ofRoute(route);
    const { stats } = limit;
    if (!limit.enabled.includes()) return Continue;
    stats.enabled.inc();
    if (limit.take(stream)) {
      stats.ok.inc();
      return Continue;
    }
    stats.rateLimited.inc();
    if (!limit.enforced.includes()) {
      const { requestHeaders } = limit;
      for (let i = 0; i < requestHeaders.length; i++) requestHeaders[i]!.apply(headers, stream);
      return Continue;
    }
    stats.enforced.inc();
    return limit.reply(stream);
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, stream: Stream): Verdict {
    const told = stream.state;
    if (told === null) return Continue;
    headers.append("x-ratelimit-limit", String(told.maxTokens));
    headers.append("x-ratelimit-remaining", String(told.remaining()));
    headers.append("x-ratelimit-reset", String(Math.ceil(told.resetMs() / 1000)));
    return Continue;
  }

  #ofRoute(settings: LocalRateLimitSettings): Limit {
    let limit = this.#ofRoutes.get(settings);
    if (limit === undefined) this.#ofRoutes.set(settings, (limit = new Limit(settings, this.#context, settings)));
    return limit;
  }
}
