/** Parsed configurations of filters as JSON: schemas may yield more than JSON can say. */
import type { Json } from "../config/model.ts";

const MAX_DEPTH = 20;

export function plain(value: unknown, depth = 0): Json {
  if (depth > MAX_DEPTH) return "…";
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return String(value);
    case "undefined":
      return null;
    case "function":
    case "symbol":
      return `[${typeof value}]`;
    default:
      return value === null ? null : plainObject(value as object, depth + 1);
  }
}

function plainObject(value: object, depth: number): Json {
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof RegExp || value instanceof URL) return String(value);
  if (value instanceof Date) return value.toJSON();
  if (value instanceof Set) return [...value].map((inner) => plain(inner, depth));
  if (Array.isArray(value)) return value.map((inner) => plain(inner, depth));
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  const made: { [key: string]: Json } = {};
  const isOpaque = Object.keys(value).length === 0 && Object.getPrototypeOf(value) !== Object.prototype;
  // What a class keeps to itself cannot be shown.
  if (isOpaque && !(value instanceof Map)) return `[${value.constructor?.name ?? "object"}]`;
  for (const [key, inner] of entries) if (inner !== undefined) made[String(key)] = plain(inner, depth);
  return made;
}
