/** Configuration of admission_control: envoy.extensions.filters.http.admission_control.v3.AdmissionControl. */
import { parsedBy } from "@sluice/sdk";
import { type FeatureFlagSettings, parseFeatureFlag } from "../shared/feature-flag.ts";
import {
  RUNTIME_NUMBER_MESSAGES,
  type RuntimeNumberSettings,
  parseRuntimeDouble,
  parseRuntimeInteger,
  parseRuntimePercent,
} from "../shared/runtime-number.ts";
import { Section } from "../shared/section.ts";

/** Statuses from `start` (in) to `end` (out). */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

export interface AdmissionControlSettings {
  readonly enabled: FeatureFlagSettings;
  readonly httpSuccess: readonly StatusRange[];
  readonly grpcSuccess: readonly number[];
  readonly windowMs: number;
  readonly aggression: RuntimeNumberSettings;
  /** Percent. */
  readonly successRateThreshold: RuntimeNumberSettings;
  /** Requests a second. */
  readonly rpsThreshold: RuntimeNumberSettings;
  /** Percent. */
  readonly maxRejectionProbability: RuntimeNumberSettings;
}

export const ADMISSION_CONTROL_MESSAGE = "envoy.extensions.filters.http.admission_control.v3.AdmissionControl";

const FIELDS = [
  "enabled",
  "success_criteria",
  "sampling_window",
  "aggression",
  "sr_threshold",
  "rps_threshold",
  "max_rejection_probability",
];
const CRITERIA = ["http_criteria", "grpc_criteria"];
const RANGE = ["start", "end"];

export const ADMISSION_CONTROL_MESSAGES = {
  [ADMISSION_CONTROL_MESSAGE]: FIELDS,
  [`${ADMISSION_CONTROL_MESSAGE}.SuccessCriteria`]: CRITERIA,
  [`${ADMISSION_CONTROL_MESSAGE}.SuccessCriteria.HttpCriteria`]: ["http_success_status"],
  [`${ADMISSION_CONTROL_MESSAGE}.SuccessCriteria.GrpcCriteria`]: ["grpc_success_status"],
  "envoy.type.v3.Int32Range": RANGE,
  "envoy.config.core.v3.RuntimeFeatureFlag": ["default_value", "runtime_key"],
  ...RUNTIME_NUMBER_MESSAGES,
};

const NOT_5XX: readonly StatusRange[] = [{ start: 0, end: 500 }];
/** Envoy: what tells of the caller rather than of the server. */
const NOT_THE_SERVERS = [0, 1, 2, 3, 5, 6, 9, 11, 12, 16];

/** Of the window: one slot a second. */
const LONGEST_MS = 86_400_000;

export const admissionControlConfig = parsedBy((value): AdmissionControlSettings => {
  const section = new Section(value, FIELDS);
  const criteria = section.section("success_criteria", CRITERIA);
  if (criteria === null) throw section.wrong("success_criteria", "expected what counts as a success; {} for the usual");
  const asked = section.durationMs("sampling_window");
  // Envoy counts whole seconds.
  const windowMs = asked === -1 ? 30_000 : Math.floor(asked / 1000) * 1000;
  if (windowMs < 1000 || windowMs > LONGEST_MS)
    throw section.wrong("sampling_window", "expected a duration from 1s to 86400s");
  return {
    enabled: parseFeatureFlag(section, "enabled"),
    httpSuccess: parseHttp(criteria),
    grpcSuccess: parseGrpc(criteria),
    windowMs,
    aggression: parseRuntimeDouble(section, "aggression", 1),
    successRateThreshold: parseRuntimePercent(section, "sr_threshold", 95, 1),
    rpsThreshold: parseRuntimeInteger(section, "rps_threshold", 0),
    maxRejectionProbability: parseRuntimePercent(section, "max_rejection_probability", 80),
  };
});

function parseHttp(criteria: Section): readonly StatusRange[] {
  const http = criteria.section("http_criteria", ["http_success_status"]);
  if (http === null) return NOT_5XX;
  const ranges = http.list("http_success_status", RANGE).map((range): StatusRange => {
    const start = range.integer("start", 0, 100, 599);
    const end = range.integer("end", 0, 101, 600);
    if (end <= start) throw range.wrong("end", "expected more than start: the range ends before it");
    return { start, end };
  });
  if (ranges.length === 0) throw http.wrong("http_success_status", "expected at least one range");
  return ranges;
}

function parseGrpc(criteria: Section): readonly number[] {
  const grpc = criteria.section("grpc_criteria", ["grpc_success_status"]);
  if (grpc === null) return NOT_THE_SERVERS;
  const statuses = grpc.get("grpc_success_status") ?? [];
  if (!Array.isArray(statuses) || statuses.length === 0)
    throw grpc.wrong("grpc_success_status", "expected at least one status");
  if (!statuses.every((each) => Number.isInteger(each) && each >= 0 && each <= 16))
    throw grpc.wrong("grpc_success_status", "expected whole numbers from 0 to 16");
  return statuses as number[];
}
