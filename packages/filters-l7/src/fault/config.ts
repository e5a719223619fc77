/** Configuration of fault, of the filter and of routes alike: envoy.extensions.filters.http.fault.v3.HTTPFault. */
import { type FractionalPercent, parsedBy } from "@sluice/sdk";
import { parsePercentage } from "../shared/fraction.ts";
import { HEADER_MATCHER, type HeaderMatcherSettings, parseHeaderMatcher } from "../shared/header-matcher.ts";
import { Section } from "../shared/section.ts";

export interface DelaySettings {
  /** -1: a header of the request says it. */
  readonly fixedMs: number;
  readonly share: FractionalPercent;
}

export interface AbortSettings {
  /** 0: none. */
  readonly httpStatus: number;
  /** -1: none. */
  readonly grpcStatus: number;
  /** A header of the request says it. */
  readonly isByHeader: boolean;
  readonly share: FractionalPercent;
}

export interface RateSettings {
  /** KiB a second; -1: a header of the request says it. */
  readonly kbps: number;
  readonly share: FractionalPercent;
}

/** Runtime keys; each that is set takes the place of what is configured. */
export interface FaultKeys {
  readonly delayPercent: string;
  readonly delayDuration: string;
  readonly abortPercent: string;
  readonly abortHttpStatus: string;
  readonly abortGrpcStatus: string;
  readonly maxActiveFaults: string;
  readonly ratePercent: string;
}

export interface FaultSettings {
  /** null: nothing is delayed. */
  readonly delay: DelaySettings | null;
  readonly abort: AbortSettings | null;
  readonly rate: RateSettings | null;
  /** Empty: whichever. */
  readonly upstreamCluster: string;
  readonly headers: readonly HeaderMatcherSettings[];
  /** Empty: all. */
  readonly downstreamNodes: readonly string[];
  /** At a time; -1: any number. */
  readonly maxActiveFaults: number;
  readonly countsByCluster: boolean;
  /** What is left on streams that have a fault; null: nothing. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly keys: FaultKeys;
}

export const FAULT_MESSAGE = "envoy.extensions.filters.http.fault.v3.HTTPFault";

const FIELDS = [
  "delay",
  "abort",
  "upstream_cluster",
  "headers",
  "downstream_nodes",
  "max_active_faults",
  "response_rate_limit",
  "delay_percent_runtime",
  "abort_percent_runtime",
  "delay_duration_runtime",
  "abort_http_status_runtime",
  "max_active_faults_runtime",
  "response_rate_limit_percent_runtime",
  "abort_grpc_status_runtime",
  "disable_downstream_cluster_stats",
  "filter_metadata",
];
const DELAY = ["fixed_delay", "header_delay", "percentage"];
const ABORT = ["http_status", "grpc_status", "header_abort", "percentage"];
const RATE = ["fixed_limit", "header_limit", "percentage"];

const common = "envoy.extensions.filters.common.fault.v3";

export const FAULT_MESSAGES = {
  [FAULT_MESSAGE]: FIELDS,
  [`${common}.FaultDelay`]: DELAY,
  [`${common}.FaultDelay.HeaderDelay`]: [],
  [`${common}.FaultRateLimit`]: RATE,
  [`${common}.FaultRateLimit.FixedLimit`]: ["limit_kbps"],
  [`${common}.FaultRateLimit.HeaderLimit`]: [],
  "envoy.extensions.filters.http.fault.v3.FaultAbort": ABORT,
  "envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort": [],
};

export const faultConfig = parsedBy((value): FaultSettings => {
  const section = new Section(value, FIELDS);
  const metadata = section.get("filter_metadata") ?? null;
  if (metadata !== null && (typeof metadata !== "object" || Array.isArray(metadata)))
    throw section.wrong("filter_metadata", "expected a mapping");
  return {
    delay: parseDelay(section),
    abort: parseAbort(section),
    rate: parseRate(section),
    upstreamCluster: section.string("upstream_cluster"),
    headers: section.list("headers", HEADER_MATCHER).map(parseHeaderMatcher),
    downstreamNodes: texts(section, "downstream_nodes"),
    maxActiveFaults: section.integer("max_active_faults", -1, -1),
    countsByCluster: !section.boolean("disable_downstream_cluster_stats", false),
    metadata: metadata as Readonly<Record<string, unknown>> | null,
    keys: {
      delayPercent: key(section, "delay_percent_runtime", "fault.http.delay.fixed_delay_percent"),
      delayDuration: key(section, "delay_duration_runtime", "fault.http.delay.fixed_duration_ms"),
      abortPercent: key(section, "abort_percent_runtime", "fault.http.abort.abort_percent"),
      abortHttpStatus: key(section, "abort_http_status_runtime", "fault.http.abort.http_status"),
      abortGrpcStatus: key(section, "abort_grpc_status_runtime", "fault.http.abort.grpc_status"),
      maxActiveFaults: key(section, "max_active_faults_runtime", "fault.http.max_active_faults"),
      ratePercent: key(section, "response_rate_limit_percent_runtime", "fault.http.rate_limit.response_percent"),
    },
  };
});

function key(section: Section, field: string, otherwise: string): string {
  const given = section.string(field);
  return given === "" ? otherwise : given;
}

function texts(section: Section, field: string): readonly string[] {
  const list = section.get(field) ?? [];
  if (!Array.isArray(list) || !list.every((each) => typeof each === "string"))
    throw section.wrong(field, "expected a list of texts");
  return list;
}

/** The one of `fields` that is set. */
function only(section: Section, fields: readonly string[]): string {
  const [first, second] = fields.filter((field) => section.has(field));
  if (first === undefined || second !== undefined)
    throw section.wrong(second ?? fields[0]!, `expected one of ${fields.join(", ")}`);
  return first;
}

function parseDelay(owner: Section): DelaySettings | null {
  const section = owner.section("delay", DELAY);
  if (section === null) return null;
  const which = only(section, ["fixed_delay", "header_delay"]);
  const fixedMs = which === "fixed_delay" ? section.durationMs("fixed_delay") : -1;
  if (fixedMs === 0) throw section.wrong("fixed_delay", "expected more than 0s");
  return { fixedMs, share: parsePercentage(section, "percentage") };
}

function parseAbort(owner: Section): AbortSettings | null {
  const section = owner.section("abort", ABORT);
  if (section === null) return null;
  const which = only(section, ["http_status", "grpc_status", "header_abort"]);
  return {
    httpStatus: which === "http_status" ? section.integer("http_status", 0, 200, 599) : 0,
    grpcStatus: which === "grpc_status" ? section.integer("grpc_status", 0, 0) : -1,
    isByHeader: which === "header_abort",
    share: parsePercentage(section, "percentage"),
  };
}

function parseRate(owner: Section): RateSettings | null {
  const section = owner.section("response_rate_limit", RATE);
  if (section === null) return null;
  if (only(section, ["fixed_limit", "header_limit"]) === "header_limit")
    return { kbps: -1, share: parsePercentage(section, "percentage") };
  const limit = section.section("fixed_limit", ["limit_kbps"])!;
  const value = limit.get("limit_kbps") ?? 0;
  const kbps = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  if (typeof kbps !== "number" || !Number.isInteger(kbps) || kbps < 1)
    throw limit.wrong("limit_kbps", "expected a whole number from 1");
  return { kbps, share: parsePercentage(section, "percentage") };
}
