/** One limit, ready for requests: whom a request counts for, what the script is told, and what decides in this process while Redis is away. */
import type { FilterContext, HttpStream, RateLimitPolicy, RequestHeaders, TokenBuckets } from "@sluice/sdk";
import { identityOf, storedName } from "../shared/identity.ts";
import { RequestDescriptors, descriptorKey } from "../shared/rate-limit/descriptors.ts";
import { compilePolicies } from "../shared/rate-limit/policies.ts";
import type { LimitSettings, RedisRateLimitSettings } from "./config.ts";
import type { Verdict } from "./store.ts";

/** No key of a request is empty. */
const NOBODY = "";

export class Limit {
  readonly settings: LimitSettings;
  /** What the script is told of it, behind its key. */
  readonly words: readonly string[];
  /** `RateLimit-Policy` and `X-RateLimit-Limit` of it. */
  readonly policy: string;
  readonly quota: string;
  readonly #prefix: string;
  readonly #policies: readonly RateLimitPolicy[] | null;
  readonly #descriptors: RequestDescriptors | null;
  /** null where it is not this that decides without Redis. */
  readonly #local: TokenBuckets | null;
  /** Milliseconds that a token takes to come back, here. */
  readonly #localTokenMs: number;
  readonly #localSize: number;

  constructor(settings: LimitSettings, filter: RedisRateLimitSettings, context: FilterContext, owner?: object) {
    const { name, algorithm, size, tokensPerFill, fillIntervalMs, cost } = settings;
    this.settings = settings;
    this.words = [algorithm, size, tokensPerFill, fillIntervalMs * 1000, cost].map(String);
    const seconds = Math.max(1, Math.ceil(fillIntervalMs / 1000));
    this.policy = `"${name}";q=${tokensPerFill};w=${seconds}`;
    this.quota = `${tokensPerFill};w=${seconds};name="${name}"`;
    this.#prefix = `sluice:${filter.domain}:${name}:`;
    const { policies } = settings;
    this.#policies = policies === null ? null : compilePolicies(policies, context);
    this.#descriptors = policies === null ? null : new RequestDescriptors(0, context.runtime);
    const { maxKeys, percent } = filter.fallback;
    this.#localSize = Math.max(cost, Math.floor((size * percent) / 100));
    const localInterval = (fillIntervalMs * 100) / percent;
    this.#localTokenMs = localInterval / tokensPerFill;
    const options = { maxTokens: this.#localSize, tokensPerFill, fillIntervalMs: localInterval, maxKeys };
    this.#local = filter.failureMode === "local" ? context.shared.tokenBuckets(`limit ${name}`, options, owner) : null;
  }

  /** Adds whom the request counts for; nobody: the limit does not apply. */
  addKeys(keys: string[], headers: RequestHeaders, stream: HttpStream<unknown, unknown>): void {
    if (this.#policies === null) {
      const key = this.#keyOf(headers, stream);
      if (key !== null) keys.push(key);
      return;
    }
    const found = this.#descriptors!.by(this.#policies, stream as HttpStream);
    for (let i = 0; i < found.length; i++) {
      const key = this.#prefix + storedName(descriptorKey(found[i]!.entries));
      // Two policies may find the same: a script that has a key twice takes of it once, two scripts take twice.
      if (!keys.includes(key)) keys.push(key);
    }
  }

  #keyOf(headers: RequestHeaders, stream: HttpStream<unknown, unknown>): string | null {
    const identity = identityOf(this.settings.key, headers, stream);
    if (identity === null) return this.settings.missing === "skip" ? null : this.#prefix + NOBODY;
    return this.#prefix + storedName(identity);
  }

  takeLocally(key: string): boolean {
    return this.#local!.take(key, this.settings.cost);
  }

  giveBack(key: string): void {
    this.#local!.charge(key, -this.settings.cost);
  }

  verdictOf(key: string, admits: boolean): Verdict {
    const remaining = Math.max(0, this.#local!.remaining(key));
    return {
      admits,
      remaining,
      waitMs: admits ? 0 : this.#local!.retryAfterMs(key, this.settings.cost),
      fullMs: (this.#localSize - remaining) * this.#localTokenMs,
    };
  }
}
