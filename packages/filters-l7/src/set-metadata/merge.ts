/** One JSON-like value into another, as Envoy merges structs: mappings by key, lists one behind the other, anything else replaces. Neither is changed. */

type Values = Readonly<Record<string, unknown>>;

export function merged(into: Values, values: Values): Values {
  const result: Record<string, unknown> = Object.assign(Object.create(null), into);
  for (const key of Object.keys(values)) result[key] = mergedValue(result[key], values[key]);
  return result;
}

function mergedValue(into: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return Array.isArray(into) ? [...(into as unknown[]), ...(value as unknown[])] : value;
  return isMapping(value) && isMapping(into) ? merged(into, value) : value;
}

function isMapping(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
