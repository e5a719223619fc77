/**
 * JSON Schemas of what filters are configured with: stated by the definition, told by its schema library (Standard JSON Schema), a plain JSON Schema as it is, or made
 * from the filter's message. Where nobody tells, anything goes, and a description says so.
 */
import type { DefinitionKind, JsonSchema } from "@sluice/sdk";
import type { Registered } from "../registry/registry.ts";
import { FILTER_WORDS } from "./filter-words.ts";
import type { MessageSchemas } from "./message-schemas.ts";

type Which = "config" | "routeConfig";

export class FilterSchemas {
  /** By `<id>` and `<id>.routeConfig`. */
  readonly definitions: Record<string, JsonSchema> = {};
  readonly #messages: MessageSchemas;
  readonly #registered: readonly Registered[];
  readonly #bySpecifier: ReadonlyMap<string, readonly string[]>;

  /** `bySpecifier`: an entry of `extensions` → ids of the filters that it brings. */
  constructor(
    messages: MessageSchemas,
    registered: readonly Registered[],
    bySpecifier: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#messages = messages;
    this.#registered = registered;
    this.#bySpecifier = bySpecifier;
  }

  /** Every name that the short form knows for filters of that kind → the schema of its configuration. */
  byName(kind: DefinitionKind, which: Which): Map<string, JsonSchema> {
    const ofKind = this.#registered.filter((each) => each.kind === kind);
    const names = new Map<string, JsonSchema>();
    for (const { definition } of ofKind) names.set(definition.id, this.#short(definition, which));
    for (const { definition } of ofKind) {
      const { id } = definition;
      const short = id.slice(id.lastIndexOf(".") + 1);
      // Of several the built-in one is meant; without one the name means none.
      const same = ofKind.filter((each) => each.definition.id.endsWith(`.${short}`));
      if (same.length === 1 || id === `envoy.filters.${kind}.${short}`)
        names.set(short, this.#short(definition, which));
    }
    for (const [specifier, ids] of this.#bySpecifier) {
      const found = ofKind.filter(({ definition }) => ids.includes(definition.id));
      if (found.length === 1) names.set(specifier, this.reference(found[0]!.definition, which));
    }
    return names;
  }

  /** The same as in the long form, and the short form's own words beside it. */
  #short(definition: Registered["definition"], which: Which): JsonSchema {
    const reference = this.reference(definition, which);
    const { id, messages, routeMessage } = definition;
    const message = Object.keys(messages ?? {})[0];
    const words = Object.hasOwn(FILTER_WORDS, id) ? FILTER_WORDS[id] : undefined;
    if (words === undefined || message === undefined || (which === "routeConfig" && routeMessage !== message))
      return reference;
    const whole = this.#messages.definitions[message];
    this.definitions[`${id}.short`] ??= { ...whole, properties: { ...whole?.properties, ...words } };
    return { $ref: `#/$defs/${id}.short` };
  }

  /** A reference to the schema of a filter's configuration. */
  reference(definition: Registered["definition"], which: Which): JsonSchema {
    const name = which === "config" ? definition.id : `${definition.id}.routeConfig`;
    this.definitions[name] ??= localReferences(this.#schemaOf(definition, which), name);
    return { $ref: `#/$defs/${name}` };
  }

  #schemaOf(definition: Registered["definition"], which: Which): JsonSchema {
    const { messages, routeMessage, configJsonSchema, routeConfigJsonSchema } = definition;
    const stated = which === "config" ? configJsonSchema : routeConfigJsonSchema;
    if (stated !== undefined) return stated;
    const message = which === "config" ? Object.keys(messages ?? {})[0] : routeMessage;
    const ofMessage = message === undefined ? undefined : this.#messages.reference(message);
    if (ofMessage !== undefined) return ofMessage;
    const schema: unknown = which === "config" ? definition.config : definition.routeConfig;
    if (schema === undefined) return { not: {}, description: `${definition.id} has no configuration of routes` };
    return toldBy(schema) ?? { description: `${definition.id} does not tell what it takes: sluice validate does` };
  }
}

/** undefined where the schema cannot tell. */
function toldBy(schema: unknown): JsonSchema | undefined {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return undefined;
  if (!("~standard" in schema)) return schema as JsonSchema;
  const standard = schema["~standard"] as {
    readonly jsonSchema?: { readonly input?: (options: { readonly target: string }) => unknown };
  };
  try {
    const told = standard.jsonSchema?.input?.({ target: "draft-2020-12" });
    return typeof told === "object" && told !== null ? (told as JsonSchema) : undefined;
  } catch {
    // A part of it has no JSON Schema: a transformation, a custom check.
    return undefined;
  }
}

/** A schema that becomes a part of another: what it refers to in itself is found from the whole's root. */
function localReferences(schema: JsonSchema, name: string): JsonSchema {
  const isOwn = schema["$ref"] === undefined || Object.keys(schema).length > 1;
  if (!isOwn) return schema;
  const { $schema: _dialect, $id: _id, ...rest } = schema;
  return rewrite(rest, `#/$defs/${name}`) as JsonSchema;
}

function rewrite(value: unknown, root: string): unknown {
  if (Array.isArray(value)) return value.map((inner) => rewrite(inner, root));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string" && /^#(?:\/|$)/.test(inner)
        ? root + inner.slice(1)
        : rewrite(inner, root),
    ]),
  );
}
