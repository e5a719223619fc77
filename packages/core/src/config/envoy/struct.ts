/** google.protobuf.Struct, Value and ListValue: data that keeps its JSON form. A Struct in a field is the JSON itself. */
import type { Message } from "@bufbuild/protobuf";
import type { Json } from "../model.ts";
import { isObject, wrongType } from "./describe.ts";
import type { Reading } from "./read-scalar.ts";

/** The library's limit for messages, and more than any data needs. */
const maxDepth = 100;

/** Fit for a Struct: numbers are finite, the nesting is bounded. */
export function readStruct(json: Json): Reading<{ [key: string]: Json }> {
  if (!isObject(json)) return { wrong: wrongType(json, "a mapping") };
  return checkData(json);
}

export function readListValue(json: Json): Reading<Json[]> {
  if (!Array.isArray(json)) return { wrong: wrongType(json, "a list") };
  return checkData(json);
}

export function checkData<T extends Json>(json: T): Reading<T> {
  if (!isShallow(json, maxDepth)) {
    return { wrong: { code: "ERR_CONFIG_TOO_DEEP", message: `the data is nested deeper than ${maxDepth} levels` } };
  }
  return isFinite(json)
    ? { value: json }
    : { wrong: { code: "ERR_CONFIG_RANGE", message: "the data holds a number that is not finite" } };
}

function isShallow(json: Json, levels: number): boolean {
  if (typeof json !== "object" || json === null) return true;
  return levels > 0 && Object.values(json).every((each: Json) => isShallow(each, levels - 1));
}

function isFinite(json: Json): boolean {
  if (typeof json === "number") return Number.isFinite(json);
  return typeof json !== "object" || json === null || Object.values(json).every(isFinite);
}

/** As protobuf-es represents the well-known types as messages. */
type ValueMessage = Message<"google.protobuf.Value"> & { kind: { case: string | undefined; value?: unknown } };

export function valueMessage(json: Json): ValueMessage {
  return { $typeName: "google.protobuf.Value", kind: valueKind(json) };
}

function valueKind(json: Json): ValueMessage["kind"] {
  if (json === null) return { case: "nullValue", value: 0 };
  if (typeof json === "boolean") return { case: "boolValue", value: json };
  if (typeof json === "number") return { case: "numberValue", value: json };
  if (typeof json === "string") return { case: "stringValue", value: json };
  if (Array.isArray(json)) return { case: "listValue", value: listValueMessage(json) };
  return { case: "structValue", value: structMessage(json) };
}

export function listValueMessage(json: Json[]): Message {
  return { $typeName: "google.protobuf.ListValue", values: json.map(valueMessage) } as Message;
}

export function structMessage(json: { [key: string]: Json }): Message {
  const fields = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, valueMessage(value)]));
  return { $typeName: "google.protobuf.Struct", fields } as Message;
}
