/** The lists of filters in the schema of the short form: each filter's name with what it takes. */
import type { DefinitionKind, JsonSchema } from "@sluice/sdk";
import type { FilterSchemas } from "./filter-schemas.ts";
import { anyOf, flag, text } from "./parts.ts";

/** A name, or a name with its configuration and what stands beside it. */
export function filterEntry(
  filters: FilterSchemas,
  kind: DefinitionKind,
  options: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  const names = filters.byName(kind, "config");
  const byName = [...names].map(([name, schema]) => [name, anyOf(schema, { type: "null" })] as const);
  return anyOf(
    // A list of nothing is no enum: validators refuse the whole schema.
    names.size === 0 ? { not: {} } : { enum: [...names.keys()] },
    {
      type: "object",
      properties: { name: text, ...options, ...Object.fromEntries(byName) },
      additionalProperties: false,
      minProperties: 1,
    },
  );
}

/** Names that a chain gives its filters are not known here: what stands under another name is not judged. */
export function routeFilters(filters: FilterSchemas): JsonSchema {
  const byName = [...filters.byName("http", "routeConfig")].map(
    ([name, schema]) => [name, anyOf(flag, schema)] as const,
  );
  return {
    type: "object",
    properties: Object.fromEntries(byName),
    additionalProperties: { type: ["boolean", "object"] },
  };
}
