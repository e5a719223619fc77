/** Configuration of ratelimit: envoy.extensions.filters.http.ratelimit.v3.RateLimit; on routes RateLimitPerRoute. */
import { parsedBy } from "@sluice/sdk";
import { HEADER_VALUE_OPTION, type HeaderOption, parseHeaderOption } from "../shared/header-options.ts";
import { parseErrorStatus } from "../shared/http-status.ts";
import type { VhRateLimits } from "../shared/rate-limit/descriptors.ts";
import { GRPC_SERVICE_MESSAGES, type GrpcServiceSettings } from "../shared/rate-limit/grpc-service.ts";
import {
  parseHeadersVersion,
  parsePolicies,
  parseVhRateLimits,
  type PolicySettings,
} from "../shared/rate-limit/policies.ts";
import { Section } from "../shared/section.ts";
import { parseService, SERVICE } from "./service.ts";

export interface RateLimitSettings {
  readonly domain: string;
  readonly stage: number;
  readonly requestType: "internal" | "external" | "both";
  /** 0: none. */
  readonly timeoutMs: number;
  /** Requests are answered where the service gives no answer. */
  readonly deniesOnFailure: boolean;
  readonly asResourceExhausted: boolean;
  readonly service: GrpcServiceSettings;
  /** Answers say what is left: x-ratelimit-limit, -remaining, -reset. */
  readonly tellsLimits: boolean;
  /** Refused requests are told by `x-envoy-ratelimited`, so that nobody tries again. */
  readonly marksRefused: boolean;
  readonly status: number;
  readonly statusOnError: number;
  readonly responseHeaders: readonly HeaderOption[];
  /** Part of the names of the statistics; empty: none. */
  readonly statPrefix: string;
}

export interface RateLimitRouteSettings {
  readonly virtualHost: VhRateLimits;
  /** Empty: what route and virtual host say. */
  readonly rateLimits: readonly PolicySettings[];
  /** Empty: the filter's. */
  readonly domain: string;
}

const own = "envoy.extensions.filters.http.ratelimit.v3";
export const RATE_LIMIT_ROUTE_MESSAGE = `${own}.RateLimitPerRoute`;

const FIELDS = [
  "domain",
  "stage",
  "request_type",
  "timeout",
  "failure_mode_deny",
  "rate_limited_as_resource_exhausted",
  "rate_limit_service",
  "enable_x_ratelimit_headers",
  "disable_x_envoy_ratelimited_header",
  "rate_limited_status",
  "response_headers_to_add",
  "status_on_error",
  "stat_prefix",
];
const ROUTE_FIELDS = ["vh_rate_limits", "rate_limits", "domain"];
const action = `${own}.RateLimitConfig.Action`;

export const RATE_LIMIT_MESSAGES = {
  [`${own}.RateLimit`]: FIELDS,
  [RATE_LIMIT_ROUTE_MESSAGE]: ROUTE_FIELDS,
  "envoy.config.ratelimit.v3.RateLimitServiceConfig": SERVICE,
  ...GRPC_SERVICE_MESSAGES,
  [`${own}.RateLimitConfig`]: ["stage", "disable_key", "actions", "limit"],
  [action]: [
    "destination_cluster",
    "request_headers",
    "remote_address",
    "generic_key",
    "header_value_match",
    "metadata",
  ],
  [`${action}.DestinationCluster`]: [],
  [`${action}.RequestHeaders`]: ["header_name", "descriptor_key", "skip_if_absent"],
  [`${action}.RemoteAddress`]: [],
  [`${action}.GenericKey`]: ["descriptor_value", "descriptor_key"],
  [`${action}.HeaderValueMatch`]: ["descriptor_value", "expect_match", "headers"],
  [`${action}.MetaData`]: ["descriptor_key", "metadata_key", "default_value", "source", "skip_if_absent"],
  [`${own}.RateLimitConfig.Override`]: ["dynamic_metadata"],
  [`${own}.RateLimitConfig.Override.DynamicMetadata`]: ["metadata_key"],
} as const;

const REQUEST_TYPES: readonly string[] = ["internal", "external", "both"] satisfies RateLimitSettings["requestType"][];

export const rateLimitConfig = parsedBy((value): RateLimitSettings => {
  const section = new Section(value, FIELDS);
  const domain = section.string("domain");
  if (domain === "") throw section.wrong("domain", "expected the domain of the limits");
  const requestType = section.string("request_type") || "both";
  if (!REQUEST_TYPES.includes(requestType))
    throw section.wrong("request_type", `expected one of ${REQUEST_TYPES.join(", ")}`);
  const service = parseService(section);
  const timeoutMs = section.durationMs("timeout");
  return {
    domain,
    stage: section.integer("stage", 0, 0, 10),
    requestType: requestType as RateLimitSettings["requestType"],
    timeoutMs: timeoutMs >= 0 ? timeoutMs : service.timeoutMs >= 0 ? service.timeoutMs : 20,
    deniesOnFailure: section.boolean("failure_mode_deny", false),
    asResourceExhausted: section.boolean("rate_limited_as_resource_exhausted", false),
    service,
    tellsLimits: parseHeadersVersion(section),
    marksRefused: !section.boolean("disable_x_envoy_ratelimited_header", false),
    status: parseErrorStatus(section, "rate_limited_status", 429),
    statusOnError: parseErrorStatus(section, "status_on_error", 500),
    responseHeaders: section.list("response_headers_to_add", HEADER_VALUE_OPTION).map(parseHeaderOption),
    statPrefix: section.string("stat_prefix"),
  };
});

export const rateLimitRouteConfig = parsedBy((value): RateLimitRouteSettings => {
  const section = new Section(value, ROUTE_FIELDS);
  return {
    virtualHost: parseVhRateLimits(section),
    rateLimits: parsePolicies(section, "rate_limits"),
    domain: section.string("domain"),
  };
});
