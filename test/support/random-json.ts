/** Random JSON for a message of Envoy's API, valid by the proto3 JSON mapping in all its spellings; from one seed always the same. */
import { envoyTypes, type FieldType, type MessageType } from "../../packages/core/src/config/envoy/registry.ts";
import { seededRandom } from "../../packages/core/src/testing/kit-services.ts";
import type { Json } from "../../packages/core/src/config/model.ts";

export type Random = () => number;

export const seeded = (seed: number): Random => seededRandom(seed).next;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

const texts = ["", "a", "x-y", "é😀", "__proto__", "a.b/c", "1", "true"];

const scalars: Readonly<Record<string, readonly Json[]>> = {
  bool: [true, false],
  string: texts,
  bytes: ["", "aGk=", "aGk", "_-8=", "AAECAw=="],
  int32: [0, 1, -1, 2147483647, -2147483648, "5", "-7"],
  uint32: [0, 1, 4294967295, "42"],
  int64: [0, 7, "-9223372036854775808", "9223372036854775807", 9007199254740991],
  uint64: [0, 7, "18446744073709551615"],
  float: [0, 1.5, "NaN", "Infinity", "-Infinity", "2.5", -3],
  double: [0, 1e300, "NaN", "Infinity", "1e-3", -0.25],
};

const wellKnown: Readonly<Record<string, readonly Json[]>> = {
  Duration: ["0s", "1.5s", "-1.5s", "0.000000001s", "315576000000s", "-0.5s", "3600s"],
  Timestamp: ["2030-01-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-02-29T12:00:00.123456789+01:00"],
  Struct: [{}, { a: 1, b: [true, null, "x", { c: {} }] }, JSON.parse('{"__proto__":{"x":1}}')],
  Value: [null, 1, "x", true, [1, [2]], { a: { b: null } }],
  ListValue: [[], [1, "a", [null, {}]]],
  Empty: [{}],
  Any: [
    { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", start_child_span: true },
    { "@type": "type.googleapis.com/google.protobuf.Duration", value: "2s" },
    { "@type": "x/google.protobuf.StringValue", value: "v" },
    { "@type": "type.googleapis.com/google.protobuf.Struct", value: { a: [1] } },
    { "@type": "type.googleapis.com/google.protobuf.Empty" },
    { "@type": "type.googleapis.com/envoy.config.core.v3.Address", pipe: { path: "/p" } },
  ],
};

export function randomMessage(type: MessageType, random: Random, depth = 3): { [key: string]: Json } {
  const json: { [key: string]: Json } = {};
  const arms = new Map(type.oneofs.map((oneof) => [oneof, pick(random, oneof.fields)]));
  for (const field of type.fields) {
    if (field.oneof === null ? random() < 0.4 : arms.get(field.oneof) !== field) continue;
    if (depth === 0 && field.type === "message" && !field.typeName.startsWith("google.protobuf.")) continue;
    json[random() < 0.5 ? field.name : field.jsonName] = randomField(field, random, depth - 1);
  }
  return json;
}

function randomField(field: FieldType, random: Random, depth: number): Json {
  if (field.shape === "list")
    return Array.from({ length: Math.floor(random() * 3) }, () => randomSingle(field, random, depth));
  if (field.shape === "one") return randomSingle(field, random, depth);
  const map: { [key: string]: Json } = {};
  for (const key of field.mapKey === "string" ? ["a", "b.c"] : ["1", "2147483647"]) {
    if (random() < 0.5) map[key] = randomSingle(field, random, depth);
  }
  return map;
}

function randomSingle(field: FieldType, random: Random, depth: number): Json {
  if (field.typeName === "google.protobuf.NullValue") return null;
  if (field.type === "enum") {
    const [name, number] = pick(random, envoyTypes().enumeration(field.typeName)?.values ?? []);
    return pick(random, [name, number]);
  }
  if (field.type !== "message") return pick(random, scalars[field.type] ?? []);
  const type = envoyTypes().message(field.typeName) as MessageType;
  if (!type.name.startsWith("google.protobuf.")) return randomMessage(type, random, depth);
  const name = type.name.slice("google.protobuf.".length);
  return structuredClone(pick(random, wellKnown[name] ?? scalars[type.fields[0]?.type ?? ""] ?? []));
}
