/** What every definition has in common: identity, maturity, schemas, what it declares of itself, the mark by which an engine knows it. */
import { DefinitionError } from "./errors.ts";
import type { MetadataKey } from "./metadata.ts";
import { type StreamAttribute, isStreamAttribute } from "./portable.ts";
import type { JsonSchema, StandardSchema } from "./schema.ts";
import { SDK_VERSION } from "./version.ts";

/** Marks definitions; a registered symbol, so that two copies of the sdk in one process understand each other. */
export const DEFINITION: unique symbol = Symbol.for("sluice.definition") as never;

export type DefinitionKind = "http" | "network" | "listener" | "discovery";

/** How far a filter can be relied on. */
export const MATURITIES = ["alpha", "beta", "stable"] as const;
/** What a filter may be exposed to, as Envoy states it for its extensions. */
export const SECURITY_POSTURES = [
  "untrusted-downstream",
  "untrusted-downstream-and-upstream",
  "trusted-downstream-and-upstream",
  "unknown",
] as const;
/** Parts of a chain, in the order in which requests pass them; filters without a phase stand anywhere. Istio: WasmPlugin.phase. */
export const PHASES = ["authn", "authz", "stats"] as const;
export type Phase = (typeof PHASES)[number];

export interface DefinitionBase {
  /** Reverse DNS for third parties (`acme.http.greeting`); built-in ids are Envoy's. */
  readonly id: string;
  readonly maturity: (typeof MATURITIES)[number];
  readonly security: (typeof SECURITY_POSTURES)[number];
  /**
   * For filters whose configuration is a protobuf message: message name → the fields that this filter implements, in snake_case.
   * The first message is the configuration's own; the key of the route configuration is `routeMessage`. A set field outside the list is refused by name.
   */
  readonly messages?: Readonly<Record<string, readonly string[]>>;
  readonly routeMessage?: string;
  /** `false`: header maps are read-only for this filter, and a change throws. @default true */
  readonly mutatesHeaders?: boolean;
  /** Whether it uses `context.clusters`; without this declaration that throws. @default false */
  readonly calls?: boolean;
  /** Facts of the stream that it reads: outside of inline it gets a copy of these, and reading another throws. Inline they are not held to it. @default none */
  readonly reads?: readonly StreamAttribute[];
  /** Whether it keeps to what works in a thread of its own too, so that `runtime: worker` may be configured for it. @default false */
  readonly portable?: boolean;
  /** Where it belongs in a chain: a filter of an earlier phase that stands after one of a later phase is a configuration error. */
  readonly phase?: Phase;
  /** Ids of filters that MUST NOT stand in front of this one, if they are in its chain at all. */
  readonly before?: readonly string[];
  /** Ids of filters that MUST NOT stand behind this one, if they are in its chain at all. */
  readonly after?: readonly string[];
  /** Metadata that it sets for filters behind it. */
  readonly provides?: readonly MetadataKey[];
  /** Metadata that a filter in front of it has to provide: a chain without one is a configuration error. */
  readonly requires?: readonly MetadataKey[];
  /**
   * JSON Schema (2020-12) of the configuration, for editors. Only needed where `config` is of a library that gives none itself
   * (Standard JSON Schema: zod 4.2, arktype 2.1.28 and newer do).
   */
  readonly configJsonSchema?: JsonSchema;
  readonly routeConfigJsonSchema?: JsonSchema;
}

export interface Schemas<ConfigSchema, RouteSchema> {
  /** A Standard Schema or a JSON Schema; what it yields is the type of `config`. */
  readonly config: ConfigSchema & (StandardSchema<unknown, unknown> | JsonSchema);
  readonly routeConfig?: RouteSchema & (StandardSchema<unknown, unknown> | JsonSchema);
}

export interface Marked {
  readonly [DEFINITION]: DefinitionKind;
  /** Version of the sdk that the definition was made with. */
  readonly sdkVersion: string;
}

const ID = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/;

/** What a field has to be: the words for the error, and whether a value is that. */
type Rule = readonly [expected: string, holds: (value: unknown) => boolean];

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const isBoolean: Rule = ["true or false", (value) => typeof value === "boolean"];
const isFunction: Rule = ["a function", (value) => typeof value === "function"];
const jsonSchema: Rule = ["a JSON Schema", isObject];
const schema: Rule = [
  "a Standard Schema or a JSON Schema",
  (value) => isObject(value) || (typeof value === "function" && "~standard" in value),
];
const listOf = (what: string, holds: (value: unknown) => boolean): Rule => [
  `a list of ${what}`,
  (value) => Array.isArray(value) && value.every(holds),
];
const oneOf = (words: readonly string[]): Rule => [
  `one of ${words.map((word) => `"${word}"`).join(", ")}`,
  (value) => words.includes(value as string),
];
const isId = (value: unknown): boolean => typeof value === "string" && ID.test(value);
const metadataKeys = listOf(
  "what metadataKey() returns",
  (value) => isObject(value) && typeof (value as { readonly namespace?: unknown }).namespace === "string",
);

/** Every field that a definition may have. */
const FIELDS: Readonly<Record<string, Rule>> = {
  id: ['reverse DNS in lower case, like "acme.http.greeting"', isId],
  maturity: oneOf(MATURITIES),
  security: oneOf(SECURITY_POSTURES),
  messages: ["message names with lists of fields", isObject],
  routeMessage: ["a message's name", (value) => typeof value === "string"],
  mutatesHeaders: isBoolean,
  calls: isBoolean,
  reads: listOf("stream attributes", (value) => typeof value === "string" && isStreamAttribute(value)),
  portable: isBoolean,
  phase: oneOf(PHASES),
  before: listOf("ids of filters", isId),
  after: listOf("ids of filters", isId),
  provides: metadataKeys,
  requires: metadataKeys,
  config: schema,
  configJsonSchema: jsonSchema,
  routeConfig: schema,
  routeConfigJsonSchema: jsonSchema,
  terminal: isBoolean,
  maxPeekBytes: ["a whole number above 0", (value) => Number.isInteger(value) && (value as number) > 0],
  newState: isFunction,
  create: ["a function (config, context) => hooks", isFunction[1]],
  start: ["a function (context, update) => discovery", isFunction[1]],
};
const REQUIRED = ["id", "maturity", "security", "config"];
/** What a discovery may have; all others are fields of filters alone. */
const OF_DISCOVERY: ReadonlySet<string> = new Set([...REQUIRED, "messages", "configJsonSchema", "start"]);

/** Checks, marks and freezes a definition. @throws DefinitionError that names every field that is wrong */
export function defined<D extends DefinitionBase>(kind: DefinitionKind, definition: D): D {
  if (!isObject(definition)) throw new DefinitionError("the definition is none: expected an object");
  const problems = definitionProblems(definition, kind);
  if (problems.length > 0) {
    const name = isId(definition.id) ? definition.id : "the definition";
    throw new DefinitionError(`${name}: ${problems.join("; ")}`);
  }
  return Object.freeze({ ...definition, [DEFINITION]: kind, sdkVersion: SDK_VERSION });
}

/** What is wrong with a definition, a clause a field; engines use it on definitions that another copy of the sdk has marked. */
export function definitionProblems(
  definition: object,
  kind: DefinitionKind = (definition as Partial<Marked>)[DEFINITION] ?? "http",
): string[] {
  const fields = definition as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const isDiscovery = kind === "discovery";
  const known = Object.keys(FIELDS).filter((field) => (isDiscovery ? OF_DISCOVERY.has(field) : field !== "start"));
  for (const field of [...REQUIRED, isDiscovery ? "start" : "create"]) {
    if (fields[field] === undefined) problems.push(`${field} is missing, expected ${FIELDS[field]![0]}`);
  }
  for (const [field, value] of Object.entries(fields)) {
    if (field === "sdkVersion" || value === undefined) continue;
    const rule = known.includes(field) ? FIELDS[field] : undefined;
    if (rule === undefined) problems.push(`unknown field "${field}", expected one of ${known.join(", ")}`);
    else if (!rule[1](value)) problems.push(`${field} ${shown(value)}: expected ${rule[0]}`);
  }
  if (fields["phase"] !== undefined && fields["terminal"] === true) problems.push("a terminal filter has no phase");
  return problems;
}

function shown(value: unknown): string {
  if (typeof value === "function") return "is a function";
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return `of the type ${typeof value}`;
  }
}
