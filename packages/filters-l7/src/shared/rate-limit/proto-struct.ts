/** A serialised google.protobuf.Struct: the value that holds it is read by the reader of values. */
import { parseProtobufValue } from "../../header-to-metadata/protobuf-value.ts";
import { Malformed, ProtoWriter } from "../proto-wire.ts";

/** Value.struct_value */
const STRUCT = 5;

/** @throws Malformed */
export function parseProtobufStruct(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const writer = new ProtoWriter();
  writer.message(STRUCT, bytes);
  const value = parseProtobufValue(writer.finish());
  if (typeof value !== "object" || value === null) throw new Malformed("a Struct that is none");
  return value as Readonly<Record<string, unknown>>;
}
