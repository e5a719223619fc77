/** `sluice schema`: the JSON Schema of configurations, for editors; with the extensions that a configuration names. Ends with 0, or with 2 where one does not load. */
import { extensionsOf } from "../config/index.ts";
import { configSchema } from "../schema/config-schema.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

const EXIT_CONFIG = 2;

export async function schemaCommand(file: string | undefined, { out, err }: Streams): Promise<number> {
  const registry = await loadBuiltins();
  const bySpecifier = new Map<string, readonly string[]>();
  if (file !== undefined) {
    const { extensions, problems } = await extensionsOf({ file }, { registry });
    if (problems.hasErrors) {
      err(problems.format());
      return EXIT_CONFIG;
    }
    for (const [specifier, url] of extensions) if (url !== null) bySpecifier.set(specifier, registry.idsOf(url));
  }
  out(`${JSON.stringify(configSchema({ registered: registry.all(), bySpecifier }), null, 2)}\n`);
  return 0;
}
