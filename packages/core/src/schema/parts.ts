/** Small parts that the schema of the short form is written with. */
import type { JsonSchema } from "@sluice/sdk";

export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };
export const count: JsonSchema = { type: "integer", minimum: 0 };
export const duration: JsonSchema = { type: "string", pattern: "^\\d{1,12}(\\.\\d{1,9})?s$" };
export const address: JsonSchema = {
  type: "string",
  pattern: "^(unix:.+|(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]/\\s]*):\\d{1,5})$",
};

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function mapOf(values: JsonSchema): JsonSchema {
  return { type: "object", additionalProperties: values };
}

export function anyOf(...schemas: readonly JsonSchema[]): JsonSchema {
  return { anyOf: schemas };
}

export function oneOf(...values: readonly (string | number | boolean)[]): JsonSchema {
  return { enum: values };
}

/** A named part. */
export function ref(part: string): JsonSchema {
  return { $ref: `#/$defs/${part}` };
}

export function described(description: string, schema: JsonSchema): JsonSchema {
  return { ...schema, description };
}

/** Held equal to the type: a compile error where a key is missing or one is too many. */
export function part<T>(
  properties: Readonly<Record<keyof T & string, JsonSchema>>,
  required: ReadonlyArray<keyof T & string> = [],
): JsonSchema {
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}
