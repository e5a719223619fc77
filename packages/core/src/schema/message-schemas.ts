/**
 * JSON Schemas of Envoy's messages, made from the same type lines that the binder reads, and no wider than what is implemented. Keys are snake_case;
 * camelCase is let pass unchecked. What one field forbids another (oneofs) is left to `sluice validate`.
 */
import type { JsonSchema } from "@sluice/sdk";
import type { SupportTable } from "../config/envoy/bind.ts";
import type { FieldType, MessageType, TypeRegistry } from "../config/envoy/registry.ts";
import type { RulesLine, ScalarName } from "../config/envoy/type-lines.ts";
import { isTypedStruct, isWrapper } from "../config/envoy/well-known.ts";

const DURATION: JsonSchema = {
  type: "string",
  pattern: "^-?\\d{1,12}(\\.\\d{1,9})?s$",
  description: "seconds, as in 0.25s",
};

const WELL_KNOWN: Readonly<Record<string, JsonSchema>> = {
  "google.protobuf.Duration": DURATION,
  "google.protobuf.Timestamp": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Any": { $ref: "#/$defs/Any" },
};

const INTEGERS: Partial<Record<ScalarName, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

export class MessageSchemas {
  /** By message name; grows as messages are asked for. */
  readonly definitions: Record<string, JsonSchema> = {};
  readonly #types: TypeRegistry;
  readonly #supported: SupportTable;

  constructor(types: TypeRegistry, supported: SupportTable) {
    this.#types = types;
    this.#supported = supported;
  }

  /** A reference to the schema of that message; undefined where there is no such message. */
  reference(name: string): JsonSchema | undefined {
    const known = WELL_KNOWN[name];
    if (known !== undefined) return known;
    if (isWrapper(name)) return this.#wrapper(name);
    if (isTypedStruct(name)) return TYPED_STRUCT;
    const type = this.#types.message(name);
    if (type === undefined) return undefined;
    if (this.definitions[name] === undefined) {
      // In its place before it is made: messages may hold themselves.
      this.definitions[name] = {};
      this.definitions[name] = this.#message(type);
    }
    return { $ref: `#/$defs/${name}` };
  }

  #message(type: MessageType): JsonSchema {
    const supported = this.#supported.get(type.name);
    const fields = type.fields.filter(({ name }) => supported === "all" || supported?.has(name) === true);
    const properties = Object.fromEntries(fields.map((field) => [field.name, this.#field(field)]));
    const camel = fields.filter(({ name, jsonName }) => name !== jsonName).map(({ jsonName }) => jsonName);
    return {
      type: "object",
      // Where it stands in an Any.
      properties: { "@type": { type: "string" }, ...properties },
      ...(camel.length === 0 ? {} : { patternProperties: { [`^(?:${camel.join("|")})$`]: {} } }),
      additionalProperties: false,
    };
  }

  #field(field: FieldType): JsonSchema {
    const { shape, rules } = field;
    if (shape === "list") {
      const items = this.#value(field, rules?.items ?? null);
      const least = rules?.min_items;
      return { type: "array", items, ...(least === undefined ? {} : { minItems: least }) };
    }
    if (shape === "map") return { type: "object", additionalProperties: this.#value(field, rules?.values ?? null) };
    return this.#value(field, rules);
  }

  #value({ type, typeName }: FieldType, rules: RulesLine | null): JsonSchema {
    if (type === "message") return this.reference(typeName) ?? {};
    if (type === "enum") return this.#enumeration(typeName);
    return scalar(type, rules);
  }

  /** Also in lower case, and as numbers. */
  #enumeration(name: string): JsonSchema {
    const names = this.#types.enumeration(name)?.values.map(([each]) => each) ?? [];
    return { anyOf: [{ enum: names }, { enum: names.map((each) => each.toLowerCase()) }, { type: "integer" }] };
  }

  #wrapper(name: string): JsonSchema {
    const value = this.#types.message(name)?.field("value");
    return value === undefined ? {} : scalar(value.type as ScalarName, null);
  }
}

/** Configuration of an extension by its id. */
const TYPED_STRUCT: JsonSchema = {
  type: "object",
  properties: { "@type": { type: "string" }, type_url: { type: "string" }, value: { type: "object" } },
  patternProperties: { "^typeUrl$": {} },
  additionalProperties: false,
};

function scalar(type: ScalarName, rules: RulesLine | null): JsonSchema {
  const range = INTEGERS[type];
  if (range !== undefined) return { type: "integer", minimum: range[0], maximum: range[1], ...bounds(rules) };
  switch (type) {
    case "bool":
      return { type: "boolean" };
    case "string":
      return { type: "string", ...(rules?.min_len === undefined ? {} : { minLength: rules.min_len }) };
    case "bytes":
      return { type: "string", description: "base64" };
    case "int64":
    case "uint64":
      return { type: ["integer", "string"] };
    default:
      return { type: ["number", "string"] };
  }
}

function bounds(rules: RulesLine | null): JsonSchema {
  const made: Record<string, number> = {};
  if (typeof rules?.gte === "number") made["minimum"] = rules.gte;
  if (typeof rules?.gt === "number") made["exclusiveMinimum"] = rules.gt;
  if (typeof rules?.lte === "number") made["maximum"] = rules.lte;
  if (typeof rules?.lt === "number") made["exclusiveMaximum"] = rules.lt;
  // A range from above to below, as the rules can say it, is two ranges.
  return rules?.ignore_empty === true ? {} : made;
}
