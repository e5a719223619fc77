/** Which of the two forms a configuration is in. */
import { didYouMean } from "./did-you-mean.ts";
import { envoyTypes } from "./envoy/registry.ts";
import type { Problems } from "./problems.ts";
import { isMapping } from "./is-mapping.ts";
import { laterKeys, shortKeys } from "./short/keys.ts";
import type { JsonObject, Source } from "./source/source.ts";

/** In both forms, with different contents. */
const shared: ReadonlySet<string> = new Set(["node", "admin"]);

/** undefined where keys of both stand beside one another, which is reported. */
export function formOf(
  source: Source & { readonly root: JsonObject },
  problems: Problems,
): "short" | "long" | undefined {
  const keys = Object.keys(source.root);
  const long = keys.filter((key) => !shared.has(key) && !isLater(key) && isBootstrapField(key));
  const short = keys.filter((key) => !shared.has(key) && shortKeys.configuration.has(key));
  const [firstLong] = long;
  const [firstShort] = short;
  if (firstLong !== undefined && firstShort !== undefined) {
    problems.error(source.locate(source.root, firstLong, "key"), {
      code: "ERR_CONFIG_CONFLICT",
      message: `"${firstLong}" is of Envoy's form, and "${firstShort}" of the short form`,
      expected: "one form in a file",
    });
    return undefined;
  }
  if (firstLong !== undefined) return "long";
  if (firstShort !== undefined) return "short";
  if (isMapping(source.root["admin"])) return "long";
  const known = [...shortKeys.configuration, ...(laterKeys.configuration ?? [])];
  return keys.some((key) => known.includes(key) || didYouMean(key, known) !== undefined) ? "short" : "long";
}

/** Fields of Envoy's form whose names the short form has set aside. */
function isLater(key: string): boolean {
  return laterKeys.configuration?.has(key) === true;
}

function isBootstrapField(key: string): boolean {
  const bootstrap = envoyTypes().message("envoy.config.bootstrap.v3.Bootstrap");
  return bootstrap?.field(key) !== undefined;
}
