/**
 * How one thread gets at the modules that bring extensions: imported, once and for ever, or, under `run --watch`, compiled from the bundle that
 * main made. Keeps the last version of each bundle, so that all who ask for it get the same definitions.
 */
import type { ExtensionModule } from "../config/model.ts";
import { inlineDefinition, splitReference } from "../config/inline-filters.ts";
import type { ImportModule } from "./registry.ts";

type Module = Pick<ExtensionModule, "url" | "bundle">;

interface Compiled {
  readonly digest: string;
  readonly exports: Promise<unknown>;
}

export class ModuleLoader {
  readonly #import: ImportModule;
  readonly #compiled = new Map<string, Compiled>();

  constructor(importModule: ImportModule) {
    this.#import = importModule;
  }

  /** What a module exports. @throws what it throws while it is evaluated */
  async load({ url, bundle }: Module): Promise<unknown> {
    const [file] = splitReference(url);
    if (bundle === undefined || bundle.code === null) return this.#import(file);
    const known = this.#compiled.get(file);
    if (known?.digest === bundle.digest) return known.exports;
    const exports = this.#compile(file, bundle);
    this.#compiled.set(file, { digest: bundle.digest, exports });
    // What failed is tried again: it may have been a package that was not there.
    exports.catch(() => this.#compiled.delete(file));
    return exports;
  }

  /** The definitions that a module brings: its default export or, of the built-in packages, `filters`; undefined where it has neither. */
  async definitions(module: Module): Promise<unknown> {
    const { default: value, filters } = (await this.load(module)) as {
      readonly default?: unknown;
      readonly filters?: unknown;
    };
    const [, fragment] = splitReference(module.url);
    const found = fragment === undefined ? (value ?? filters) : inlineDefinition(value, fragment);
    if (typeof module.bundle?.code !== "string") return found;
    const { locatedDefinition } = await import("../watch/located-definition.ts");
    return Array.isArray(found) ? found.map(locatedDefinition) : locatedDefinition(found);
  }

  async #compile(url: string, bundle: NonNullable<Module["bundle"]>): Promise<unknown> {
    const { loadBundle } = await import("../watch/compile-bundle.ts");
    const { locatedError } = await import("../watch/located-definition.ts");
    try {
      return await loadBundle(url, bundle);
    } catch (error) {
      throw locatedError(error);
    }
  }
}
