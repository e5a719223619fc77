/**
 * Filters that stand in a `sluice.config.ts` itself: definitions, and functions in the place of one. Every thread imports the file and finds
 * them by their path, as in `./sluice.config.ts#listeners.0.http.filters.1`.
 */
import { DEFINITION, defineHttpFilter } from "@sluice/sdk";
import type { HttpFilter } from "@sluice/sdk";

type OnRequestHeaders = NonNullable<HttpFilter["onRequestHeaders"]>;

/** Lists that may hold a definition. */
const PLACES = /^(?:extensions|listeners\.\d+\.(?:listener_)?filters|listeners\.\d+\.http\.filters)\.\d+$/;
/** The list where a function may stand: it is the `onRequestHeaders` of a filter that has nothing else. */
const HTTP_FILTER = /^listeners\.\d+\.http\.filters\.\d+$/;

export function isDefinition(value: unknown): value is { readonly id: string } {
  return typeof value === "object" && value !== null && DEFINITION in value;
}

/** Whether `value` is a filter, where such a thing may stand. @param path as in `listeners.0.http.filters.1` */
export function isInlineFilter(value: unknown, path: string): boolean {
  return (isDefinition(value) && PLACES.test(path)) || (typeof value === "function" && HTTP_FILTER.test(path));
}

/** `listeners[0].http.filters[1]`, as paths of problems are written, as the reference of a filter: without brackets. */
export function inlinePath(path: string): string {
  return path.replace(/\[(\d+)\]/g, ".$1");
}

/** Splits `./sluice.config.ts#listeners.0.filters.1`; the fragment is undefined in names of whole modules. */
export function splitReference(specifier: string): readonly [module: string, fragment: string | undefined] {
  const at = specifier.lastIndexOf("#");
  const fragment = specifier.slice(at + 1);
  return at > 0 && PLACES.test(fragment) ? [specifier.slice(0, at), fragment] : [specifier, undefined];
}

/** The definition at that path of a configuration; undefined where there is none. */
export function inlineDefinition(configuration: unknown, path: string): unknown {
  let value = configuration;
  for (const key of path.split(".")) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  return typeof value === "function" && HTTP_FILTER.test(path) ? filterOf(value as OnRequestHeaders, path) : value;
}

/** How deep the deepest place of a filter is. */
const DEEPEST = 5;

/**
 * For configurations in memory: a copy with the ids of filters in their place, and the filters. In `extensions` nothing is left of them: it names modules, and
 * the program's registry has these.
 */
export function takeInlineFilters(config: object): { readonly value: object; readonly filters: readonly unknown[] } {
  if (!isMapping(config)) return { value: config, filters: [] };
  const { extensions } = config;
  const filters: unknown[] = Array.isArray(extensions) ? extensions.filter(isDefinition) : [];
  const take = (value: unknown, path: readonly string[]): unknown => {
    const place = path.join(".");
    if (isInlineFilter(value, place)) {
      const definition = typeof value === "function" ? filterOf(value as OnRequestHeaders, place) : value;
      filters.push(definition);
      return (definition as { readonly id: string }).id;
    }
    if (path.length === DEEPEST) return value;
    if (Array.isArray(value)) return value.map((item, index) => take(item, [...path, String(index)]));
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, take(item, [...path, key])]));
  };
  const modules = Array.isArray(extensions) ? { extensions: extensions.filter((each) => !isDefinition(each)) } : {};
  return { value: take({ ...config, ...modules }, []) as object, filters };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function filterOf(onRequestHeaders: OnRequestHeaders, path: string): unknown {
  return defineHttpFilter({
    id: `inline.${path}`,
    maturity: "alpha",
    security: "unknown",
    config: { type: "object", additionalProperties: false },
    create: () => ({ onRequestHeaders }),
  });
}
