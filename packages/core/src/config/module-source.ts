/** Configurations that were never text here: `sluice.config.ts` and the objects of embedding programs. */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { inlinePath, isDefinition, isInlineFilter } from "./inline-filters.ts";
import type { Json } from "./model.ts";
import type { Problems } from "./problems.ts";
import { joinPath } from "./source/path.ts";
import { PlainSource } from "./source/plain-source.ts";
import type { JsonObject } from "./source/source.ts";

export type ImportModule = (url: string) => Promise<unknown>;

/**
 * The default export of a module; undefined where it cannot be had, which is reported. Filters that stand in it are references in what comes back:
 * `./sluice.config.ts#listeners.0.http.filters.1`, and `extensions` names them.
 */
export async function readModule(
  file: string,
  problems: Problems,
  importModule: ImportModule = (url) => import(url),
): Promise<PlainSource | undefined> {
  const at = { file, line: 0, column: 0, path: "" };
  let module: { readonly default?: unknown };
  try {
    module = (await importModule(pathToFileURL(resolve(file)).href)) as typeof module;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.error(at, { code: "ERR_CONFIG_READ", message: `the module cannot be loaded: ${message}` });
    return undefined;
  }
  if (module.default === undefined) {
    problems.error(at, {
      code: "ERR_CONFIG_SYNTAX",
      message: "the module has no default export",
      expected: "export default defineConfig({ … })",
    });
    return undefined;
  }
  const references: string[] = [];
  const source = sourceOfValue(module.default, file, problems, (_filter, path) => {
    const reference = `./${basename(file)}#${path}`;
    if (!path.startsWith("extensions.")) references.push(reference);
    return reference;
  });
  if (source !== undefined && references.length > 0) {
    const named = source.root["extensions"] ?? [];
    if (Array.isArray(named)) source.root["extensions"] = [...named, ...references];
  }
  return source;
}

/** What stands for a filter in plain data. @param path as in `listeners.0.http.filters.1` */
export type NameFilter = (filter: unknown, path: string) => string;

/** A copy of `value` as plain data; what is no data is reported. @param nameFilter none: filters are no data either */
export function sourceOfValue(
  value: unknown,
  name: string,
  problems: Problems,
  nameFilter: NameFilter | null = null,
): PlainSource | undefined {
  const before = problems.errorCount;
  const root = new Copier(name, problems, nameFilter).copy(value, "", []);
  if (problems.errorCount > before) return undefined;
  if (typeof root === "object" && root !== null && !Array.isArray(root)) return new PlainSource(name, root);
  problems.error(
    { file: name, line: 0, column: 0, path: "" },
    { code: "ERR_CONFIG_SYNTAX", message: "the configuration is no object", expected: "an object" },
  );
  return undefined;
}

class Copier {
  readonly #file: string;
  readonly #problems: Problems;
  readonly #nameFilter: NameFilter | null;

  constructor(file: string, problems: Problems, nameFilter: NameFilter | null) {
    this.#file = file;
    this.#problems = problems;
    this.#nameFilter = nameFilter;
  }

  copy(value: unknown, path: string, holders: readonly object[]): Json {
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : this.#refuse(path, String(value));
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (this.#nameFilter !== null) {
      const place = inlinePath(path);
      if (isInlineFilter(value, place)) return this.#nameFilter(value, place);
    }
    if (isDefinition(value)) return this.#refuse(path, "the definition of a filter");
    if (typeof value !== "object") return this.#refuse(path, `a ${typeof value}`);
    if (holders.includes(value)) return this.#refuse(path, "a value that contains itself");
    const within = [...holders, value];
    if (Array.isArray(value)) return value.map((item, index) => this.copy(item, joinPath(path, index), within));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return this.#refuse(path, "an object of a class");
    const made: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue;
      const copied = this.copy(item, joinPath(path, key), within);
      Object.defineProperty(made, key, { value: copied, writable: true, enumerable: true, configurable: true });
    }
    return made;
  }

  #refuse(path: string, what: string): null {
    this.#problems.error(
      { file: this.#file, line: 0, column: 0, path },
      { code: "ERR_CONFIG_TYPE", message: `found ${what}`, expected: "plain data" },
    );
    return null;
  }
}
