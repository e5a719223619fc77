/** What every definition has in common: identity, maturity, schemas, the mark by which an engine knows it. */
import { DefinitionError } from "./errors.ts";
import type { JsonSchema, StandardSchema } from "./schema.ts";
import { SDK_VERSION } from "./version.ts";

/** Marks definitions; a registered symbol, so that two copies of the sdk in one process understand each other. */
export const DEFINITION: unique symbol = Symbol.for("sluice.definition") as never;

export type DefinitionKind = "http" | "network";

export interface DefinitionBase {
  /** Reverse DNS for third parties (`acme.http.greeting`); built-in ids are Envoy's. */
  readonly id: string;
  /** How far it can be relied on. */
  readonly maturity: "alpha" | "beta" | "stable";
  /** What it may be exposed to, as Envoy states it for its extensions. */
  readonly security:
    | "untrusted-downstream"
    | "untrusted-downstream-and-upstream"
    | "trusted-downstream-and-upstream"
    | "unknown";
  /**
   * For filters whose configuration is a protobuf message: message name → the fields that this filter implements, in snake_case.
   * The first message is the configuration's own; the key of the route configuration is `routeMessage`. A set field outside the list is refused by name.
   */
  readonly messages?: Readonly<Record<string, readonly string[]>>;
  readonly routeMessage?: string;
  /** `false`: header maps are read-only for this filter, and a change throws. @default true */
  readonly mutatesHeaders?: boolean;
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
const FIELDS = new Set([
  "id",
  "maturity",
  "security",
  "messages",
  "routeMessage",
  "mutatesHeaders",
  "config",
  "routeConfig",
  "terminal",
  "newState",
  "create",
]);

/** Checks, marks and freezes a definition. @throws DefinitionError */
export function defined<D extends DefinitionBase>(kind: DefinitionKind, definition: D): D {
  const { id } = definition;
  if (typeof id !== "string" || !ID.test(id)) {
    throw new DefinitionError(
      `id ${JSON.stringify(id)}: expected reverse DNS in lower case, like "acme.http.greeting"`,
    );
  }
  for (const key of Object.keys(definition)) {
    if (!FIELDS.has(key)) {
      throw new DefinitionError(`${id}: unknown field "${key}", expected one of ${[...FIELDS].join(", ")}`);
    }
  }
  const { create, config } = definition as { create?: unknown; config?: unknown };
  if (typeof create !== "function") {
    throw new DefinitionError(`${id}: create is missing, expected a function (config, context) => hooks`);
  }
  if (config === null || (typeof config !== "object" && typeof config !== "function")) {
    throw new DefinitionError(`${id}: config is missing, expected a Standard Schema or a JSON Schema`);
  }
  return Object.freeze({ ...definition, [DEFINITION]: kind, sdkVersion: SDK_VERSION });
}
