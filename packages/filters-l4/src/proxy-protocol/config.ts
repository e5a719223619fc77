/** Configuration of proxy_protocol: envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { countOf, type Fields, fieldsOf, refuseUnknown, textOf } from "../shared/fields.ts";

/** What to do with a TLV: its value becomes dynamic metadata. */
export interface TlvRule {
  readonly type: number;
  readonly namespace: string;
  readonly key: string;
}

export interface ProxyProtocolSettings {
  readonly allowsRequestsWithout: boolean;
  readonly takesV1: boolean;
  readonly takesV2: boolean;
  readonly rules: readonly TlvRule[];
  /** Types of those that upstreams may be told; null: none. */
  readonly passed: "all" | ReadonlySet<number> | null;
  /** With its last dot; empty where there is none. */
  readonly statPrefix: string;
}

export const PROXY_PROTOCOL_ID = "envoy.filters.listener.proxy_protocol";
const MESSAGE = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
const FIELDS = [
  "allow_requests_without_proxy_protocol",
  "disallowed_versions",
  "pass_through_tlvs",
  "rules",
  "stat_prefix",
] as const;

export const PROXY_PROTOCOL_MESSAGES = {
  [MESSAGE]: FIELDS,
  [`${MESSAGE}.Rule`]: ["tlv_type", "on_tlv_present"],
  [`${MESSAGE}.KeyValuePair`]: ["metadata_namespace", "key"],
} as const;

export const proxyProtocolConfig = parsedBy((value): ProxyProtocolSettings => {
  const fields = fieldsOf(value);
  refuseUnknown(fields, FIELDS);
  const disallowed = versionsOf(fields);
  const statPrefix = textOf(fields, "stat_prefix");
  if (disallowed.size === 2 && !flagOf(fields, "allow_requests_without_proxy_protocol"))
    throw new ConfigError("both versions are disallowed: no connection would be taken", ["disallowed_versions"]);
  return {
    allowsRequestsWithout: flagOf(fields, "allow_requests_without_proxy_protocol"),
    takesV1: !disallowed.has("V1"),
    takesV2: !disallowed.has("V2"),
    rules: listOf(fields, "rules").map((rule, index) => ruleOf(rule, ["rules", index])),
    passed: passedOf(fields),
    statPrefix: statPrefix === "" || statPrefix.endsWith(".") ? statPrefix : `${statPrefix}.`,
  };
});

function flagOf(fields: Fields, key: string): boolean {
  const value = fields[key] ?? false;
  if (typeof value !== "boolean") throw new ConfigError("expected true or false", [key]);
  return value;
}

function listOf(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (!Array.isArray(value)) throw new ConfigError("expected a list", [key]);
  return value;
}

function versionsOf(fields: Fields): ReadonlySet<string> {
  const versions = listOf(fields, "disallowed_versions");
  for (const [index, version] of versions.entries()) {
    if (version !== "V1" && version !== "V2")
      throw new ConfigError("expected V1 or V2", ["disallowed_versions", index]);
  }
  return new Set(versions as string[]);
}

function passedOf(fields: Fields): ProxyProtocolSettings["passed"] {
  const key = "pass_through_tlvs";
  if (fields[key] === undefined) return null;
  const pass = fieldsOf(fields[key], [key]);
  refuseUnknown(pass, ["match_type", "tlv_type"], [key]);
  const match = pass["match_type"] ?? "INCLUDE_ALL";
  if (match !== "INCLUDE_ALL" && match !== "INCLUDE")
    throw new ConfigError("expected INCLUDE_ALL or INCLUDE", [key, "match_type"]);
  const types = pass["tlv_type"] ?? [];
  if (!Array.isArray(types)) throw new ConfigError("expected a list", [key, "tlv_type"]);
  for (const [index, type] of types.entries()) {
    if (!Number.isInteger(type) || type < 0 || type > 255)
      throw new ConfigError("expected a whole number from 0 to 255", [key, "tlv_type", index]);
  }
  return match === "INCLUDE_ALL" ? "all" : new Set(types as number[]);
}

function ruleOf(value: unknown, path: ReadonlyArray<string | number>): TlvRule {
  const rule = fieldsOf(value, path);
  refuseUnknown(rule, ["tlv_type", "on_tlv_present"], path);
  const type = countOf(rule, "tlv_type", path) ?? 0;
  if (type > 255) throw new ConfigError("expected a whole number from 0 to 255", [...path, "tlv_type"]);
  const present = [...path, "on_tlv_present"];
  if (rule["on_tlv_present"] === undefined) throw new ConfigError("expected the key for the metadata", present);
  const pair = fieldsOf(rule["on_tlv_present"], present);
  refuseUnknown(pair, ["metadata_namespace", "key"], present);
  const key = textOf(pair, "key", present);
  if (key === "") throw new ConfigError("expected the key for the metadata", [...present, "key"]);
  return { type, namespace: textOf(pair, "metadata_namespace", present) || PROXY_PROTOCOL_ID, key };
}
