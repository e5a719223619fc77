/** What an entry of `extensions` may say beside its module: of a WebAssembly component, how much memory it gets and what of WASI. */
import {
  type ComponentOptions,
  GRANTS_EXPECTED,
  MEMORY_EXPECTED,
  componentDefaults,
  isComponentUrl,
  isGrant,
  readMemory,
  withOptions,
} from "../isolate/wasm/component-options.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Finding, Problems } from "./problems.ts";
import type { JsonObject, Locator } from "./source/source.ts";

const OPTIONS = ["memory", "grants"] as const;
export const EXTENSION_KEYS: readonly string[] = ["module", ...OPTIONS];

/** The URL with the options of `entry`, which every thread reads from it; undefined where they are wrong, which is reported. */
export function applyExtensionOptions(
  url: string,
  entry: JsonObject,
  locator: Locator,
  problems: Problems,
): string | undefined {
  const before = problems.errorCount;
  const refuse = (key: string, finding: Finding, part?: "key"): void =>
    problems.error(locator.locate(entry, key, part), finding);
  for (const key of Object.keys(entry)) {
    if (!EXTENSION_KEYS.includes(key))
      refuse(
        key,
        {
          code: "ERR_CONFIG_UNKNOWN_FIELD",
          message: `unknown key "${key}"`,
          suggestion: didYouMean(key, EXTENSION_KEYS),
        },
        "key",
      );
    else if (key !== "module" && !isComponentUrl(url))
      refuse(key, {
        code: "ERR_CONFIG_CONFLICT",
        message: `${key} is for WebAssembly components, and the module is none`,
      });
  }
  const { memory, grants } = entry;
  const memoryBytes = memory === undefined ? componentDefaults.memoryBytes : readMemory(memory);
  if (memoryBytes === undefined)
    refuse("memory", { code: "ERR_CONFIG_TYPE", message: "memory is something else", expected: MEMORY_EXPECTED });
  const isList = grants === undefined || (Array.isArray(grants) && grants.every(isGrant));
  if (!isList)
    refuse("grants", { code: "ERR_CONFIG_TYPE", message: "grants are something else", expected: GRANTS_EXPECTED });
  if (problems.errorCount > before || memoryBytes === undefined) return undefined;
  const options: ComponentOptions = { memoryBytes, grants: (grants ?? []) as unknown as ComponentOptions["grants"] };
  return isComponentUrl(url) ? withOptions(url, options) : url;
}
