/** Hot path. Answers requests for which no token is left. The buckets are in shared memory: all workers together admit what one would. */
import {
  Continue,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type LocalReply,
  type RequestHeaders,
  type RuntimeFraction,
  type TokenBucket,
  type Verdict,
  reply,
} from "@sluice/sdk";
import { HeaderAddition } from "../shared/header-edit.ts";
import type { LocalRateLimitSettings } from "./config.ts";
import { RateLimitStats } from "./stats.ts";

type Stream = HttpStream<undefined, LocalRateLimitSettings>;

/** The limit of the filter or of one level of routes. */
class Limit {
  readonly settings: LocalRateLimitSettings;
  readonly bucket: TokenBucket | null;
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
    this.bucket = settings.bucket === null ? null : context.shared.tokenBucket("requests", settings.bucket, owner);
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

export class LocalRateLimitFilter implements HttpFilter<undefined, LocalRateLimitSettings> {
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
    const { stats, bucket } = limit;
    if (!limit.enabled.includes()) return Continue;
    stats.enabled.inc();
    if (bucket === null || bucket.take()) {
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

  #ofRoute(settings: LocalRateLimitSettings): Limit {
    let limit = this.#ofRoutes.get(settings);
    if (limit === undefined) this.#ofRoutes.set(settings, (limit = new Limit(settings, this.#context, settings)));
    return limit;
  }
}
