/** Configuration of header_to_metadata, of the filter and of routes alike: envoy.extensions.filters.http.header_to_metadata.v3.Config. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export type ValueType = "STRING" | "NUMBER" | "PROTOBUF_VALUE";

export interface TargetSettings {
  readonly namespace: string;
  readonly key: string;
  /** In place of what was sent; empty: what was sent. */
  readonly value: string;
  readonly rewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly type: ValueType;
  readonly isBase64: boolean;
}

export interface RuleSettings {
  readonly source: "header" | "cookie";
  /** Of a header in lower case. */
  readonly name: string;
  readonly onPresent: TargetSettings | null;
  readonly onMissing: TargetSettings | null;
  readonly removesHeader: boolean;
}

export interface HeaderToMetadataSettings {
  readonly request: readonly RuleSettings[];
  readonly response: readonly RuleSettings[];
}

export const HEADER_TO_METADATA_MESSAGE = "envoy.extensions.filters.http.header_to_metadata.v3.Config";

const DEFAULT_NAMESPACE = "envoy.filters.http.header_to_metadata";
const FIELDS = ["request_rules", "response_rules"];
const RULE = ["header", "cookie", "on_header_present", "on_header_missing", "remove"];
const KEY_VALUE = ["metadata_namespace", "key", "value", "regex_value_rewrite", "type", "encode"];
const REWRITE = ["pattern", "substitution"];
const REGEX = ["google_re2", "regex"];
const TYPES = ["STRING", "NUMBER", "PROTOBUF_VALUE"] as const;
const ENCODINGS = ["NONE", "BASE64"] as const;

export const HEADER_TO_METADATA_MESSAGES = {
  [HEADER_TO_METADATA_MESSAGE]: FIELDS,
  [`${HEADER_TO_METADATA_MESSAGE}.Rule`]: RULE,
  [`${HEADER_TO_METADATA_MESSAGE}.KeyValuePair`]: KEY_VALUE,
};

function parse(value: unknown): HeaderToMetadataSettings {
  const section = new Section(value, FIELDS);
  return {
    request: section.list("request_rules", RULE).map((rule) => parseRule(rule, true)),
    response: section.list("response_rules", RULE).map((rule) => parseRule(rule, false)),
  };
}

export const headerToMetadataConfig = parsedBy(parse);

export const headerToMetadataRouteConfig = parsedBy((value): HeaderToMetadataSettings => {
  const settings = parse(value);
  if (settings.request.length === 0 && settings.response.length === 0)
    throw new ConfigError("expected request_rules or response_rules");
  return settings;
});

function parseRule(section: Section, isRequest: boolean): RuleSettings {
  const header = section.string("header");
  const cookie = section.string("cookie");
  if ((header === "") === (cookie === "")) throw section.wrong("header", "expected header or cookie");
  const onMissing = parseTarget(section, "on_header_missing");
  const rule: RuleSettings = {
    source: header === "" ? "cookie" : "header",
    name: header === "" ? cookie : header.toLowerCase(),
    onPresent: parseTarget(section, "on_header_present"),
    onMissing,
    removesHeader: section.boolean("remove", false),
  };
  if (rule.onPresent === null && onMissing === null)
    throw section.wrong("on_header_present", "expected on_header_present or on_header_missing");
  if (onMissing !== null && onMissing.value === "")
    throw section.wrong("on_header_missing", "expected a value: there is nothing else to set");
  checkSource(section, rule, isRequest);
  return rule;
}

const PSEUDO = { request: [":method", ":path", ":authority", ":scheme", "host"], response: [":status"] };

function checkSource(section: Section, { source, name, removesHeader }: RuleSettings, isRequest: boolean): void {
  if (source === "cookie") {
    if (!isRequest) throw section.wrong("cookie", "responses have no cookie header");
    if (removesHeader) throw section.wrong("remove", "a cookie cannot be removed");
    return;
  }
  const pseudo = PSEUDO[isRequest ? "request" : "response"];
  const isPseudo = pseudo.includes(name);
  if (name.startsWith(":") && !isPseudo) throw section.wrong("header", `expected a header, or ${pseudo.join(", ")}`);
  if (isPseudo && removesHeader) throw section.wrong("remove", `${name} cannot be removed`);
}

function parseTarget(rule: Section, key: string): TargetSettings | null {
  const section = rule.section(key, KEY_VALUE);
  if (section === null) return null;
  const value = section.string("value");
  const rewrite = section.section("regex_value_rewrite", REWRITE);
  if (value !== "" && rewrite !== null) throw section.wrong("value", "value and regex_value_rewrite are both set");
  const name = section.string("key");
  if (name === "") throw section.wrong("key", "expected the key in the metadata");
  return {
    namespace: section.string("metadata_namespace") || DEFAULT_NAMESPACE,
    key: name,
    value,
    rewrite: rewrite === null ? null : parseRewrite(rewrite),
    type: oneOf(section, "type", TYPES),
    isBase64: oneOf(section, "encode", ENCODINGS) === "BASE64",
  };
}

function parseRewrite(section: Section): { readonly pattern: string; readonly substitution: string } {
  const pattern = section.section("pattern", REGEX)?.string("regex") ?? "";
  if (pattern === "") throw section.wrong("pattern", "expected a regular expression");
  return { pattern, substitution: section.string("substitution") };
}

function oneOf<Word extends string>(section: Section, key: string, words: readonly Word[]): Word {
  const written = section.string(key, words[0]);
  const word = words.find((each) => each === written);
  if (word === undefined) throw section.wrong(key, `expected one of ${words.join(", ")}`);
  return word;
}
