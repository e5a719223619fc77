/** What is special about google.protobuf types and TypedStruct, and the zero values of fields. */
import type { FieldType, MessageType } from "./registry.ts";

export const typedStruct = "xds.type.v3.TypedStruct";

export function isTypedStruct(typeName: string): boolean {
  return typeName === typedStruct || typeName === "udpa.type.v1.TypedStruct";
}

/** Needs no entry in the table of what is supported. */
export function isWellKnown(typeName: string): boolean {
  return typeName.startsWith("google.protobuf.") || isTypedStruct(typeName);
}

const wrappers: ReadonlySet<string> = new Set(
  ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);

export function isWrapper(typeName: string): boolean {
  return wrappers.has(typeName);
}

/** A message with all fields unset, as protobuf-es creates it. */
export function zeroMessage(type: MessageType): { $typeName: string } & Record<string, unknown> {
  const message: { $typeName: string } & Record<string, unknown> = { $typeName: type.name };
  for (const oneof of type.oneofs) message[oneof.jsonName] = { case: undefined };
  for (const field of type.fields) {
    if (field.oneof !== null) continue;
    const zero = zeroValue(field);
    if (zero !== undefined) message[field.jsonName] = zero;
  }
  return message;
}

/** Undefined for messages. */
export function zeroValue(field: FieldType): unknown {
  if (field.shape === "list") return [];
  if (field.shape === "map") return {};
  switch (field.type) {
    case "message":
      return undefined;
    case "string":
      return "";
    case "bool":
      return false;
    case "bytes":
      return new Uint8Array(0);
    case "int64":
    case "uint64":
      return 0n;
    default:
      return 0;
  }
}

/** Whether a field outside a oneof is unset, or holds what unset means. */
export function isDefault(field: FieldType, value: unknown): boolean {
  if (value === undefined) return true;
  if (field.shape === "list") return (value as unknown[]).length === 0;
  if (field.shape === "map") return Object.keys(value as object).length === 0;
  if (field.type === "message") return false;
  return value instanceof Uint8Array ? value.length === 0 : Object.is(value, zeroValue(field));
}
