/** Runs the schema of an extension on its configuration: any Standard Schema library, or a plain JSON Schema (2020-12). */
import { createRequire } from "node:module";
import type { JsonSchema, StandardSchema } from "@sluice/sdk";
import type { ErrorObject, ValidateFunction } from "ajv";
import type { Json } from "../config/model.ts";

/** What is wrong at a path inside the configuration. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type SchemaVerdict =
  /** `value` is the input of `create`: parsed, with defaults. */
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly issues: readonly SchemaProblem[] };

export function judge(schema: unknown, value: Json): SchemaVerdict {
  // The schema may keep or change what it gets; the configuration stays ours.
  const input = structuredClone(value);
  try {
    if (isStandard(schema)) return judgeStandard(schema, input);
    if (typeof schema === "object" && schema !== null) return judgeJsonSchema(schema as JsonSchema, input);
    return refuse("the extension has no schema");
  } catch (error) {
    return refuse(`the extension's schema failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isStandard(schema: unknown): schema is StandardSchema {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

function judgeStandard(schema: StandardSchema, value: Json): SchemaVerdict {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise || "then" in result) {
    // Its outcome is not wanted; unheard, a rejection would end the process.
    Promise.resolve(result).catch(() => {});
    return refuse("the extension's schema is asynchronous, expected one that answers at once");
  }
  if (result.issues === undefined) return { ok: true, value: result.value };
  const issues = result.issues.map((issue) => ({ path: (issue.path ?? []).map(pathKey), message: issue.message }));
  return { ok: false, issues };
}

function pathKey(part: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof part === "object" ? part.key : part;
  return typeof key === "symbol" ? String(key) : key;
}

const compiled = new WeakMap<JsonSchema, ValidateFunction>();

function judgeJsonSchema(schema: JsonSchema, value: Json): SchemaVerdict {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    // Loaded by the first JSON Schema: ajv costs tens of milliseconds, and most chains need none.
    const { Ajv2020 } = createRequire(import.meta.url)("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
    const ajv = new Ajv2020({
      allErrors: true,
      useDefaults: true,
      strict: true,
      strictTypes: false,
      strictTuples: false,
      strictRequired: false,
      validateFormats: false,
    });
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value) === true) return { ok: true, value };
  return { ok: false, issues: (validate.errors ?? []).map(fromAjv) };
}

function fromAjv(error: ErrorObject): SchemaProblem {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const { additionalProperty, missingProperty, allowedValues } = error.params as Readonly<Record<string, unknown>>;
  if (typeof additionalProperty === "string")
    return { path: [...path, additionalProperty], message: "unknown property" };
  if (typeof missingProperty === "string") return { path, message: `property "${missingProperty}" is missing` };
  if (Array.isArray(allowedValues))
    return { path, message: `must be one of ${allowedValues.map((allowed) => JSON.stringify(allowed)).join(", ")}` };
  return { path, message: error.message ?? `does not fit "${error.keyword}"` };
}

function refuse(message: string): SchemaVerdict {
  return { ok: false, issues: [{ path: [], message }] };
}
