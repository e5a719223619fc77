/**
 * Writes every message and enum of a descriptor set as one line, `name<TAB>json`, which a reader parses alone when a
 * configuration names it. The form of the json is src/config/envoy/type-lines.ts.
 */
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  toJson,
} from "@bufbuild/protobuf";
import type { FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import {
  camelCase,
  type EnumLine,
  type FieldLine,
  type MessageLine,
  type RulesLine,
  type ScalarName,
} from "../../src/config/envoy/type-lines.ts";

type Registry = ReturnType<typeof createFileRegistry>;

export function describeTypes(set: FileDescriptorSet): string {
  const registry = createFileRegistry(set);
  const lines: string[] = [];
  for (const type of registry) {
    if (type.kind !== "message" && type.kind !== "enum") continue;
    if (/annotations|^validate\/|^google\/protobuf\/descriptor$|^google\/api\/(?!expr)/.test(type.file.name)) continue;
    if (type.kind === "message") lines.push(line(type.typeName, describeMessage(type, registry)));
    else lines.push(line(type.typeName, { e: type.values.map((value) => [value.name, value.number]) }));
  }
  return `${lines.sort().join("\n")}\n`;
}

function line(name: string, description: MessageLine | EnumLine): string {
  return `${name}\t${JSON.stringify(description)}`;
}

function describeMessage(message: DescMessage, registry: Registry): MessageLine {
  const required = extension(registry, "validate.required");
  const described: MessageLine = { f: message.fields.map((field) => describeField(field, registry)) };
  if (message.oneofs.length > 0) {
    described.o = message.oneofs.map((oneof) => ({
      n: named(oneof),
      ...(hasOption(oneof, required) && getOption(oneof, required) === true ? { required: true as const } : {}),
    }));
  }
  return described;
}

const scalarNames: Readonly<Record<number, ScalarName>> = {
  1: "double",
  2: "float",
  3: "int64",
  4: "uint64",
  5: "int32",
  6: "uint64",
  7: "uint32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
  15: "int32",
  16: "int64",
  17: "int32",
  18: "int64",
};

function describeField(field: DescField, registry: Registry): FieldLine {
  const described: FieldLine = { n: named(field), i: field.number, t: typeOf(field) };
  if (field.message !== undefined || field.enum !== undefined)
    described.r = (field.message ?? field.enum)?.typeName ?? "";
  if (field.fieldKind === "list" || field.fieldKind === "map") described.c = field.fieldKind;
  if (field.fieldKind === "map" && scalarName(field, field.mapKey) !== "string")
    described.k = scalarName(field, field.mapKey);
  if (field.oneof !== undefined) described.o = field.parent.oneofs.indexOf(field.oneof);
  const rules = describeRules(field, registry);
  if (rules !== undefined) described.v = rules;
  return described;
}

function typeOf(field: DescField): FieldLine["t"] {
  if (field.message !== undefined) return "message";
  if (field.enum !== undefined) return "enum";
  return scalarName(field, field.scalar ?? 0);
}

function scalarName(field: DescField, type: number): ScalarName {
  return scalarNames[type] ?? unknownKind(field);
}

/** The reader derives JSON and property names, and knows no `optional`. */
function named(desc: DescField | DescOneof): string {
  const expected = camelCase(desc.name);
  if (desc.localName !== expected) unknownKind(desc);
  if (desc.kind === "field" && (desc.jsonName !== expected || desc.proto.proto3Optional)) unknownKind(desc);
  return desc.name;
}

function unknownKind(desc: DescField | DescOneof): never {
  throw new Error(`${desc.toString()} is of a kind that the reader does not know`);
}

function describeRules(field: DescField, registry: Registry): RulesLine | undefined {
  const rules = extension(registry, "validate.rules");
  if (!hasOption(field, rules)) return undefined;
  const schema = registry.getMessage("validate.FieldRules");
  if (schema === undefined) throw new Error("validate.FieldRules is missing");
  const value = getOption(field, rules) as Parameters<typeof toJson>[1];
  const flat = flatten(toJson(schema, value, { useProtoFieldName: true, registry }));
  return Object.keys(flat).length > 0 ? flat : undefined;
}

const knownRules: ReadonlySet<string> = new Set<keyof RulesLine>([
  ...([
    "required",
    "const",
    "lt",
    "lte",
    "gt",
    "gte",
    "in",
    "not_in",
    "min_len",
    "max_len",
    "max_bytes",
    "pattern",
  ] as const),
  ...([
    "well_known_regex",
    "strict",
    "ignore_empty",
    "defined_only",
    "min_items",
    "max_items",
    "unique",
    "items",
  ] as const),
  ...(["min_pairs", "keys", "values"] as const),
]);

/** FieldRules name the field's type once more; the field knows it. 64-bit numbers are strings in JSON; here they are numbers. */
function flatten(json: unknown): RulesLine {
  const flat: Record<string, unknown> = {};
  for (const rules of Object.values(json as Record<string, Record<string, unknown>>)) {
    for (const [name, value] of Object.entries(rules)) {
      if (!knownRules.has(name)) throw new Error(`nothing checks the rule ${name}`);
      if (name === "items" || name === "keys" || name === "values") flat[name] = flatten(value);
      else flat[name] = Array.isArray(value) ? value.map(plain) : plain(value);
    }
  }
  return flat as RulesLine;
}

function plain(value: unknown): unknown {
  if (typeof value !== "string" || !/^-?\d+$/.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function extension(registry: Registry, name: string) {
  return registry.getExtension(name) ?? missing(name);
}

function missing(name: string): never {
  throw new Error(`${name} is missing`);
}
