/**
 * Modules that bring extensions: `extensions` of the short form, and in Envoy's form an entry of bootstrap_extensions,
 * `{ name, typed_config: TypedStruct { type_url: sluice.extension, value: { module } } }`. Read before anything is bound, since binding needs their ids.
 */
import { resolve } from "node:path";
import type { Registry } from "../registry/registry.ts";
import { sdkRangeProblem } from "../registry/sdk-range.ts";
import { BundleError, type Bundler } from "./bundler.ts";
import { splitReference } from "./inline-filters.ts";
import { applyExtensionOptions } from "./extension-options.ts";
import type { ExtensionModule, Json, ModuleBundle } from "./model.ts";
import type { Problems } from "./problems.ts";
import { resolveModule } from "./resolve-module.ts";
import type { JsonObject, Locator } from "./source/source.ts";

export const extensionType = "sluice.extension";

/** The long form of one entry of `extensions`. */
export function extensionEntry(specifier: string, options: JsonObject = {}): JsonObject {
  const value = { ...options, module: specifier };
  return {
    name: specifier,
    typed_config: {
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
      type_url: `type.googleapis.com/${extensionType}`,
      value,
    },
  };
}

/** A module as it is written, and where. */
interface Written {
  readonly specifier: string;
  readonly container: object;
  readonly key: string | number;
  /** The mapping that names the module, with what it says beside; null where only its name is written. */
  readonly entry: JsonObject | null;
}

export interface LoadedExtensions {
  readonly modules: readonly ExtensionModule[];
  /** As written → URL of the module; null where it could not be loaded. */
  readonly bySpecifier: ReadonlyMap<string, string | null>;
}

/** Resolves and loads what `root` (of either form) asks for; what fails is reported where it stands. */
export async function loadExtensions(
  root: JsonObject,
  locator: Locator,
  directory: string,
  registry: Registry,
  problems: Problems,
  bundler?: Bundler,
): Promise<LoadedExtensions> {
  const modules: ExtensionModule[] = [];
  const bySpecifier = new Map<string, string | null>();
  for (const { specifier, container, key, entry } of writtenModules(root, locator, problems)) {
    const written = locator.locate(container, key);
    const [module, fragment] = splitReference(specifier);
    // A filter that stands in the configuration is wrong where it stands.
    const at = fragment === undefined ? written : { ...written, path: fragment };
    const refuse = (message: string, suggestion?: string): void => {
      problems.error(at, { code: "ERR_CONFIG_REFERENCE", message, suggestion });
      bySpecifier.set(specifier, null);
    };
    const resolved = resolveModule(module, directory);
    if (!("url" in resolved)) {
      bundler?.missing(resolve(directory, module));
      refuse(resolved.message, resolved.suggestion);
      continue;
    }
    const plain = fragment === undefined ? resolved.url : `${resolved.url}#${fragment}`;
    const url = entry === null ? plain : applyExtensionOptions(plain, entry, locator, problems);
    if (url === undefined) {
      bySpecifier.set(specifier, null);
      continue;
    }
    const misfit = sdkRangeProblem(url);
    if (misfit !== null) {
      refuse(`the extension ${specifier} cannot be used: ${misfit}`);
      continue;
    }
    let bundle: ModuleBundle | undefined;
    try {
      bundle = (await bundler?.bundle(resolved.url)) ?? undefined;
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      refuse(`the extension ${specifier} cannot be loaded: ${error.message}`);
      continue;
    }
    const failures = await registry.load([{ specifier, url, bundle }]);
    for (const { message } of failures) refuse(`the extension ${specifier} ${message}`);
    if (failures.length > 0) continue;
    const position = at.line > 0 ? `${at.file}:${at.line}:${at.column}` : at.file;
    modules.push({ specifier, url, place: { path: at.path, position }, ...(bundle === undefined ? {} : { bundle }) });
    bySpecifier.set(specifier, url);
  }
  return { modules, bySpecifier };
}

function* writtenModules(root: JsonObject, locator: Locator, problems: Problems): Iterable<Written> {
  const list = root["extensions"];
  if (Array.isArray(list)) {
    for (const [key, specifier] of list.entries()) {
      const entry = asObject(specifier);
      const module = entry["module"];
      if (typeof specifier === "string") yield { specifier, container: list, key, entry: null };
      else if (typeof module === "string") yield { specifier: module, container: entry, key: "module", entry };
      else
        problems.error(locator.locate(list, key), {
          code: "ERR_CONFIG_TYPE",
          message: "an extension is something else",
          expected: "a package's name or a file as in ./filters/audit.ts, or a mapping { module: … }",
        });
    }
  }
  for (const entry of asList(root["bootstrap_extensions"] ?? root["bootstrapExtensions"])) {
    const value = structValue(asObject(entry));
    const specifier = value?.["module"];
    if (value !== undefined && typeof specifier === "string")
      yield { specifier, container: value, key: "module", entry: value };
  }
}

/** The value of the TypedStruct, where it is one of ours. */
function structValue(entry: JsonObject): JsonObject | undefined {
  const config = asObject(entry["typed_config"] ?? entry["typedConfig"]);
  const url = config["type_url"] ?? config["typeUrl"];
  if (typeof url !== "string" || url.slice(url.lastIndexOf("/") + 1) !== extensionType) return undefined;
  return asObject(config["value"]);
}

function asList(json: Json | undefined): Json[] {
  return Array.isArray(json) ? json : [];
}

function asObject(json: Json | undefined): JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : {};
}
