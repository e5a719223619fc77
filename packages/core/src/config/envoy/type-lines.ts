/** The lines of assets/envoy-types.tsv: written by scripts/build-protos.ts, read by registry.ts. Short keys, since there are thousands. */

export interface MessageLine {
  /** Fields in the order of the proto. */
  f: FieldLine[];
  /** Oneofs: proto name, and whether one arm must be set (validate.required). */
  o?: { n: string; required?: true }[];
}

/** Names and numbers. */
export interface EnumLine {
  e: [string, number][];
}

export type ScalarName = "double" | "float" | "int64" | "uint64" | "int32" | "uint32" | "bool" | "string" | "bytes";

export interface FieldLine {
  /** Proto name. Its camelCase is the JSON name and the property of the generated types. */
  n: string;
  /** Number. */
  i: number;
  /** Type, of the elements or values where the field is a list or map. */
  t: ScalarName | "message" | "enum";
  /** Name of the message or enum. */
  r?: string;
  c?: "list" | "map";
  /** Type of a map's keys where they are not strings. */
  k?: ScalarName;
  /** Index of the oneof it belongs to. */
  o?: number;
  /** validate.rules. */
  v?: RulesLine;
}

/**
 * validate.rules of protoc-gen-validate, the type's name left out; those that Envoy's protos use (the build fails at others).
 * Durations are strings as in `1.5s`; lengths of strings are in code points.
 */
export interface RulesLine {
  required?: boolean;
  const?: boolean;
  lt?: number | string;
  lte?: number | string;
  gt?: number | string;
  gte?: number | string;
  in?: (number | string)[];
  not_in?: (number | string)[];
  min_len?: number;
  max_len?: number;
  max_bytes?: number;
  pattern?: string;
  well_known_regex?: "HTTP_HEADER_NAME" | "HTTP_HEADER_VALUE";
  /** false: the well-known expression only refuses NUL, CR and LF. */
  strict?: boolean;
  ignore_empty?: boolean;
  defined_only?: boolean;
  min_items?: number;
  max_items?: number;
  unique?: boolean;
  items?: RulesLine;
  min_pairs?: number;
  keys?: RulesLine;
  values?: RulesLine;
}

/** As protoc derives json_name from a field's name, and protobuf-es its property. */
export function camelCase(name: string): string {
  return name.replaceAll(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}
