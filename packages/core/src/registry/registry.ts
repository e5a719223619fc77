/**
 * The extensions of one thread: filter definitions by id and by the name of their configuration message. An instance, filled from
 * modules; it keeps definitions and judges configurations with their schemas, and never creates a filter.
 */
import type { HttpFilterDefinition, NetworkFilterDefinition } from "@sluice/sdk";
import { didYouMean } from "../config/did-you-mean.ts";
import type { ExtensionModule, Json } from "../config/model.ts";
import { checkDefinition } from "./check-definition.ts";
import { type SchemaVerdict, judge } from "./schema.ts";

export type AnyHttpFilterDefinition = HttpFilterDefinition & { readonly sdkVersion: string };
export type AnyNetworkFilterDefinition = NetworkFilterDefinition & { readonly sdkVersion: string };
export type AnyDefinition = AnyHttpFilterDefinition | AnyNetworkFilterDefinition;

/** An extension of the registry. */
export type Registered =
  | { readonly kind: "http"; readonly definition: AnyHttpFilterDefinition; readonly source: string }
  | { readonly kind: "network"; readonly definition: AnyNetworkFilterDefinition; readonly source: string };

/** Why a module or a definition cannot be used: one plain sentence that names it. */
export interface LoadProblem {
  /** The module as it was written, or the name of the program's own list. */
  readonly source: string;
  readonly message: string;
}

/** Imports a module; another one in tests. */
export type ImportModule = (url: string) => Promise<unknown>;

export class Registry {
  readonly #import: ImportModule;
  readonly #byId = new Map<string, Registered>();
  readonly #byMessage = new Map<string, Registered>();
  readonly #byRouteMessage = new Map<string, Registered>();
  readonly #modules = new Map<string, readonly string[]>();

  constructor(importModule: ImportModule = (url) => import(url)) {
    this.#import = importModule;
  }

  /** Takes definitions that are in memory; what is wrong with them comes back, and nothing wrong gets in. */
  add(definitions: unknown, source: string): LoadProblem[] {
    const list: readonly unknown[] = Array.isArray(definitions) ? definitions : [definitions];
    const problems: LoadProblem[] = [];
    for (const candidate of list) {
      const checked = checkDefinition(candidate, source);
      if ("message" in checked) problems.push(checked);
      else problems.push(...this.#addChecked(checked));
    }
    return problems;
  }

  /**
   * Imports modules whose default export (or, for the built-in packages, whose `filters`) is one definition or an array of them.
   * A module that is there already is not imported again.
   */
  async load(modules: readonly Pick<ExtensionModule, "specifier" | "url">[]): Promise<LoadProblem[]> {
    const problems: LoadProblem[] = [];
    for (const { specifier, url } of modules) {
      if (this.#modules.has(url)) continue;
      let exported: unknown;
      try {
        exported = definitionsOf(await this.#import(url));
      } catch (error) {
        problems.push({
          source: specifier,
          message: `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
        });
        continue;
      }
      if (exported === undefined) {
        problems.push({
          source: specifier,
          message: "has no default export, expected a filter definition or an array of them",
        });
        continue;
      }
      const found = this.add(exported, specifier);
      problems.push(...found);
      if (found.length === 0) this.#modules.set(url, idsOf(exported));
    }
    return problems;
  }

  /** Ids of the definitions that a module brought, once it is loaded: how a package's name stands for its filter. */
  idsOf(url: string): readonly string[] {
    return this.#modules.get(url) ?? [];
  }

  get(id: string): Registered | undefined {
    return this.#byId.get(id);
  }

  http(id: string): AnyHttpFilterDefinition | undefined {
    const found = this.#byId.get(id);
    return found?.kind === "http" ? found.definition : undefined;
  }

  network(id: string): AnyNetworkFilterDefinition | undefined {
    const found = this.#byId.get(id);
    return found?.kind === "network" ? found.definition : undefined;
  }

  /** The extension whose configuration is that protobuf message (full name, without the type URL's host). */
  byMessage(messageName: string): Registered | undefined {
    return this.#byMessage.get(messageName);
  }

  byRouteMessage(messageName: string): Registered | undefined {
    return this.#byRouteMessage.get(messageName);
  }

  /** In alphabetical order. */
  ids(kind?: Registered["kind"]): string[] {
    return [...this.#byId.values()]
      .filter((registered) => kind === undefined || registered.kind === kind)
      .map((registered) => registered.definition.id)
      .sort();
  }

  all(): Registered[] {
    return [...this.#byId.values()];
  }

  /** The nearest known id, for "did you mean". */
  suggest(id: string): string | undefined {
    return didYouMean(id, this.ids());
  }

  /** Runs the schema of the configuration, or of the route configuration. */
  judge(id: string, which: "config" | "routeConfig", value: Json): SchemaVerdict {
    const registered = this.#byId.get(id);
    if (registered === undefined) return { ok: false, issues: [{ path: [], message: `unknown extension "${id}"` }] };
    const { definition } = registered;
    const schema = which === "config" ? definition.config : definition.routeConfig;
    if (schema === undefined)
      return { ok: false, issues: [{ path: [], message: `${id} takes no configuration of routes` }] };
    return judge(schema, value);
  }

  #addChecked(registered: Registered): LoadProblem[] {
    const { definition, source } = registered;
    const { id } = definition;
    const known = this.#byId.get(id);
    if (known !== undefined) {
      // The same package reached by two names is one extension.
      if (known.definition === definition) return [];
      return [{ source, message: `${id} is defined already by ${known.source}` }];
    }
    this.#byId.set(id, registered);
    const routeMessage = definition.routeMessage;
    const [message] = Object.keys(definition.messages ?? {});
    if (message !== undefined) this.#byMessage.set(message, registered);
    if (routeMessage !== undefined) this.#byRouteMessage.set(routeMessage, registered);
    return [];
  }
}

function definitionsOf(module: unknown): unknown {
  const exported = module as { readonly default?: unknown; readonly filters?: unknown };
  return exported.default ?? exported.filters;
}

function idsOf(exported: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  return list.map((definition) => (definition as { readonly id: string }).id);
}
