/** A bound message to its canonical proto3 JSON, with the proto's own field names. */
import type { Message } from "@bufbuild/protobuf";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { formatDuration, formatTimestamp, type SecondsAndNanos } from "./durations.ts";
import type { FieldType, MessageType, TypeRegistry } from "./registry.ts";
import type { Payload } from "./tree.ts";
import { isDefault, isWrapper, typedStruct } from "./well-known.ts";

export function messageToJson(message: Message, types: TypeRegistry, payloads: WeakMap<object, Payload>): Json {
  return new JsonWriter(types, payloads).message(message, message.$typeName);
}

class JsonWriter {
  readonly #types: TypeRegistry;
  readonly #payloads: WeakMap<object, Payload>;

  constructor(types: TypeRegistry, payloads: WeakMap<object, Payload>) {
    this.#types = types;
    this.#payloads = payloads;
  }

  message(value: unknown, typeName: string): Json {
    switch (typeName) {
      case "google.protobuf.Duration":
        return formatDuration(value as SecondsAndNanos);
      case "google.protobuf.Timestamp":
        return formatTimestamp(value as SecondsAndNanos);
      case "google.protobuf.Any":
        return this.#any(value as object);
      case "google.protobuf.Struct":
        return isMessageForm(value) ? this.#entries(value.fields) : structuredClone(value as Json);
      case "google.protobuf.ListValue":
        return (value as { values: unknown[] }).values.map((each) => this.message(each, "google.protobuf.Value"));
      case "google.protobuf.Value":
        return this.#value(value as { kind: { case?: string; value?: unknown } });
    }
    const type = this.#types.message(typeName);
    if (type === undefined) throw new Error(`${typeName} is no message of Envoy's API`);
    if (isWrapper(typeName)) return this.#wrapper(type, value);
    return this.#fields(type, value as Record<string, unknown>);
  }

  #fields(type: MessageType, message: Record<string, unknown>): JsonObject {
    const json: JsonObject = {};
    for (const field of type.fields) {
      const value = fieldValue(field, message);
      if (value !== undefined) json[field.name] = this.#field(field, value);
    }
    return json;
  }

  #field(field: FieldType, value: unknown): Json {
    if (field.shape === "list") return (value as unknown[]).map((each) => this.#single(field, each));
    if (field.shape === "one") return this.#single(field, value);
    const entries = Object.entries(value as object).map(([key, each]): [string, Json] => [
      key,
      this.#single(field, each),
    ]);
    return Object.fromEntries(entries);
  }

  #single(field: FieldType, value: unknown): Json {
    if (field.type === "message") return this.message(value, field.typeName);
    if (field.type !== "enum") return scalar(value);
    if (field.typeName === "google.protobuf.NullValue") return null;
    return this.#types.enumeration(field.typeName)?.nameOf(value as number) ?? (value as number);
  }

  /** A wrapper in a field is its scalar; in a list, a oneof or an Any it is a message. */
  #wrapper(type: MessageType, value: unknown): Json {
    const isBare = typeof value !== "object" || value instanceof Uint8Array;
    return scalar(isBare ? value : (value as { value: unknown } & Partial<Record<typeof type.name, never>>).value);
  }

  #any(any: object): Json {
    const payload = this.#payloads.get(any);
    if (payload === undefined) return {};
    const url = `type.googleapis.com/${payload.typeName}`;
    if (payload.kind === "plain") {
      return { "@type": `type.googleapis.com/${typedStruct}`, type_url: url, value: structuredClone(payload.value) };
    }
    if (payload.kind === "skipped") return structuredClone(payload.value);
    const json = this.message(payload.message, payload.typeName);
    const isCustom = payload.typeName.startsWith("google.protobuf.") && payload.typeName !== "google.protobuf.Empty";
    return isCustom ? { "@type": url, value: json } : { "@type": url, ...(json as JsonObject) };
  }

  #value({ kind }: { kind: { case?: string; value?: unknown } }): Json {
    if (kind.case === "structValue") return this.message(kind.value, "google.protobuf.Struct");
    if (kind.case === "listValue") return this.message(kind.value, "google.protobuf.ListValue");
    return kind.case === "nullValue" || kind.case === undefined ? null : scalar(kind.value);
  }

  #entries(fields: object): JsonObject {
    return Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, this.message(value, "google.protobuf.Value")]),
    );
  }
}

/** Undefined where the canonical form leaves the field out. */
function fieldValue(field: FieldType, message: Record<string, unknown>): unknown {
  if (field.oneof !== null) {
    const arm = message[field.oneof.jsonName] as { case?: string; value?: unknown };
    return arm.case === field.jsonName ? arm.value : undefined;
  }
  const value = message[field.jsonName];
  return isDefault(field, value) ? undefined : value;
}

function scalar(value: unknown): Json {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : (value as Json);
}

function isMessageForm(value: unknown): value is { fields: object } {
  return (
    typeof value === "object" && value !== null && "$typeName" in value && value.$typeName === "google.protobuf.Struct"
  );
}
