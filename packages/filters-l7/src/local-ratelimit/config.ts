/** Configuration of local_ratelimit, of the filter and of routes alike: envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { HEADER_VALUE_OPTION, type HeaderOption, parseHeaderOption } from "../shared/header-options.ts";
import { type RuntimeFractionSettings, parseFraction } from "../shared/fraction.ts";
import { parseErrorStatus } from "../shared/http-status.ts";
import type { BucketSettings } from "../shared/rate-limit/buckets.ts";
import { descriptorKey, type RateLimitEntry, type VhRateLimits } from "../shared/rate-limit/descriptors.ts";
import {
  parseHeadersVersion,
  parsePolicies,
  parseVhRateLimits,
  type PolicySettings,
} from "../shared/rate-limit/policies.ts";
import { Section } from "../shared/section.ts";

export interface DescriptorSettings {
  /** An empty value: each that comes has a bucket. */
  readonly entries: readonly RateLimitEntry[];
  readonly bucket: BucketSettings;
}

export interface LocalRateLimitSettings {
  readonly statPrefix: string;
  readonly status: number;
  /** null: nothing is limited. */
  readonly bucket: BucketSettings | null;
  readonly enabled: RuntimeFractionSettings;
  readonly enforced: RuntimeFractionSettings;
  readonly responseHeaders: readonly HeaderOption[];
  readonly requestHeadersWhenNotEnforced: readonly HeaderOption[];
  /** gRPC clients get RESOURCE_EXHAUSTED instead of UNAVAILABLE. */
  readonly asResourceExhausted: boolean;
  readonly descriptors: readonly DescriptorSettings[];
  /** Buckets of each descriptor with open values that are remembered. */
  readonly maxDynamicDescriptors: number;
  /** What makes the descriptors of requests; empty: what their routes say. */
  readonly rateLimits: readonly PolicySettings[];
  readonly stage: number;
  readonly virtualHost: VhRateLimits;
  /** Requests that have a descriptor take of the bucket for all too. */
  readonly alwaysConsumesDefault: boolean;
  /** Each connection of a client has buckets of its own. */
  readonly isPerConnection: boolean;
  /** Answers say what is left: x-ratelimit-limit, -remaining, -reset. */
  readonly tellsLimits: boolean;
}

export const LOCAL_RATE_LIMIT_MESSAGE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

const FIELDS = [
  "stat_prefix",
  "status",
  "token_bucket",
  "filter_enabled",
  "filter_enforced",
  "response_headers_to_add",
  "request_headers_to_add_when_not_enforced",
  "rate_limited_as_resource_exhausted",
  "descriptors",
  "max_dynamic_descriptors",
  "rate_limits",
  "stage",
  "vh_rate_limits",
  "always_consume_default_token_bucket",
  "local_rate_limit_per_downstream_connection",
  "enable_x_ratelimit_headers",
];
const MOST_DYNAMIC = 2 ** 20;
/** Tokens a millisecond of buckets of empty values. */
const FASTEST_OPEN = 1e6;
const DESCRIPTOR = ["entries", "token_bucket"];
const ENTRY = ["key", "value"];

export const LOCAL_RATE_LIMIT_MESSAGES = {
  [LOCAL_RATE_LIMIT_MESSAGE]: FIELDS,
  "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": DESCRIPTOR,
  "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry": ENTRY,
};

function parse(value: unknown): LocalRateLimitSettings {
  const section = new Section(value, FIELDS);
  const statPrefix = section.string("stat_prefix");
  if (statPrefix === "") throw section.wrong("stat_prefix", "expected the prefix of the statistics");
  const stage = section.integer("stage", 0, 0, 10);
  const descriptors = parseDescriptors(section);
  return {
    statPrefix,
    status: parseErrorStatus(section, "status", 429),
    bucket: parseTokenBucket(section),
    enabled: parseFraction(section, "filter_enabled"),
    enforced: parseFraction(section, "filter_enforced"),
    responseHeaders: section.list("response_headers_to_add", HEADER_VALUE_OPTION).map(parseHeaderOption),
    requestHeadersWhenNotEnforced: section
      .list("request_headers_to_add_when_not_enforced", HEADER_VALUE_OPTION)
      .map(parseHeaderOption),
    asResourceExhausted: section.boolean("rate_limited_as_resource_exhausted", false),
    descriptors,
    maxDynamicDescriptors: parseMostDynamic(section, descriptors),
    rateLimits: parseOwnPolicies(section, stage),
    stage,
    virtualHost: parseVhRateLimits(section),
    alwaysConsumesDefault: section.boolean("always_consume_default_token_bucket", true),
    isPerConnection: section.boolean("local_rate_limit_per_downstream_connection", false),
    tellsLimits: parseHeadersVersion(section),
  };
}

/** Of this filter alone, and so of its stage. What would be of no effect is refused, as Envoy does. */
function parseOwnPolicies(section: Section, ownStage: number): PolicySettings[] {
  return parsePolicies(section, "rate_limits").map((policy, i) => {
    const { stage, disableKey, limit } = policy;
    const at = [...section.path, "rate_limits", i];
    if (stage !== 0 && stage !== ownStage)
      throw new ConfigError(`expected ${ownStage}, the filter's`, [...at, "stage"]);
    if (disableKey !== "")
      throw new ConfigError("expected none: filter_enabled is what turns off", [...at, "disable_key"]);
    if (limit !== null) throw new ConfigError("expected none: the limits are those of descriptors", [...at, "limit"]);
    return { ...policy, stage: ownStage };
  });
}

function parseDescriptors(section: Section): DescriptorSettings[] {
  const known = new Set<string>();
  return section.list("descriptors", DESCRIPTOR).map((descriptor) => {
    const entries = descriptor.list("entries", ENTRY).map((entry) => {
      const key = entry.string("key");
      if (key === "") throw entry.wrong("key", "expected a text that is not empty");
      return { key, value: entry.string("value") };
    });
    if (entries.length === 0) throw descriptor.wrong("entries", "expected at least one entry");
    const bucket = parseTokenBucket(descriptor);
    if (bucket === null) throw descriptor.wrong("token_bucket", "expected the bucket of this descriptor");
    const key = descriptorKey(entries);
    if (known.has(key)) throw descriptor.wrong("entries", "expected another descriptor: this one stands above");
    known.add(key);
    const made = { entries, bucket };
    if (isOpen(made) && bucket.tokensPerFill > bucket.fillIntervalMs * FASTEST_OPEN)
      throw descriptor.wrong("token_bucket", "expected at most a million tokens for each millisecond of fill_interval");
    return made;
  });
}

function isOpen({ entries }: DescriptorSettings): boolean {
  return entries.some(({ value }) => value === "");
}

/** All of them lie in memory that is reserved at the start. A route's are made when it is first taken: by then nobody can be told that they do not fit. */
function parseMostDynamic(section: Section, descriptors: readonly DescriptorSettings[]): number {
  const open = descriptors.filter(isOpen).length;
  const most = section.integer("max_dynamic_descriptors", 20, 1, MOST_DYNAMIC);
  if (most * open > MOST_DYNAMIC)
    throw section.wrong(
      "max_dynamic_descriptors",
      `expected at most ${Math.floor(MOST_DYNAMIC / open)}: ${open} descriptors have as many each`,
    );
  return most;
}

function parseTokenBucket(section: Section): BucketSettings | null {
  const bucket = section.section("token_bucket", ["max_tokens", "tokens_per_fill", "fill_interval"]);
  if (bucket === null) return null;
  const fillIntervalMs = bucket.durationMs("fill_interval");
  if (fillIntervalMs < 50) throw bucket.wrong("fill_interval", "expected at least 0.05s");
  return {
    maxTokens: bucket.integer("max_tokens", 0, 1),
    tokensPerFill: bucket.integer("tokens_per_fill", 1, 1),
    fillIntervalMs,
  };
}

export const localRateLimitConfig = parsedBy(parse);

export const localRateLimitRouteConfig = parsedBy((value): LocalRateLimitSettings => {
  const settings = parse(value);
  if (settings.bucket === null)
    throw new Section(value, FIELDS).wrong("token_bucket", "expected the bucket of this route");
  return settings;
});
