/** What Envoy's API has gained since the tree that @grpc/grpc-js-xds ships: fields and messages, put into its files; whole files stand in newer/. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Addition {
  readonly file: string;
  /** The last line before what is added. */
  readonly after: RegExp;
  readonly text: string;
  /** In place of what `after` finds. @default false */
  readonly replaces?: boolean;
}

const ADAPTIVE_CONCURRENCY = "envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.proto";

const additions: readonly Addition[] = [
  {
    file: "envoy/config/route/v3/route_components.proto",
    after: /^import "envoy\/type\/matcher\/v3\/metadata.proto";$/m,
    text: 'import "envoy/type/matcher/v3/filter_state.proto";',
  },
  {
    file: "envoy/config/route/v3/route_components.proto",
    after: /^ {2}repeated type\.matcher\.v3\.MetadataMatcher dynamic_metadata = 13;$/m,
    text: "  repeated type.matcher.v3.FilterStateMatcher filter_state = 16;\n  repeated CookieMatcher cookies = 17;",
  },
  {
    file: "envoy/config/route/v3/route_components.proto",
    after: /^option \(udpa\.annotations\.file_status\)\.package_version_status = ACTIVE;$/m,
    text: [
      "message CookieMatcher {",
      "  string name = 1 [(validate.rules).string = {min_len: 1 max_bytes: 1024}];",
      "  type.matcher.v3.StringMatcher string_match = 2 [(validate.rules).message = {required: true}];",
      "  bool invert_match = 3;",
      "}",
    ].join("\n"),
  },
  {
    file: "envoy/type/matcher/v3/filter_state.proto",
    after: /^import "envoy\/type\/matcher\/v3\/string.proto";$/m,
    text: 'import "envoy/type/matcher/v3/address.proto";',
  },
  {
    file: "envoy/type/matcher/v3/filter_state.proto",
    after: /^ {4}StringMatcher string_match = 2;$/m,
    text: "    AddressMatcher address_match = 3;",
  },
  {
    file: "envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto",
    after: /^option \(udpa\.annotations\.file_status\)\.package_version_status = ACTIVE;$/m,
    text: [
      "message DynamicMetadataInput {",
      "  message PathSegment {",
      "    oneof segment {",
      "      option (validate.required) = true;",
      "      string key = 1 [(validate.rules).string = {min_len: 1}];",
      "    }",
      "  }",
      "  string filter = 1 [(validate.rules).string = {min_len: 1}];",
      "  repeated PathSegment path = 2 [(validate.rules).repeated = {min_items: 1}];",
      "}",
    ].join("\n"),
  },
  {
    file: "envoy/extensions/filters/http/compressor/v3/compressor.proto",
    // The same line stands in another message with another number and indentation.
    after: /^ {4}bool remove_accept_encoding_header = 3;\r?$/m,
    text: [
      "    repeated uint32 uncompressible_response_codes = 4 [(validate.rules).repeated = {",
      "      unique: true",
      "      items {uint32 {gte: 200 lt: 600}}",
      "    }];",
      "    bool status_header_enabled = 5;",
      "    bool weaken_etag_on_compress = 6;",
    ].join("\n"),
  },
  {
    file: "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto",
    after: /^import "envoy\/config\/core\/v3\/base.proto";$/m,
    text: 'import "envoy/config/route/v3/route_components.proto";',
  },
  {
    file: "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto",
    after: /^ {2}bool rate_limited_as_resource_exhausted = 15;$/m,
    text: [
      "  repeated config.route.v3.RateLimit rate_limits = 17;",
      "  google.protobuf.UInt32Value max_dynamic_descriptors = 18 [(validate.rules).uint32 = {gte: 1}];",
    ].join("\n"),
  },
  {
    file: "envoy/extensions/common/ratelimit/v3/ratelimit.proto",
    // Empty: a bucket for each value.
    after: /^ {4}string value = 2 \[\(validate\.rules\)\.string = \{min_len: 1\}\];$/m,
    text: "    string value = 2;",
    replaces: true,
  },
  {
    file: ADAPTIVE_CONCURRENCY,
    after:
      /^ {4}google\.protobuf\.Duration interval = 1 \[\(validate\.rules\)\.duration = \{\r?\n {6}required: true\r?\n/m,
    text: [
      "    google.protobuf.Duration fixed_value = 6 [(validate.rules).duration = {gt {}}];",
      "    google.protobuf.Duration interval = 1 [(validate.rules).duration = {",
    ].join("\n"),
    replaces: true,
  },
  {
    file: ADAPTIVE_CONCURRENCY,
    after: /^ {4}google\.protobuf\.UInt32Value max_concurrency_limit = 2 .*;\r?$/m,
    text: "    google.protobuf.UInt32Value min_concurrency_limit = 4 [(validate.rules).uint32 = {gt: 0}];",
  },
  {
    file: "envoy/type/http/v3/cookie.proto",
    after: /^option \(udpa\.annotations\.file_status\)\.package_version_status = ACTIVE;$/m,
    text: [
      "message CookieAttribute {",
      "  string name = 1 [(validate.rules).string = {min_len: 1 max_bytes: 16384}];",
      "  string value = 2 [(validate.rules).string = {max_bytes: 16384}];",
      "}",
    ].join("\n"),
  },
  {
    file: "envoy/type/http/v3/cookie.proto",
    after: /^ {2}string path = 3;$/m,
    text: "  repeated CookieAttribute attributes = 4;",
  },
  {
    file: "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto",
    after: /^import "google\/protobuf\/wrappers.proto";$/m,
    text: 'import "envoy/extensions/load_balancing_policies/common/v3/common.proto";',
  },
  {
    file: "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto",
    after: /^ {2}google\.protobuf\.FloatValue error_utilization_penalty = 6 .*$/m,
    text: [
      "  repeated string metric_names_for_computing_utilization = 7;",
      "  common.v3.SlowStartConfig slow_start_config = 8;",
    ].join("\n"),
  },
  {
    file: "envoy/config/cluster/v3/cluster.proto",
    after: /^ {2}bool respect_dns_ttl = 39;\r?$/m,
    text: "  google.protobuf.Duration dns_jitter = 58 [(validate.rules).duration = {gte {}}];",
  },
  {
    file: "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto",
    after: /^ {2}google\.protobuf\.UInt32Value udp_max_queries = 5;\r?$/m,
    text: [
      "  google.protobuf.UInt64Value query_timeout_seconds = 6 [(validate.rules).uint64 = {gte: 1}];",
      "  google.protobuf.UInt32Value query_tries = 7 [(validate.rules).uint32 = {gte: 1}];",
      "  bool rotate_nameservers = 8;",
      "  google.protobuf.UInt32Value edns0_max_payload_size = 9;",
      "  google.protobuf.Duration max_udp_channel_duration = 10;",
      "  bool reinit_channel_on_timeout = 11;",
    ].join("\n"),
  },
  {
    file: "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto",
    after: /^import "google\/protobuf\/wrappers.proto";\r?$/m,
    text: 'import "google/protobuf/duration.proto";',
  },
  ...["xds/type/matcher/v3/matcher.proto", "envoy/config/common/matcher/v3/matcher.proto"].map((file) => ({
    file,
    // Only OnMatch has an action; the brace that follows ends its oneof.
    after: /^ {6}core\.v3\.TypedExtensionConfig action = 2;\r?\n {4}\}\r?$/m,
    text: "    bool keep_matching = 3;",
  })),
];

/** @throws Error where the tree has changed: what is added may be there by now. */
export function addNewerFields(tree: string): void {
  for (const { file, after, text, replaces = false } of additions) {
    const path = join(tree, file);
    const before = readFileSync(path, "utf8");
    const found = after.exec(before);
    if (found === null) throw new Error(`${file} has no ${after.source} any more`);
    const end = found.index + found[0].length;
    writeFileSync(path, `${before.slice(0, replaces ? found.index : end)}\n${text}\n${before.slice(end)}`);
  }
}
