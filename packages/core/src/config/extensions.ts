/**
 * Modules that bring extensions: `extensions` of the short form, and in Envoy's form an entry of bootstrap_extensions,
 * `{ name, typed_config: TypedStruct { type_url: sluice.extension, value: { module } } }`. Read before anything is bound, since binding needs their ids.
 */
import type { Registry } from "../registry/registry.ts";
import type { ExtensionModule, Json } from "./model.ts";
import type { Problems } from "./problems.ts";
import { resolveModule } from "./resolve-module.ts";
import type { JsonObject, Locator } from "./source/source.ts";

export const extensionType = "sluice.extension";

/** The long form of one entry of `extensions`. */
export function extensionEntry(specifier: string): JsonObject {
  const value = { module: specifier };
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
): Promise<LoadedExtensions> {
  const modules: ExtensionModule[] = [];
  const bySpecifier = new Map<string, string | null>();
  for (const { specifier, container, key } of writtenModules(root, locator, problems)) {
    const at = locator.locate(container, key);
    const refuse = (message: string, suggestion?: string): void => {
      problems.error(at, { code: "ERR_CONFIG_REFERENCE", message, suggestion });
      bySpecifier.set(specifier, null);
    };
    const resolved = resolveModule(specifier, directory);
    if (!("url" in resolved)) {
      refuse(resolved.message, resolved.suggestion);
      continue;
    }
    const { url } = resolved;
    const failures = await registry.load([{ specifier, url }]);
    for (const { message } of failures) refuse(`the extension ${specifier} ${message}`);
    if (failures.length > 0) continue;
    const position = at.line > 0 ? `${at.file}:${at.line}:${at.column}` : at.file;
    modules.push({ specifier, url, place: { path: at.path, position } });
    bySpecifier.set(specifier, url);
  }
  return { modules, bySpecifier };
}

function* writtenModules(root: JsonObject, locator: Locator, problems: Problems): Iterable<Written> {
  const list = root["extensions"];
  if (Array.isArray(list)) {
    for (const [key, specifier] of list.entries()) {
      if (typeof specifier === "string") yield { specifier, container: list, key };
      else
        problems.error(locator.locate(list, key), {
          code: "ERR_CONFIG_TYPE",
          message: "an extension is something else",
          expected: "a package's name or a file as in ./filters/audit.ts",
        });
    }
  }
  for (const entry of asList(root["bootstrap_extensions"] ?? root["bootstrapExtensions"])) {
    const value = structValue(asObject(entry));
    const specifier = value?.["module"];
    if (value !== undefined && typeof specifier === "string") yield { specifier, container: value, key: "module" };
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
