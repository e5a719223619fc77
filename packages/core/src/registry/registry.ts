/**
 * The extensions of one thread: filter definitions by id and by the name of their configuration message. An instance, filled from
 * modules; it keeps definitions and judges configurations with their schemas, and never creates a filter.
 */
import type {
  DiscoveryDefinition,
  HttpFilterDefinition,
  ListenerFilterDefinition,
  NetworkFilterDefinition,
} from "@sluice/sdk";
import { didYouMean } from "../config/did-you-mean.ts";
import type { ExtensionModule, Json } from "../config/model.ts";
import { checkDefinition } from "./check-definition.ts";
import { importModule } from "./import-module.ts";
import { ModuleLoader } from "./module-loader.ts";
import { type SchemaVerdict, judge } from "./schema.ts";

export type AnyHttpFilterDefinition = HttpFilterDefinition & { readonly sdkVersion: string };
export type AnyNetworkFilterDefinition = NetworkFilterDefinition & { readonly sdkVersion: string };
export type AnyListenerFilterDefinition = ListenerFilterDefinition & {
  readonly sdkVersion: string;
  readonly terminal?: never;
};
/** It has none of what only filters have. */
export type AnyDiscoveryDefinition = DiscoveryDefinition & { readonly sdkVersion: string } & {
  readonly [Key in Exclude<
    keyof AnyListenerFilterDefinition | keyof AnyHttpFilterDefinition,
    keyof DiscoveryDefinition | "sdkVersion"
  >]?: never;
};
export type AnyFilterDefinition = Exclude<AnyDefinition, AnyDiscoveryDefinition>;
export type AnyDefinition =
  | AnyHttpFilterDefinition
  | AnyNetworkFilterDefinition
  | AnyListenerFilterDefinition
  | AnyDiscoveryDefinition;

/** An extension of the registry. */
export type Registered =
  | { readonly kind: "http"; readonly definition: AnyHttpFilterDefinition; readonly source: string }
  | { readonly kind: "network"; readonly definition: AnyNetworkFilterDefinition; readonly source: string }
  | { readonly kind: "listener"; readonly definition: AnyListenerFilterDefinition; readonly source: string }
  | { readonly kind: "discovery"; readonly definition: AnyDiscoveryDefinition; readonly source: string };

/** Why a module or a definition cannot be used: one plain sentence that names it. */
export interface LoadProblem {
  /** The module as it was written, or the name of the program's own list. */
  readonly source: string;
  readonly message: string;
}

/** Imports a module; another one in tests. */
export type ImportModule = (url: string) => Promise<unknown>;

/** What `load` has to know of a module. */
export type LoadableModule = Pick<ExtensionModule, "specifier" | "url" | "bundle">;

/** All that is known, in one version of the configuration. */
class Entries {
  readonly byId = new Map<string, Registered>();
  readonly byMessage = new Map<string, Registered>();
  readonly byRouteMessage = new Map<string, Registered>();
  readonly modules = new Map<string, { readonly module: LoadableModule; readonly ids: readonly string[] }>();

  copy(): Entries {
    const made = new Entries();
    for (const key of ["byId", "byMessage", "byRouteMessage", "modules"] as const)
      for (const [name, entry] of this[key]) (made[key] as Map<string, unknown>).set(name, entry);
    return made;
  }
}

export class Registry {
  readonly #loader: ModuleLoader;
  #entries = new Entries();
  /** What every version of the configuration begins with; null until a version was adopted. */
  #base: Entries | null = null;

  constructor(load: ImportModule = importModule, loader: ModuleLoader = new ModuleLoader(load)) {
    this.#loader = loader;
  }

  /** A registry for the next version of the configuration: what was there before any configuration, to which its own modules are loaded. */
  fork(): Registry {
    const made = new Registry(undefined, this.#loader);
    made.#entries = (this.#base ?? this.#entries).copy();
    return made;
  }

  /** The next version, made by {@link fork} and filled, takes the place of what is here. What it does not have is let go. */
  adopt(next: Registry): void {
    this.#base ??= this.#entries;
    this.#entries = next.#entries;
  }

  /** The exports of a module, without taking its definitions. */
  import(module: Pick<LoadableModule, "url" | "bundle">): Promise<unknown> {
    return this.#loader.load(module);
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
  async load(modules: readonly LoadableModule[]): Promise<LoadProblem[]> {
    const problems: LoadProblem[] = [];
    for (const module of modules) {
      const { specifier, url } = module;
      if (this.#entries.modules.has(url)) continue;
      let exported: unknown;
      try {
        exported = await this.#loader.definitions(module);
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
      if (found.length === 0) this.#entries.modules.set(url, { module, ids: idsOf(exported) });
    }
    return problems;
  }

  /** Ids of the definitions that a module brought, once it is loaded: how a package's name stands for its filter. */
  idsOf(url: string): readonly string[] {
    return this.#entries.modules.get(url)?.ids ?? [];
  }

  /** The module that brought a definition; undefined where it was given in memory. Threads of an isolated filter load it again. */
  moduleOf(id: string): LoadableModule | undefined {
    for (const { module, ids } of this.#entries.modules.values()) if (ids.includes(id)) return module;
    return undefined;
  }

  /** Differs between two versions of one filter: chains with another version of one of theirs are made anew. */
  versionOf(id: string): string {
    const module = this.moduleOf(id);
    return module === undefined ? "" : `${module.url} ${module.bundle?.digest ?? ""}`;
  }

  get(id: string): Registered | undefined {
    return this.#entries.byId.get(id);
  }

  http(id: string): AnyHttpFilterDefinition | undefined {
    const found = this.#entries.byId.get(id);
    return found?.kind === "http" ? found.definition : undefined;
  }

  network(id: string): AnyNetworkFilterDefinition | undefined {
    const found = this.#entries.byId.get(id);
    return found?.kind === "network" ? found.definition : undefined;
  }

  listener(id: string): AnyListenerFilterDefinition | undefined {
    const found = this.#entries.byId.get(id);
    return found?.kind === "listener" ? found.definition : undefined;
  }

  discovery(id: string): AnyDiscoveryDefinition | undefined {
    const found = this.#entries.byId.get(id);
    return found?.kind === "discovery" ? found.definition : undefined;
  }

  /** The extension whose configuration is that protobuf message (full name, without the type URL's host). */
  byMessage(messageName: string): Registered | undefined {
    return this.#entries.byMessage.get(messageName);
  }

  byRouteMessage(messageName: string): Registered | undefined {
    return this.#entries.byRouteMessage.get(messageName);
  }

  /** In alphabetical order. */
  ids(kind?: Registered["kind"]): string[] {
    return [...this.#entries.byId.values()]
      .filter((registered) => kind === undefined || registered.kind === kind)
      .map((registered) => registered.definition.id)
      .sort();
  }

  all(): Registered[] {
    return [...this.#entries.byId.values()];
  }

  /** The nearest known id, for "did you mean". */
  suggest(id: string): string | undefined {
    return didYouMean(id, this.ids());
  }

  /** Runs the schema of the configuration, or of the route configuration. */
  judge(id: string, which: "config" | "routeConfig", value: Json): SchemaVerdict {
    const registered = this.#entries.byId.get(id);
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
    const known = this.#entries.byId.get(id);
    if (known !== undefined) {
      // The same package reached by two names is one extension.
      if (known.definition === definition) return [];
      return [{ source, message: `${id} is defined already by ${known.source}` }];
    }
    this.#entries.byId.set(id, registered);
    const routeMessage = definition.routeMessage;
    const [message] = Object.keys(definition.messages ?? {});
    if (message !== undefined) this.#entries.byMessage.set(message, registered);
    if (routeMessage !== undefined) this.#entries.byRouteMessage.set(routeMessage, registered);
    return [];
  }
}

function idsOf(exported: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  return list.map((definition) => (definition as { readonly id: string }).id);
}
