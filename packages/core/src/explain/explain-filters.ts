/** What each filter of a chain is told for one route: its configuration with defaults, which level says what, and whether it is on. */
import type { ConfigPlace, HttpFilterModel, Json, PerFilterConfig } from "../config/model.ts";
import { isComponentUrl } from "../isolate/wasm/component-options.ts";
import { redact } from "../main/admin/redact.ts";
import type { Registry } from "../registry/registry.ts";
import type { SchemaVerdict } from "../registry/schema.ts";
import { plain } from "./plain.ts";

export interface FilterLevelExplanation {
  /** `route configuration`, `virtual host "x"`, `route "x"`, `weighted cluster "x"`. */
  readonly level: string;
  /** Holds only where chance chooses this one of several weighted clusters; null: always. */
  readonly cluster: string | null;
  readonly place: ConfigPlace;
  /** What the level says of the filter being on; a level that configures a filter turns it on. */
  readonly disabled: boolean;
  /** As configured; null where the level only turns the filter on or off. */
  readonly config: Json;
  /** What the filter gets for it, with defaults. */
  readonly settings: Json;
}

export interface FilterExplanation {
  readonly name: string;
  readonly id: string;
  readonly place: ConfigPlace;
  /** Where it runs: in the worker's own code, in threads of its own, as a WebAssembly component. */
  readonly runtime: "inline" | "worker" | "component";
  readonly terminal: boolean;
  readonly onError: HttpFilterModel["onError"];
  /** Whether its hooks run, unless a weighted cluster says otherwise. */
  readonly enabled: boolean;
  /** As configured. Secrets are left out, here and below. */
  readonly config: Json;
  /** What the filter gets for it: read by its schema, with defaults. */
  readonly settings: Json;
  /** From the least to the most specific; the last one with a `config` is the filter's `routeConfig`; those of weighted clusters come last. */
  readonly routeConfig: readonly FilterLevelExplanation[];
  /** What its definition declares. */
  readonly declares: { readonly [key: string]: Json };
}

export interface NamedLevel {
  readonly level: string;
  readonly cluster: string | null;
  readonly configs: PerFilterConfig;
}

/** `levels` from the least to the most specific. */
export function explainFilters(
  filters: readonly HttpFilterModel[],
  levels: readonly NamedLevel[],
  registry: Registry,
): readonly FilterExplanation[] {
  return filters.map((filter) => explainFilter(filter, levels, registry));
}

function explainFilter(filter: HttpFilterModel, levels: readonly NamedLevel[], registry: Registry): FilterExplanation {
  const { name, id, place, onError } = filter;
  const routeConfig = levels.flatMap(({ level, cluster, configs }): FilterLevelExplanation[] => {
    const entry = Object.hasOwn(configs, name) ? configs[name] : undefined;
    if (entry === undefined) return [];
    const { place: where, disabled } = entry;
    if (entry.config === null) return [{ level, cluster, place: where, disabled, config: null, settings: null }];
    const settings = settingsOf(registry.judge(id, "routeConfig", entry.config));
    return [{ level, cluster, place: where, disabled, config: redact(entry.config), settings }];
  });
  const definition = registry.http(id);
  const terminal = definition?.terminal === true;
  return {
    name,
    id,
    place,
    runtime: runtimeOf(filter, registry),
    terminal,
    onError,
    enabled: terminal || !(routeConfig.findLast(({ cluster }) => cluster === null)?.disabled ?? filter.disabled),
    config: redact(filter.config),
    settings: settingsOf(registry.judge(id, "config", filter.config)),
    routeConfig,
    declares: declarations(definition),
  };
}

function settingsOf(verdict: SchemaVerdict): Json {
  return verdict.ok ? redact(plain(verdict.value)) : { error: verdict.issues.map(({ message }) => message).join("; ") };
}

function runtimeOf({ id, runtime }: HttpFilterModel, registry: Registry): FilterExplanation["runtime"] {
  if (runtime !== undefined) return "worker";
  const module = registry.moduleOf(id);
  return module !== undefined && isComponentUrl(module.url) ? "component" : "inline";
}

const DECLARED = ["maturity", "security", "phase", "before", "after", "calls", "reads", "portable", "mutatesHeaders"];

function declarations(definition: object | undefined): { [key: string]: Json } {
  const fields = (definition ?? {}) as Readonly<Record<string, unknown>>;
  const made: { [key: string]: Json } = {};
  for (const key of DECLARED) if (fields[key] !== undefined) made[key] = plain(fields[key]);
  for (const key of ["provides", "requires"]) {
    const keys = fields[key];
    if (Array.isArray(keys)) made[key] = keys.map((one: { readonly namespace: string }) => one.namespace);
  }
  return made;
}
