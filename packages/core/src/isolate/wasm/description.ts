/** What a component says of itself: JSON in its custom section `sluice:filter`, read without running any of its code. */
import {
  type DefinitionBase,
  type JsonSchema,
  MATURITIES,
  type MetadataKey,
  PHASES,
  SECURITY_POSTURES,
  type StreamAttribute,
  isStreamAttribute,
  metadataKey,
} from "@sluice/sdk";
import { WasmFormatError } from "./byte-reader.ts";

/** The fields of a definition that a component states; the meaning is that of `DefinitionBase`. */
export interface ComponentDescription
  extends Pick<
    DefinitionBase,
    "id" | "maturity" | "security" | "mutatesHeaders" | "calls" | "phase" | "before" | "after" | "provides" | "requires"
  > {
  readonly config: JsonSchema;
  readonly routeConfig: JsonSchema | undefined;
  readonly reads: readonly StreamAttribute[];
}

const KEYS = [
  "id",
  "maturity",
  "security",
  "config",
  "routeConfig",
  "reads",
  "calls",
  "mutatesHeaders",
  "phase",
  "before",
  "after",
  "provides",
  "requires",
] as const;
type Key = (typeof KEYS)[number];
type Values = Readonly<Partial<Record<Key, unknown>>>;

/** @throws WasmFormatError whose message completes "the component …" */
export function readDescription(text: string): ComponentDescription {
  const values = parse(text);
  const id = required(values, "id", isText, "a text in reverse DNS");
  const config = required(values, "config", isObject, "a JSON Schema");
  const maturity = required(values, "maturity", oneOf(MATURITIES), `one of ${MATURITIES.join(", ")}`);
  const security = required(values, "security", oneOf(SECURITY_POSTURES), `one of ${SECURITY_POSTURES.join(", ")}`);
  const reads = optional(values, "reads", isTexts, "a list of stream attributes") ?? [];
  for (const name of reads) if (!isStreamAttribute(name)) fail(`reads "${name}", which is no stream attribute`);
  const keys = (key: "provides" | "requires"): readonly MetadataKey[] | undefined =>
    optional(values, key, isTexts, "a list of namespaces")?.map((namespace) => metadataKey(namespace));
  return {
    id: id as string,
    maturity: maturity as ComponentDescription["maturity"],
    security: security as ComponentDescription["security"],
    config: config as JsonSchema,
    routeConfig: optional(values, "routeConfig", isObject, "a JSON Schema") as JsonSchema | undefined,
    reads: reads as readonly StreamAttribute[],
    ...present("calls", optional(values, "calls", isBoolean, "true or false")),
    ...present("mutatesHeaders", optional(values, "mutatesHeaders", isBoolean, "true or false")),
    ...present("phase", optional(values, "phase", oneOf(PHASES), `one of ${PHASES.join(", ")}`)),
    ...present("before", optional(values, "before", isTexts, "a list of ids")),
    ...present("after", optional(values, "after", isTexts, "a list of ids")),
    ...present("provides", keys("provides")),
    ...present("requires", keys("requires")),
  };
}

function parse(text: string): Values {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    fail(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(values)) fail("is no mapping");
  for (const key of Object.keys(values)) {
    if (!(KEYS as readonly string[]).includes(key))
      fail(`has an unknown field "${key}", expected one of ${KEYS.join(", ")}`);
  }
  return values as Values;
}

type Guard<T> = (value: unknown) => value is T;

function required<T>(values: Values, key: Key, guard: Guard<T>, expected: string): T {
  if (values[key] === undefined) fail(`lacks ${key}, expected ${expected}`);
  return optional(values, key, guard, expected)!;
}

function optional<T>(values: Values, key: Key, guard: Guard<T>, expected: string): T | undefined {
  const value = values[key];
  if (value === undefined || guard(value)) return value;
  return fail(`has ${key} ${JSON.stringify(value)}, expected ${expected}`);
}

function present<K extends string, T>(key: K, value: T | undefined): { readonly [key in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: T };
}

function fail(message: string): never {
  throw new WasmFormatError(`has a description that ${message}`);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneOf<T extends string>(words: readonly T[]): Guard<T> {
  return (value): value is T => words.includes(value as T);
}
