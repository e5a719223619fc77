/** Configuration of the network filter: envoy.extensions.filters.network.ratelimit.v3.RateLimit. */
import { parsedBy } from "@sluice/sdk";
import type { RateLimitEntry, RateLimitOverride, RateLimitUnit } from "../shared/rate-limit/descriptors.ts";
import { GRPC_SERVICE_MESSAGES, type GrpcServiceSettings } from "../shared/rate-limit/grpc-service.ts";
import { Section } from "../shared/section.ts";
import { parseService, SERVICE } from "./service.ts";

export interface ConnectionDescriptorSettings {
  /** Values have command operators. */
  readonly entries: readonly RateLimitEntry[];
  readonly limit: RateLimitOverride | null;
}

export interface NetworkRateLimitSettings {
  readonly statPrefix: string;
  readonly domain: string;
  readonly descriptors: readonly ConnectionDescriptorSettings[];
  /** 0: none. */
  readonly timeoutMs: number;
  readonly deniesOnFailure: boolean;
  readonly service: GrpcServiceSettings;
}

const FIELDS = ["stat_prefix", "domain", "descriptors", "timeout", "failure_mode_deny", "rate_limit_service"];
const DESCRIPTOR = ["entries", "limit"];
const ENTRY = ["key", "value"];
const LIMIT = ["requests_per_unit", "unit"];
const common = "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor";

export const NETWORK_RATE_LIMIT_MESSAGES = {
  "envoy.extensions.filters.network.ratelimit.v3.RateLimit": FIELDS,
  [common]: DESCRIPTOR,
  [`${common}.Entry`]: ENTRY,
  [`${common}.RateLimitOverride`]: LIMIT,
  "envoy.config.ratelimit.v3.RateLimitServiceConfig": SERVICE,
  ...GRPC_SERVICE_MESSAGES,
} as const;

const UNITS: readonly string[] = ["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"] satisfies RateLimitUnit[];

export const networkRateLimitConfig = parsedBy((value): NetworkRateLimitSettings => {
  const section = new Section(value, FIELDS);
  const descriptors = section.list("descriptors", DESCRIPTOR).map(parseDescriptor);
  if (descriptors.length === 0) throw section.wrong("descriptors", "expected at least one descriptor");
  const service = parseService(section);
  const timeoutMs = section.durationMs("timeout");
  return {
    statPrefix: required(section, "stat_prefix"),
    domain: required(section, "domain"),
    descriptors,
    timeoutMs: timeoutMs >= 0 ? timeoutMs : service.timeoutMs >= 0 ? service.timeoutMs : 20,
    deniesOnFailure: section.boolean("failure_mode_deny", false),
    service,
  };
});

function parseDescriptor(descriptor: Section): ConnectionDescriptorSettings {
  const entries = descriptor
    .list("entries", ENTRY)
    .map((entry) => ({ key: required(entry, "key"), value: required(entry, "value") }));
  if (entries.length === 0) throw descriptor.wrong("entries", "expected at least one entry");
  const limit = descriptor.section("limit", LIMIT);
  if (limit === null) return { entries, limit: null };
  const unit = limit.string("unit");
  if (!UNITS.includes(unit)) throw limit.wrong("unit", `expected one of ${UNITS.join(", ")}`);
  const requestsPerUnit = limit.integer("requests_per_unit", 0, 0);
  return { entries, limit: { requestsPerUnit, unit: unit as RateLimitUnit } };
}

function required(section: Section, key: string): string {
  const value = section.string(key);
  if (value === "") throw section.wrong(key, "expected a text that is not empty");
  return value;
}
