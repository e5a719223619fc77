import type { Json } from "./model.ts";
import type { JsonObject } from "./source/source.ts";

export function isMapping(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
