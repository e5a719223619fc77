/** The filter packages that come with Sluice: the one place in core that names them. Threads get their URLs as data. */
import { Registry } from "../registry/registry.ts";

const PACKAGES = ["@sluice/filters-l4", "@sluice/filters-l7"] as const;

export interface BuiltinModule {
  readonly specifier: string;
  readonly url: string;
}

export function builtinModules(): BuiltinModule[] {
  return PACKAGES.map((specifier) => ({ specifier, url: import.meta.resolve(specifier) }));
}

/** Adds the built-in filters. @throws Error where a package of ours does not load: a broken installation. */
export async function loadBuiltins(registry: Registry = new Registry()): Promise<Registry> {
  const [problem] = await registry.load(builtinModules());
  if (problem !== undefined) throw new Error(`${problem.source} ${problem.message}`);
  return registry;
}
