/**
 * The message and enum types of Envoy's API, read from one line each of assets/envoy-types.tsv when first asked for.
 * Why not a registry of @bufbuild/protobuf: the imports of a bootstrap pull in 72 files, 45 ms and 30 MB; the types that a
 * configuration really uses cost 2 ms and 1 MB.
 */
import { existsSync, readFileSync } from "node:fs";
import {
  camelCase,
  type EnumLine,
  type FieldLine,
  type MessageLine,
  type RulesLine,
  type ScalarName,
} from "./type-lines.ts";

export interface FieldType {
  /** Proto name, snake_case. */
  readonly name: string;
  /** JSON name, and property of the generated types. */
  readonly jsonName: string;
  readonly type: ScalarName | "message" | "enum";
  /** Name of the message or enum; empty for scalars. */
  readonly typeName: string;
  readonly shape: "one" | "list" | "map";
  readonly mapKey: ScalarName;
  readonly oneof: OneofType | null;
  readonly rules: RulesLine | null;
}

export interface OneofType {
  readonly name: string;
  readonly jsonName: string;
  readonly isRequired: boolean;
  readonly fields: readonly FieldType[];
}

export class MessageType {
  readonly name: string;
  readonly fields: readonly FieldType[];
  readonly oneofs: readonly OneofType[];
  readonly #byKey = new Map<string, FieldType>();

  constructor(name: string, line: MessageLine) {
    const arms = (line.o ?? []).map((): FieldType[] => []);
    const oneofs = (line.o ?? []).map(({ n, required }, i): OneofType => {
      return { name: n, jsonName: camelCase(n), isRequired: required === true, fields: arms[i] ?? [] };
    });
    this.name = name;
    this.oneofs = oneofs;
    this.fields = line.f.map((described) => fieldType(described, oneofs));
    for (const [i, field] of this.fields.entries()) {
      this.#byKey.set(field.name, field).set(field.jsonName, field);
      arms[line.f[i]?.o ?? -1]?.push(field);
    }
  }

  /** By proto name or JSON name. */
  field(key: string): FieldType | undefined {
    return this.#byKey.get(key);
  }
}

function fieldType(line: FieldLine, oneofs: readonly OneofType[]): FieldType {
  return {
    name: line.n,
    jsonName: camelCase(line.n),
    type: line.t,
    typeName: line.r ?? "",
    shape: line.c ?? "one",
    mapKey: line.k ?? "string",
    oneof: line.o === undefined ? null : (oneofs[line.o] ?? null),
    rules: line.v ?? null,
  };
}

export class EnumType {
  readonly name: string;
  readonly values: readonly (readonly [string, number])[];

  constructor(name: string, line: EnumLine) {
    this.name = name;
    this.values = line.e;
  }

  /** Also in lower case and with `-` for `_`, as Envoy reads enums (`strict_dns`). */
  number(name: string): number | undefined {
    const upper = name.toUpperCase().replaceAll("-", "_");
    return (this.values.find(([each]) => each === name) ??
      this.values.find(([each]) => each.toUpperCase() === upper))?.[1];
  }

  /** The first name, where a number has several. */
  nameOf(number: number): string | undefined {
    return this.values.find(([, each]) => each === number)?.[0];
  }
}

export class TypeRegistry {
  readonly #text: string;
  /** Where each type's line starts. */
  readonly #starts = new Map<string, number>();
  readonly #types = new Map<string, MessageType | EnumType>();

  constructor(text: string) {
    this.#text = text;
    for (let start = 0; start < text.length; start = text.indexOf("\n", start) + 1) {
      this.#starts.set(text.slice(start, text.indexOf("\t", start)), start);
    }
  }

  message(name: string): MessageType | undefined {
    const type = this.#get(name);
    return type instanceof MessageType ? type : undefined;
  }

  enumeration(name: string): EnumType | undefined {
    const type = this.#get(name);
    return type instanceof EnumType ? type : undefined;
  }

  /** All type names, messages and enums. */
  names(): Iterable<string> {
    return this.#starts.keys();
  }

  #get(name: string): MessageType | EnumType | undefined {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const start = this.#starts.get(name);
    if (start === undefined) return undefined;
    const line: MessageLine | EnumLine = JSON.parse(
      this.#text.slice(start + name.length + 1, this.#text.indexOf("\n", start)),
    );
    const type = "e" in line ? new EnumType(name, line) : new MessageType(name, line);
    this.#types.set(name, type);
    return type;
  }
}

let registry: TypeRegistry | null = null;

/** The registry of this thread; the file is read at the first call. */
export function envoyTypes(): TypeRegistry {
  registry ??= new TypeRegistry(readFileSync(assetUrl("envoy-types.tsv"), "utf8"));
  return registry;
}

/** The package's assets folder lies above this file in the sources, and above the bundle in dist. */
export function assetUrl(name: string): URL {
  for (const up of ["../assets/", "../../assets/", "../../../assets/"]) {
    const url = new URL(up + name, import.meta.url);
    if (existsSync(url)) return url;
  }
  throw new Error(`@sluice/core is incomplete: assets/${name} is missing`);
}
