/** What Envoy's API has gained since the tree that @grpc/grpc-js-xds ships: fields and messages, put into its files; whole files stand in newer/. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Addition {
  readonly file: string;
  /** The last line before what is added. */
  readonly after: RegExp;
  readonly text: string;
}

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
  ...["xds/type/matcher/v3/matcher.proto", "envoy/config/common/matcher/v3/matcher.proto"].map((file) => ({
    file,
    // Only OnMatch has an action; the brace that follows ends its oneof.
    after: /^ {6}core\.v3\.TypedExtensionConfig action = 2;\r?\n {4}\}\r?$/m,
    text: "    bool keep_matching = 3;",
  })),
];

/** @throws Error where the tree has changed: what is added may be there by now. */
export function addNewerFields(tree: string): void {
  for (const { file, after, text } of additions) {
    const path = join(tree, file);
    const before = readFileSync(path, "utf8");
    const found = after.exec(before);
    if (found === null) throw new Error(`${file} has no ${after.source} any more`);
    const end = found.index + found[0].length;
    writeFileSync(path, `${before.slice(0, end)}\n${text}\n${before.slice(end)}`);
  }
}
