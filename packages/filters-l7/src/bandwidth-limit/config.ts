/** Configuration of bandwidth_limit, of the filter and of routes alike: envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit. */
import { parsedBy } from "@sluice/sdk";
import { type FeatureFlagSettings, parseFeatureFlag } from "../shared/feature-flag.ts";
import { Section } from "../shared/section.ts";

export interface BandwidthLimitSettings {
  readonly statPrefix: string;
  readonly limitsRequests: boolean;
  readonly limitsResponses: boolean;
  /** KiB a second; 0: nothing is limited. */
  readonly limitKbps: number;
  readonly fillMs: number;
  readonly enabled: FeatureFlagSettings;
  /** What the names of the trailers that tell of the delays begin with; null: there are none. */
  readonly trailerPrefix: string | null;
}

export const BANDWIDTH_LIMIT_MESSAGE = "envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit";

const FIELDS = [
  "stat_prefix",
  "enable_mode",
  "limit_kbps",
  "fill_interval",
  "runtime_enabled",
  "enable_response_trailers",
  "response_trailer_prefix",
];

export const BANDWIDTH_LIMIT_MESSAGES = {
  [BANDWIDTH_LIMIT_MESSAGE]: FIELDS,
  "envoy.config.core.v3.RuntimeFeatureFlag": ["default_value", "runtime_key"],
};

const MODES = ["DISABLED", "REQUEST", "RESPONSE", "REQUEST_AND_RESPONSE"];

export const bandwidthLimitConfig = parsedBy((value): BandwidthLimitSettings => {
  const section = new Section(value, FIELDS);
  const statPrefix = section.string("stat_prefix");
  if (statPrefix === "") throw section.wrong("stat_prefix", "expected the prefix of the statistics");
  const written = section.get("enable_mode") ?? "DISABLED";
  const mode = typeof written === "number" ? written : MODES.indexOf(written as string);
  if (MODES[mode] === undefined) throw section.wrong("enable_mode", `expected one of ${MODES.join(", ")}`);
  const limitKbps = parseLimit(section);
  if (mode !== 0 && limitKbps === 0) throw section.wrong("limit_kbps", `expected the limit for ${MODES[mode]}`);
  const fillMs = section.has("fill_interval") ? section.durationMs("fill_interval") : 50;
  if (fillMs < 20 || fillMs > 1000) throw section.wrong("fill_interval", "expected a duration from 0.02s to 1s");
  return {
    statPrefix,
    limitsRequests: (mode & 1) !== 0,
    limitsResponses: (mode & 2) !== 0,
    limitKbps,
    fillMs,
    enabled: parseFeatureFlag(section, "runtime_enabled"),
    trailerPrefix: parseTrailers(section),
  };
});

/** A number of 64 bits: a text, or a number. */
function parseLimit(section: Section): number {
  if (!section.has("limit_kbps")) return 0;
  const value = section.get("limit_kbps");
  const kbps = typeof value === "string" && /^[0-9]{1,20}$/.test(value) ? Number(value) : value;
  if (typeof kbps !== "number" || !Number.isInteger(kbps) || kbps < 1)
    throw section.wrong("limit_kbps", "expected a whole number from 1");
  return kbps;
}

function parseTrailers(section: Section): string | null {
  const prefix = section.string("response_trailer_prefix").toLowerCase();
  if (!/^[!#$%&'*+\-.^_`|~0-9a-z]*$/.test(prefix))
    throw section.wrong("response_trailer_prefix", "expected the beginning of a header's name");
  if (!section.boolean("enable_response_trailers", false)) return null;
  return prefix === "" ? "" : `${prefix}-`;
}
