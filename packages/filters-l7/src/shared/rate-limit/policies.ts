/**
 * Rate limit policies in configurations of filters: envoy.config.route.v3.RateLimit, and the message of the same shape that Envoy's ratelimit has of its own.
 * `extension` (CEL) is left out, and `source_cluster`, which only route configurations know.
 */
import type { FilterContext, RateLimitAction, RateLimitPolicy, RateLimitValueAt } from "@sluice/sdk";
import { HEADER_MATCHER, parseHeaderMatcher } from "../header-matcher.ts";
import type { VhRateLimits } from "./descriptors.ts";
import type { Section } from "../section.ts";
import { Conditions, type ConditionSettings, parseQueryMatcher, QUERY_MATCHER } from "./conditions.ts";

export type ActionSettings =
  | Exclude<RateLimitAction, { readonly kind: "match" }>
  | (ConditionSettings & {
      readonly kind: "match";
      readonly key: string;
      readonly value: string;
      readonly expected: boolean;
    });

export interface PolicySettings extends Omit<RateLimitPolicy, "actions"> {
  readonly actions: readonly ActionSettings[];
}

const METADATA_KEY = ["key", "path"];

/** The fields of one action, by its kind. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  destination_cluster: [],
  request_headers: ["header_name", "descriptor_key", "skip_if_absent"],
  remote_address: [],
  masked_remote_address: ["v4_prefix_mask_len", "v6_prefix_mask_len"],
  generic_key: ["descriptor_key", "descriptor_value"],
  header_value_match: ["descriptor_key", "descriptor_value", "expect_match", "headers"],
  query_parameter_value_match: ["descriptor_key", "descriptor_value", "expect_match", "query_parameters"],
  dynamic_metadata: ["descriptor_key", "metadata_key", "default_value"],
  metadata: ["descriptor_key", "metadata_key", "default_value", "source", "skip_if_absent"],
};
const KINDS = Object.keys(ACTIONS);

/** @throws ConfigError */
export function parsePolicies(section: Section, key: string): PolicySettings[] {
  return section.list(key, ["stage", "disable_key", "actions", "limit"]).map((policy) => {
    const actions = policy.list("actions", [...KINDS, "source_cluster"]).map(parseAction);
    if (actions.length === 0) throw policy.wrong("actions", "expected at least one action");
    return {
      stage: policy.integer("stage", 0, 0, 10),
      disableKey: policy.string("disable_key"),
      actions,
      limit: parseLimit(policy),
    };
  });
}

function parseLimit(policy: Section): RateLimitValueAt | null {
  const limit = policy.section("limit", ["dynamic_metadata"]);
  if (limit === null) return null;
  const metadata = limit.section("dynamic_metadata", ["metadata_key"]);
  if (metadata === null) throw limit.wrong("dynamic_metadata", "expected the place of the limit");
  return parseMetadataKey(metadata);
}

function parseAction(action: Section): ActionSettings {
  if (action.has("source_cluster"))
    throw action.wrong(
      "source_cluster",
      "expected an action of the request: this one works on routes and virtual hosts",
    );
  const set = KINDS.filter((kind) => action.has(kind));
  const [kind] = set;
  if (kind === undefined || set.length > 1)
    throw action.wrong(set[1] ?? "generic_key", `expected one of ${KINDS.join(", ")}`);
  const made = action.section(kind, ACTIONS[kind]!)!;
  switch (kind) {
    case "destination_cluster":
    case "remote_address":
      return { kind };
    case "request_headers":
      return {
        kind,
        key: required(made, "descriptor_key"),
        header: required(made, "header_name").toLowerCase(),
        skipIfAbsent: made.boolean("skip_if_absent", false),
      };
    case "masked_remote_address":
      return {
        kind,
        v4Bits: made.integer("v4_prefix_mask_len", 32, 0, 32),
        v6Bits: made.integer("v6_prefix_mask_len", 128, 0, 128),
      };
    case "generic_key":
      return { kind, key: made.string("descriptor_key") || "generic_key", value: required(made, "descriptor_value") };
    case "header_value_match":
      return { ...parseMatch(made, "header_match"), headers: headersOf(made), query: [] };
    case "query_parameter_value_match":
      return { ...parseMatch(made, "query_match"), headers: [], query: parametersOf(made) };
    default:
      return parseMetadata(made, kind === "metadata");
  }
}

function parseMatch(
  section: Section,
  defaultKey: string,
): { readonly kind: "match"; readonly key: string; readonly value: string; readonly expected: boolean } {
  return {
    kind: "match",
    key: section.string("descriptor_key") || defaultKey,
    value: required(section, "descriptor_value"),
    expected: section.boolean("expect_match", true),
  };
}

function headersOf(section: Section): ConditionSettings["headers"] {
  const headers = section.list("headers", HEADER_MATCHER).map(parseHeaderMatcher);
  if (headers.length === 0) throw section.wrong("headers", "expected at least one condition");
  return headers;
}

function parametersOf(section: Section): ConditionSettings["query"] {
  const query = section.list("query_parameters", QUERY_MATCHER).map(parseQueryMatcher);
  if (query.length === 0) throw section.wrong("query_parameters", "expected at least one condition");
  return query;
}

function parseMetadata(section: Section, isWhole: boolean): ActionSettings {
  const source = isWhole ? section.string("source", "DYNAMIC") : "DYNAMIC";
  if (source !== "DYNAMIC" && source !== "ROUTE_ENTRY")
    throw section.wrong("source", "expected DYNAMIC or ROUTE_ENTRY");
  return {
    kind: "metadata",
    key: required(section, "descriptor_key"),
    from: source === "DYNAMIC" ? "stream" : "route",
    at: parseMetadataKey(section),
    fallback: section.string("default_value"),
    skipIfAbsent: isWhole && section.boolean("skip_if_absent", false),
  };
}

function parseMetadataKey(owner: Section): RateLimitValueAt {
  const section = owner.section("metadata_key", METADATA_KEY);
  if (section === null) throw owner.wrong("metadata_key", "expected the place of the value");
  const path = section.list("path", ["key"]).map((segment) => required(segment, "key"));
  if (path.length === 0) throw section.wrong("path", "expected at least one key");
  return { namespace: required(section, "key"), path };
}

function required(section: Section, key: string): string {
  const value = section.string(key);
  if (value === "") throw section.wrong(key, "expected a text that is not empty");
  return value;
}

/** At `create` or when a route is taken for the first time. @throws ConfigError where a pattern is none of RE2's. */
export function compilePolicies(
  settings: readonly PolicySettings[],
  { regexes }: Pick<FilterContext, "regexes">,
): RateLimitPolicy[] {
  return settings.map((policy) => ({
    ...policy,
    actions: policy.actions.map((action): RateLimitAction => {
      if (action.kind !== "match") return action;
      const { kind, key, value, expected } = action;
      return { kind, key, value, expected, condition: new Conditions(action, regexes) };
    }),
  }));
}

const VH_RATE_LIMITS: Readonly<Record<string, VhRateLimits>> = {
  OVERRIDE: "override",
  INCLUDE: "include",
  IGNORE: "ignore",
};

/** @throws ConfigError */
export function parseVhRateLimits(section: Section): VhRateLimits {
  const written = section.string("vh_rate_limits", "OVERRIDE");
  const option = Object.hasOwn(VH_RATE_LIMITS, written) ? VH_RATE_LIMITS[written] : undefined;
  if (option === undefined)
    throw section.wrong("vh_rate_limits", `expected one of ${Object.keys(VH_RATE_LIMITS).join(", ")}`);
  return option;
}

/** Whether answers have `x-ratelimit-…`. @throws ConfigError */
export function parseHeadersVersion(section: Section): boolean {
  const version = section.string("enable_x_ratelimit_headers", "OFF");
  if (version !== "OFF" && version !== "DRAFT_VERSION_03")
    throw section.wrong("enable_x_ratelimit_headers", "expected OFF or DRAFT_VERSION_03");
  return version !== "OFF";
}
