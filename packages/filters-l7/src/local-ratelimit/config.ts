/** Configuration of local_ratelimit, of the filter and of routes alike: envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit. */
import { parsedBy } from "@sluice/sdk";
import { HEADER_VALUE_OPTION, type HeaderOption, parseHeaderOption } from "../shared/header-options.ts";
import { type RuntimeFractionSettings, parseFraction } from "../shared/fraction.ts";
import { parseErrorStatus } from "../shared/http-status.ts";
import { Section } from "../shared/section.ts";

export interface BucketSettings {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
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
];

export const LOCAL_RATE_LIMIT_MESSAGES = { [LOCAL_RATE_LIMIT_MESSAGE]: FIELDS };

function parse(value: unknown): LocalRateLimitSettings {
  const section = new Section(value, FIELDS);
  const statPrefix = section.string("stat_prefix");
  if (statPrefix === "") throw section.wrong("stat_prefix", "expected the prefix of the statistics");
  return {
    statPrefix,
    status: parseErrorStatus(section, "status", 429),
    bucket: parseBucket(section),
    enabled: parseFraction(section, "filter_enabled"),
    enforced: parseFraction(section, "filter_enforced"),
    responseHeaders: section.list("response_headers_to_add", HEADER_VALUE_OPTION).map(parseHeaderOption),
    requestHeadersWhenNotEnforced: section
      .list("request_headers_to_add_when_not_enforced", HEADER_VALUE_OPTION)
      .map(parseHeaderOption),
    asResourceExhausted: section.boolean("rate_limited_as_resource_exhausted", false),
  };
}

function parseBucket(section: Section): BucketSettings | null {
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
