/** Configuration of redis_ratelimit, of the filter and of routes: limits with whom they count for, how Redis is reached, and what happens without it. */
import { ConfigError, type JsonSchema, parsedBy } from "@sluice/sdk";
import { type IdentityPart, parseIdentity } from "../shared/identity.ts";
import { parseErrorStatus } from "../shared/http-status.ts";
import { type PolicySettings, parsePolicies } from "../shared/rate-limit/policies.ts";
import { Section } from "../shared/section.ts";
import { REDIS_FIELDS, type RedisSettings, parseRedis } from "./config-redis.ts";

export interface LimitSettings {
  /** Names the limit in Redis, in headers and in logs. */
  readonly name: string;
  readonly algorithm: "gcra" | "token_bucket";
  /** How many may come at once. */
  readonly size: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
  readonly cost: number;
  /** Empty where policies make the keys. */
  readonly key: readonly IdentityPart[];
  /** Envoy's actions: each policy whose descriptor a request has makes a key. null: `key` does. */
  readonly policies: readonly PolicySettings[] | null;
  /** What becomes of requests that lack a part of the key. */
  readonly missing: "shared" | "skip";
}

/** What decides while Redis does not answer: a limiter of this process, nothing (all pass), or nothing (none pass). */
export type FailureMode = "local" | "open" | "closed";
export type HeaderStyle = "ratelimit" | "x-ratelimit";

export interface RedisRateLimitSettings {
  readonly redis: RedisSettings;
  readonly domain: string;
  readonly limits: readonly LimitSettings[];
  readonly timeoutMs: number;
  readonly failureMode: FailureMode;
  readonly fallback: { readonly maxKeys: number; readonly percent: number };
  readonly status: number;
  readonly statusOnError: number;
  readonly headers: readonly HeaderStyle[];
  readonly asResourceExhausted: boolean;
}

export interface RedisRateLimitRouteSettings {
  readonly limits: readonly LimitSettings[];
}

const FIELDS = [
  "redis",
  "domain",
  "limits",
  "timeout",
  "failure_mode",
  "local_fallback",
  "status",
  "status_on_error",
  "headers",
  "rate_limited_as_resource_exhausted",
];
const LIMIT = ["name", "gcra", "token_bucket", "cost", "key", "missing", "rate_limits"];
const GCRA = ["requests", "per", "burst"];
const BUCKET = ["max_tokens", "tokens_per_fill", "fill_interval"];
const FALLBACK = ["max_keys", "percent"];
const NAME = /^[\w.-]{1,64}$/;
const STYLES: readonly HeaderStyle[] = ["ratelimit", "x-ratelimit"];
/** So that all of a request's limits fit into one call that Redis is done with at once. */
const MOST_LIMITS = 16;
const LONGEST_MS = 366 * 86_400_000;

export const redisRateLimitConfig = parsedBy((value): RedisRateLimitSettings => {
  const section = new Section(value, FIELDS);
  const domain = section.string("domain", "default");
  if (!NAME.test(domain)) throw section.wrong("domain", "expected 1 to 64 letters, digits, _, . and -");
  const timeoutMs = section.has("timeout") ? section.durationMs("timeout") : 20;
  if (timeoutMs < 1 || timeoutMs > 10_000) throw section.wrong("timeout", "expected 0.001s to 10s");
  const fallback = section.section("local_fallback", FALLBACK);
  const failureMode = oneOf(section, "failure_mode", ["local", "open", "closed"] as const, "local");
  if (fallback !== null && failureMode !== "local")
    throw section.wrong("local_fallback", `failure_mode is ${failureMode}, which needs none`);
  return {
    redis: parseRedis(section, "redis"),
    domain,
    limits: parseLimits(section),
    timeoutMs,
    failureMode,
    fallback: {
      maxKeys: fallback?.integer("max_keys", 10_000, 1, 2 ** 20) ?? 10_000,
      percent: fallback?.integer("percent", 100, 1, 100) ?? 100,
    },
    status: parseErrorStatus(section, "status", 429),
    statusOnError: parseErrorStatus(section, "status_on_error", 500),
    headers: parseStyles(section),
    asResourceExhausted: section.boolean("rate_limited_as_resource_exhausted", false),
  };
});

export const redisRateLimitRouteConfig = parsedBy(
  (value): RedisRateLimitRouteSettings => ({ limits: parseLimits(new Section(value, ["limits"])) }),
);

function parseLimits(section: Section): LimitSettings[] {
  const limits = section.list("limits", LIMIT).map(parseLimit);
  if (limits.length === 0 || limits.length > MOST_LIMITS)
    throw section.wrong("limits", `expected a list of 1 to ${MOST_LIMITS} limits`);
  limits.forEach(({ name }, i) => {
    if (limits.findIndex((limit) => limit.name === name) !== i)
      throw new ConfigError(`another limit has the name ${name}`, [...section.path, "limits", i, "name"]);
  });
  return limits;
}

function parseLimit(section: Section): LimitSettings {
  const name = section.string("name");
  if (!NAME.test(name)) throw section.wrong("name", "expected 1 to 64 letters, digits, _, . and -");
  const rate = parseRate(section);
  const cost = section.integer("cost", 1, 1);
  if (cost > rate.size) throw section.wrong("cost", `expected at most ${rate.size}: no request would ever pass`);
  return {
    name,
    ...rate,
    cost,
    ...parseWhom(section),
  };
}

function parseWhom(section: Section): Pick<LimitSettings, "key" | "policies" | "missing"> {
  if (!section.has("rate_limits")) {
    const missing = oneOf(section, "missing", ["shared", "skip"] as const, "shared");
    return { key: parseIdentity(section, "key"), policies: null, missing };
  }
  for (const word of ["key", "missing"])
    if (section.has(word)) throw section.wrong(word, "rate_limits tell whom the limit is for");
  const policies = parsePolicies(section, "rate_limits");
  if (policies.length === 0 || policies.length > MOST_LIMITS)
    throw section.wrong("rate_limits", `expected a list of 1 to ${MOST_LIMITS} policies`);
  for (const [i, { stage, limit }] of policies.entries()) {
    const at = [...section.path, "rate_limits", i];
    if (stage !== 0) throw new ConfigError("expected 0: these policies are for this filter alone", [...at, "stage"]);
    if (limit !== null) throw new ConfigError("expected none: the limit is what this one says", [...at, "limit"]);
  }
  return { key: [], policies, missing: "skip" };
}

type Rate = Pick<LimitSettings, "algorithm" | "size" | "tokensPerFill" | "fillIntervalMs">;

function parseRate(section: Section): Rate {
  const gcra = section.section("gcra", GCRA);
  const bucket = section.section("token_bucket", BUCKET);
  if ((gcra === null) === (bucket === null)) throw section.wrong("gcra", "expected gcra or token_bucket");
  const of = (gcra ?? bucket)!;
  const fillIntervalMs = parseInterval(of, gcra === null ? "fill_interval" : "per");
  if (gcra !== null) {
    const requests = gcra.integer("requests", 0, 1);
    const size = gcra.integer("burst", requests, 1);
    return checked(gcra, "requests", { algorithm: "gcra", size, tokensPerFill: requests, fillIntervalMs });
  }
  const size = of.integer("max_tokens", 0, 1);
  const tokensPerFill = of.integer("tokens_per_fill", 1, 1);
  return checked(of, "tokens_per_fill", { algorithm: "token_bucket", size, tokensPerFill, fillIntervalMs });
}

function parseInterval(section: Section, key: string): number {
  const ms = section.durationMs(key);
  if (ms < 1 || ms > LONGEST_MS) throw section.wrong(key, "expected 0.001s to 366 days");
  return ms;
}

function checked(section: Section, key: string, rate: Rate): Rate {
  if (rate.fillIntervalMs / rate.tokensPerFill < 0.001)
    throw section.wrong(key, "expected at most one request for each microsecond");
  return rate;
}

function parseStyles(section: Section): HeaderStyle[] {
  const value = section.get("headers") ?? [];
  if (!Array.isArray(value) || !value.every((style) => STYLES.includes(style as HeaderStyle)))
    throw section.wrong("headers", `expected a list of ${STYLES.join(", ")}`);
  return STYLES.filter((style) => value.includes(style));
}

function oneOf<Word extends string>(section: Section, key: string, words: readonly Word[], fallback: Word): Word {
  const value = section.get(key) ?? fallback;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw section.wrong(key, `expected one of ${words.join(", ")}`);
  return word;
}

// ---- for editors ----------------------------------------------------------------------------------------------------------------------------

const COUNT: JsonSchema = { type: "integer", minimum: 1 };
const DURATION: JsonSchema = { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?s$" };
const mapping = (properties: Readonly<Record<string, unknown>>, required: readonly string[] = []): JsonSchema => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const STATUS: JsonSchema = { type: "object" };
const LIMITS: JsonSchema = {
  type: "array",
  minItems: 1,
  maxItems: MOST_LIMITS,
  items: mapping(
    {
      name: { type: "string", pattern: NAME.source },
      gcra: mapping({ requests: COUNT, per: DURATION, burst: COUNT }, ["requests", "per"]),
      token_bucket: mapping({ max_tokens: COUNT, tokens_per_fill: COUNT, fill_interval: DURATION }, [
        "max_tokens",
        "fill_interval",
      ]),
      cost: COUNT,
      key: { type: "array", minItems: 1, items: { type: "object" } },
      missing: { enum: ["shared", "skip"] },
      rate_limits: { type: "array", minItems: 1, maxItems: MOST_LIMITS, items: { type: "object" } },
    },
    ["name"],
  ),
};

export const REDIS_RATE_LIMIT_JSON_SCHEMA: JsonSchema = mapping(
  {
    redis: { anyOf: [{ type: "string" }, mapping(Object.fromEntries(REDIS_FIELDS.map((field) => [field, {}])))] },
    domain: { type: "string", pattern: NAME.source },
    limits: LIMITS,
    timeout: DURATION,
    failure_mode: { enum: ["local", "open", "closed"] },
    local_fallback: mapping({ max_keys: COUNT, percent: COUNT }),
    status: STATUS,
    status_on_error: STATUS,
    headers: { type: "array", items: { enum: [...STYLES] } },
    rate_limited_as_resource_exhausted: { type: "boolean" },
  },
  ["redis", "limits"],
);
export const REDIS_RATE_LIMIT_ROUTE_JSON_SCHEMA: JsonSchema = mapping({ limits: LIMITS }, ["limits"]);
