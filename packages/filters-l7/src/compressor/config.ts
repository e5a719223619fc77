/** Configuration of the compressor: envoy.extensions.filters.http.compressor.v3.Compressor and CompressorPerRoute. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import type { Encoder } from "../shared/compression/encoders.ts";
import { COMPRESSOR_LIBRARY_MESSAGES, type Library, parseEncoder } from "../shared/compression/library-config.ts";
import { type FeatureFlagSettings, parseFeatureFlag } from "../shared/feature-flag.ts";
import { Section } from "../shared/section.ts";

export interface DirectionSettings {
  readonly enabled: FeatureFlagSettings;
  /** Bodies that are known to be smaller stay as they are. */
  readonly minBytes: number;
  /** Lower-case media types. */
  readonly contentTypes: ReadonlySet<string>;
}

export interface ResponseSettings extends DirectionSettings {
  /** What happens to strong entity tags: they are removed, weakened, or keep the response from being compressed. */
  readonly etags: "remove" | "weaken" | "skip";
  readonly removesAcceptEncoding: boolean;
  readonly uncompressibleStatuses: ReadonlySet<number>;
  /** Of the names of statistics. */
  readonly statWord: "response." | "";
}

export interface CompressorSettings {
  readonly library: Library<Encoder>;
  readonly request: DirectionSettings | null;
  readonly response: ResponseSettings;
  /** Whether this one wins where the client wants several codings equally. */
  readonly isPreferred: boolean;
}

export interface CompressorRouteSettings {
  /** null: as the filter says. */
  readonly compressesResponses: boolean | null;
  readonly removesAcceptEncoding: boolean | null;
}

const PACKAGE = "envoy.extensions.filters.http.compressor.v3";
const OLD_FIELDS = [
  "content_length",
  "content_type",
  "disable_on_etag_header",
  "remove_accept_encoding_header",
  "runtime_enabled",
];
const FIELDS = [
  ...OLD_FIELDS,
  "compressor_library",
  "request_direction_config",
  "response_direction_config",
  "choose_first",
];
const COMMON = ["enabled", "min_content_length", "content_type"];
const RESPONSE = [
  "common_config",
  "disable_on_etag_header",
  "remove_accept_encoding_header",
  "uncompressible_response_codes",
  "weaken_etag_on_compress",
];

export const COMPRESSOR_MESSAGES = {
  [`${PACKAGE}.Compressor`]: FIELDS,
  [`${PACKAGE}.Compressor.CommonDirectionConfig`]: COMMON,
  [`${PACKAGE}.Compressor.RequestDirectionConfig`]: ["common_config"],
  [`${PACKAGE}.Compressor.ResponseDirectionConfig`]: RESPONSE,
  [`${PACKAGE}.CompressorPerRoute`]: ["disabled", "overrides"],
  [`${PACKAGE}.CompressorOverrides`]: ["response_direction_config"],
  [`${PACKAGE}.ResponseDirectionOverrides`]: ["remove_accept_encoding_header"],
  "envoy.config.core.v3.RuntimeFeatureFlag": ["default_value", "runtime_key"],
  ...COMPRESSOR_LIBRARY_MESSAGES,
};

export const COMPRESSOR_ROUTE_MESSAGE = `${PACKAGE}.CompressorPerRoute`;

const DEFAULT_MIN_BYTES = 30;

/** Envoy's list. */
const DEFAULT_TYPES = [
  "text/html",
  "text/plain",
  "text/css",
  "application/javascript",
  "application/x-javascript",
  "text/javascript",
  "text/x-javascript",
  "text/ecmascript",
  "text/js",
  "text/jscript",
  "text/x-js",
  "application/ecmascript",
  "application/x-json",
  "application/xml",
  "application/json",
  "image/svg+xml",
  "text/xml",
  "application/xhtml+xml",
  "application/grpc-web",
  "application/grpc-web+proto",
];

export const compressorConfig = parsedBy((value): CompressorSettings => {
  const section = new Section(value, FIELDS);
  const request = section.section("request_direction_config", ["common_config"]);
  return {
    library: parseEncoder(section, "compressor_library"),
    request: request === null ? null : parseCommon(request.section("common_config", COMMON)),
    response: parseResponse(section),
    isPreferred: section.boolean("choose_first", false),
  };
});

function parseResponse(section: Section): ResponseSettings {
  const response = section.section("response_direction_config", RESPONSE);
  if (response === null) return parseOldResponse(section);
  return {
    ...parseCommon(response.section("common_config", COMMON)),
    etags: etagsOf(response),
    removesAcceptEncoding: response.boolean("remove_accept_encoding_header", false),
    uncompressibleStatuses: new Set(statuses(response)),
    statWord: "response.",
  };
}

/** The fields that `response_direction_config` has replaced, and beside which nothing is read of them. */
function parseOldResponse(section: Section): ResponseSettings {
  return {
    enabled: parseFeatureFlag(section, "runtime_enabled"),
    minBytes: section.integer("content_length", DEFAULT_MIN_BYTES, 0),
    contentTypes: parseTypes(section),
    etags: section.boolean("disable_on_etag_header", false) ? "skip" : "remove",
    removesAcceptEncoding: section.boolean("remove_accept_encoding_header", false),
    uncompressibleStatuses: new Set(),
    statWord: "",
  };
}

function parseCommon(common: Section | null): DirectionSettings {
  const section = common ?? new Section({}, COMMON);
  return {
    enabled: parseFeatureFlag(section, "enabled"),
    minBytes: section.integer("min_content_length", DEFAULT_MIN_BYTES, 0),
    contentTypes: parseTypes(section),
  };
}

function parseTypes(section: Section): ReadonlySet<string> {
  const types = section.get("content_type") ?? [];
  if (!Array.isArray(types)) throw section.wrong("content_type", "expected a list of media types");
  const all = types.map((type: unknown) => {
    if (typeof type !== "string" || type === "") throw section.wrong("content_type", "expected a list of media types");
    return type.toLowerCase();
  });
  return new Set(all.length === 0 ? DEFAULT_TYPES : all);
}

function etagsOf(response: Section): ResponseSettings["etags"] {
  if (response.boolean("weaken_etag_on_compress", false)) return "weaken";
  return response.boolean("disable_on_etag_header", false) ? "skip" : "remove";
}

function statuses(response: Section): number[] {
  const key = "uncompressible_response_codes";
  const list = response.get(key) ?? [];
  if (!Array.isArray(list)) throw response.wrong(key, "expected a list of statuses");
  return list.map((status: unknown) => {
    if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 599)
      throw response.wrong(key, "expected statuses from 200 to 599");
    return status;
  });
}

export const compressorRouteConfig = parsedBy((value): CompressorRouteSettings => {
  const section = new Section(value, ["disabled", "overrides"]);
  const overrides = section.section("overrides", ["response_direction_config"]);
  if (overrides !== null) {
    if (section.has("disabled")) throw section.wrong("disabled", "disabled and overrides are both set");
    const key = "remove_accept_encoding_header";
    const response = overrides.section("response_direction_config", [key]);
    return {
      compressesResponses: response === null ? null : true,
      removesAcceptEncoding: response?.has(key) === true ? response.boolean(key, false) : null,
    };
  }
  if (!section.boolean("disabled", false)) throw new ConfigError("expected disabled: true, or overrides");
  return { compressesResponses: false, removesAcceptEncoding: null };
});
