/** Hot path: docs/extending/hot-path-rules.md. Asks Redis whether a request may pass, for no longer than its time-out; what happens without an answer is configured. */
import {
  Continue,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type LocalReplyOptions,
  type RequestHeaders,
  type ResponseHeaders,
  StopAndWatermark,
  type Timer,
  type Verdict as HookVerdict,
  reply,
} from "@sluice/sdk";
import type { RedisRateLimitRouteSettings, RedisRateLimitSettings } from "./config.ts";
import { addHeaders, seconds, waitOf } from "./headers.ts";
import { Limit } from "./limit.ts";
import { RedisRateLimitStats } from "./stats.ts";
import type { Store, Verdict, Waiting } from "./store.ts";

type Stream = HttpStream<Decision, RedisRateLimitRouteSettings>;

/** What becomes of one request; waits for Redis. */
export class Decision implements Waiting {
  filter: RedisRateLimitFilter | null = null;
  /** null: nobody waits any more. */
  stream: Stream | null = null;
  /** Those that apply, their keys in Redis, and what each of them says. */
  limits: Limit[] = [];
  keys: string[] = [];
  verdicts: readonly Verdict[] = [];
  timer: Timer | null = null;
  sinceMs = 0;

  decided(verdicts: readonly Verdict[] | null): void {
    this.filter!.decided(this, verdicts);
  }
}

export class RedisRateLimitFilter implements HttpFilter<Decision, RedisRateLimitRouteSettings> {
  readonly #settings: RedisRateLimitSettings;
  readonly #context: FilterContext;
  readonly #store: Store;
  readonly #stats: RedisRateLimitStats;
  readonly #own: readonly Limit[];
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<RedisRateLimitRouteSettings, readonly Limit[]>();

  constructor(settings: RedisRateLimitSettings, context: FilterContext, store: Store) {
    this.#settings = settings;
    this.#context = context;
    this.#store = store;
    this.#stats = new RedisRateLimitStats(context.stats);
    this.#own = settings.limits.map((limit) => new Limit(limit, settings, context));
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): HookVerdict {
    const limits = stream.routeConfig === undefined ? this.#own : this.#ofRoute(stream.routeConfig);
    const decision = stream.state;
    const words: string[] = [];
    for (let i = 0; i < limits.length; i++) {
      const limit = limits[i]!;
      limit.addKeys(decision.keys, headers, stream);
      while (decision.limits.length < decision.keys.length) {
        decision.limits.push(limit);
        for (let j = 0; j < limit.words.length; j++) words.push(limit.words[j]!);
      }
    }
    if (decision.keys.length === 0) return Continue;
    decision.filter = this;
    if (!this.#store.decide(decision.keys, words, decision)) {
      this.#stats.redisError.inc();
      const options = this.#withoutRedis(decision);
      return options === null ? Continue : reply(options);
    }
    decision.stream = stream;
    decision.sinceMs = this.#context.clock.now();
    decision.timer = stream.setTimer(onTimeout, this.#settings.timeoutMs);
    return StopAndWatermark;
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, { state: { limits, verdicts } }: Stream): HookVerdict {
    const styles = this.#settings.headers;
    if (styles.length > 0 && verdicts.length > 0) addHeaders(headers, styles, limits, verdicts);
    return Continue;
  }

  onDestroy({ state }: Stream): void {
    state.stream = null;
  }

  dispose(): void {
    this.#store.close();
  }

  decided(decision: Decision, verdicts: readonly Verdict[] | null): void {
    const { stream } = decision;
    if (stream === null) return;
    decision.timer!.cancel();
    this.#stats.wait.record(this.#context.clock.now() - decision.sinceMs);
    if (verdicts === null) this.#stats.redisError.inc();
    this.#go(decision, stream, verdicts === null ? this.#withoutRedis(decision) : this.#judge(decision, verdicts));
  }

  late(decision: Decision, stream: Stream): void {
    this.#store.overdue();
    this.#stats.redisTimeout.inc();
    this.#stats.wait.record(this.#context.clock.now() - decision.sinceMs);
    this.#go(decision, stream, this.#withoutRedis(decision));
  }

  #go(decision: Decision, stream: Stream, options: LocalReplyOptions | null): void {
    decision.stream = null;
    if (options === null) stream.request.resume();
    else stream.reply(options);
  }

  /** null: it passes. */
  #judge(decision: Decision, verdicts: readonly Verdict[]): LocalReplyOptions | null {
    decision.verdicts = verdicts;
    for (let i = 0; i < verdicts.length; i++) if (!verdicts[i]!.admits) return this.#overLimit(verdicts);
    this.#stats.ok.inc();
    return null;
  }

  #overLimit(verdicts: readonly Verdict[]): LocalReplyOptions {
    this.#stats.overLimit.inc();
    const { status, asResourceExhausted } = this.#settings;
    return {
      status,
      headers: { "retry-after": String(Math.max(1, seconds(waitOf(verdicts)))) },
      body: "rate limited",
      details: "redis_rate_limited",
      flag: "RL",
      ...(asResourceExhausted ? { grpcStatus: 8 } : {}),
    };
  }

  #withoutRedis(decision: Decision): LocalReplyOptions | null {
    const { failureMode, statusOnError } = this.#settings;
    if (failureMode === "local") {
      this.#stats.fallback.inc();
      return this.#judge(decision, takeLocally(decision));
    }
    if (failureMode === "open") {
      this.#stats.failureModeAllowed.inc();
      return null;
    }
    this.#stats.failureModeDenied.inc();
    return { status: statusOnError, body: "", details: "redis_ratelimit_error", flag: "RLSE" };
  }

  #ofRoute(settings: RedisRateLimitRouteSettings): readonly Limit[] {
    let limits = this.#ofRoutes.get(settings);
    if (limits === undefined) {
      limits = settings.limits.map((limit) => new Limit(limit, this.#settings, this.#context, settings));
      this.#ofRoutes.set(settings, limits);
    }
    return limits;
  }
}

/** Of all limits or of none. */
function takeLocally({ limits, keys }: Decision): Verdict[] {
  const taken: boolean[] = [];
  let all = true;
  for (let i = 0; i < limits.length; i++) {
    taken.push(limits[i]!.takeLocally(keys[i]!));
    all &&= taken[i]!;
  }
  return limits.map((limit, i) => {
    if (!all && taken[i]!) limit.giveBack(keys[i]!);
    return limit.verdictOf(keys[i]!, taken[i]!);
  });
}

/** Of the module, so that no request needs one of its own. */
function onTimeout(stream: Stream): void {
  if (stream.state.stream !== null) stream.state.filter!.late(stream.state, stream);
}
