/** Configuration of the decompressor: envoy.extensions.filters.http.decompressor.v3.Decompressor. */
import { parsedBy } from "@sluice/sdk";
import type { Decoder } from "../shared/compression/decoders.ts";
import { DECOMPRESSOR_LIBRARY_MESSAGES, type Library, parseDecoder } from "../shared/compression/library-config.ts";
import { type FeatureFlagSettings, parseFeatureFlag } from "../shared/feature-flag.ts";
import { Section } from "../shared/section.ts";

export interface DirectionSettings {
  readonly enabled: FeatureFlagSettings;
  /** Whether `cache-control: no-transform` keeps nothing from being decompressed. */
  readonly ignoresNoTransform: boolean;
}

export interface DecompressorSettings {
  readonly library: Library<Decoder>;
  readonly request: DirectionSettings;
  readonly response: DirectionSettings;
  /** Whether requests say `accept-encoding` for the responses that are decompressed here. */
  readonly advertisesCoding: boolean;
}

const PACKAGE = "envoy.extensions.filters.http.decompressor.v3";
const FIELDS = ["decompressor_library", "request_direction_config", "response_direction_config"];
const COMMON = ["enabled", "ignore_no_transform_header"];
const REQUEST = ["common_config", "advertise_accept_encoding"];

export const DECOMPRESSOR_MESSAGES = {
  [`${PACKAGE}.Decompressor`]: FIELDS,
  [`${PACKAGE}.Decompressor.CommonDirectionConfig`]: COMMON,
  [`${PACKAGE}.Decompressor.RequestDirectionConfig`]: REQUEST,
  [`${PACKAGE}.Decompressor.ResponseDirectionConfig`]: ["common_config"],
  "envoy.config.core.v3.RuntimeFeatureFlag": ["default_value", "runtime_key"],
  ...DECOMPRESSOR_LIBRARY_MESSAGES,
};

export const decompressorConfig = parsedBy((value): DecompressorSettings => {
  const section = new Section(value, FIELDS);
  const request = section.section("request_direction_config", REQUEST);
  return {
    library: parseDecoder(section, "decompressor_library"),
    request: parseCommon(request),
    response: parseCommon(section.section("response_direction_config", ["common_config"])),
    advertisesCoding: request?.boolean("advertise_accept_encoding", true) ?? true,
  };
});

function parseCommon(direction: Section | null): DirectionSettings {
  const common = direction?.section("common_config", COMMON) ?? new Section({}, COMMON);
  return {
    enabled: parseFeatureFlag(common, "enabled"),
    ignoresNoTransform: common.boolean("ignore_no_transform_header", false),
  };
}
