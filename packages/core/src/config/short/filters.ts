/** Filters by their names: in chains with their configuration, and on routes. */
import type { DefinitionKind } from "@sluice/sdk";
import { filterOptionsType } from "../compile/filter-options.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { withDefaults } from "./filter-defaults.ts";
import { spellOut } from "./filter-words.ts";
import { findFilter, type FoundFilter } from "./find-filter.ts";
import { isMapping } from "../is-mapping.ts";
import type { Section } from "./section.ts";
import type { ShortContext } from "./short-context.ts";

const typedStruct = "type.googleapis.com/xds.type.v3.TypedStruct";
const routerType = "envoy.extensions.filters.http.router.v3.Router";
const routerId = "envoy.filters.http.router";
const filterConfig = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

/** Network filters of a listener, without the terminal one that `http` or `tcp` stand for. */
export function adaptNetworkFilters(section: Section): Json[] {
  return readEntries(section, "network").map((entry) => {
    refuseHttpOptions(section.context, "network", entry);
    return longEntry(section.context, entry, typedConfig(section.context, entry));
  });
}

const proxyProtocol = "envoy.filters.listener.proxy_protocol";
const proxyProtocolType = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";

/** Listener filters; `proxy_protocol` is the first of them, since its header comes before everything else. */
export function adaptListenerFilters(section: Section, into: JsonObject): void {
  const { context } = section;
  const filters: Json[] = readEntries(section, "listener", "listener_filters").map((entry) => {
    refuseHttpOptions(context, "listener", entry);
    return longEntry(context, entry, typedConfig(context, entry));
  });
  const first = adaptProxyProtocol(section);
  if (first !== undefined) filters.unshift(first);
  const key = section.has("listener_filters") ? "listener_filters" : "proxy_protocol";
  if (filters.length > 0) section.put(into, "listener_filters", section.make(filters, key), key);
  section.copyAll(
    {
      listener_filters_timeout: "listener_filters_timeout",
      continue_on_listener_filters_timeout: "continue_on_listener_filters_timeout",
    },
    into,
  );
}

function adaptProxyProtocol(section: Section): JsonObject | undefined {
  const key = "proxy_protocol";
  const value = section.get(key);
  if (value === undefined || value === false) return undefined;
  if (value !== true && !isMapping(value))
    return void section.context.wrongType(section.value, key, "true, or the filter's configuration");
  const config = value === true ? {} : value;
  const typed = section.make<JsonObject>({ "@type": `type.googleapis.com/${proxyProtocolType}`, ...config }, key);
  for (const field of Object.keys(config)) section.context.derived.markEntry(typed, field, config, field);
  return section.make({ name: proxyProtocol, typed_config: typed }, key);
}

/** The chain of a connection manager; the router comes last unless it is named. */
export function adaptHttpFilters(section: Section): Json[] {
  const { context } = section;
  const entries = readEntries(section, "http");
  const filters: Json[] = entries.map((entry) => {
    const made = longEntry(context, entry, withOptions(context, entry, typedConfig(context, entry)));
    if (entry.options["disabled"] !== undefined) {
      made["disabled"] = entry.options["disabled"];
      context.derived.markEntry(made, "disabled", entry.options, "disabled");
    }
    return made;
  });
  const isEnded = entries.some((entry) => context.registry.http(entry.filter.id)?.terminal === true);
  if (!isEnded)
    filters.push(
      section.make({ name: routerId, typed_config: section.make({ "@type": `type.googleapis.com/${routerType}` }) }),
    );
  return section.make(filters, section.has("filters") ? "filters" : undefined);
}

/** `filters:` of a route: Envoy's typed_per_filter_config. */
export function adaptRouteFilters(section: Section, into: JsonObject): void {
  const filters = section.mapping("filters");
  if (filters === undefined) return;
  const { context } = section;
  const configs = new Map<string, { readonly name: string; readonly config: JsonObject }>();
  for (const [name, value] of Object.entries(filters)) {
    const inChain = context.filterNames.get(name);
    const filter = inChain ?? findFilter(context, "http", name, filters, name);
    if (filter === undefined) continue;
    const config = routeConfig(context, filter, filters, name, value);
    const key = inChain === undefined ? filter.id : inChain.nameInChain;
    if (config === undefined) continue;
    const same = configs.get(key);
    if (same === undefined) configs.set(key, { name, config });
    else context.error(filters, name, { code: "ERR_CONFIG_CONFLICT", message: `"${same.name}" is the same filter` });
  }
  const made: JsonObject = Object.fromEntries([...configs].map(([key, { config }]) => [key, config]));
  for (const [key, { name }] of configs) context.derived.markEntry(made, key, filters, name);
  section.put(into, "typed_per_filter_config", section.make(made, "filters"), "filters");
}

/** One entry of a list of filters, understood. */
interface Entry {
  readonly filter: FoundFilter;
  readonly name: string;
  /** Where its configuration stands: `container[key]`; a bare name has none. */
  readonly container: object;
  readonly key: string | number;
  readonly config: JsonObject;
  /** The mapping with `disabled`, `on_error` and `runtime`. */
  readonly options: JsonObject;
}

const options: ReadonlySet<string> = new Set(["name", "disabled", "on_error", "runtime"]);

function readEntries(section: Section, kind: DefinitionKind, at = "filters"): Entry[] {
  const { context } = section;
  const list = section.list(at) ?? [];
  const entries: Entry[] = [];
  for (const [index, value] of list.entries()) {
    const entry = readEntry(context, kind, list, index, value);
    if (entry === undefined) continue;
    entries.push(entry);
    if (kind === "http") rememberName(context, entry);
  }
  return entries;
}

function readEntry(
  context: ShortContext,
  kind: DefinitionKind,
  list: Json[],
  index: number,
  value: Json,
): Entry | undefined {
  if (typeof value === "string") {
    const filter = findFilter(context, kind, value, list, index);
    return filter && { filter, name: filter.id, container: list, key: index, config: {}, options: {} };
  }
  const expected = "a filter's name, or its name with its configuration";
  if (!isMapping(value)) return void context.wrongType(list, index, expected);
  const [key, ...others] = Object.keys(value).filter((each) => !options.has(each));
  if (key === undefined)
    return void context.error(list, index, {
      code: "ERR_CONFIG_REQUIRED",
      message: "the name of the filter is missing",
      expected,
    });
  for (const other of others) {
    const suggestion = didYouMean(other, options);
    if (suggestion !== undefined) {
      context.error(value, other, { code: "ERR_CONFIG_UNKNOWN_FIELD", message: `unknown key "${other}"`, suggestion });
      continue;
    }
    context.error(value, other, {
      code: "ERR_CONFIG_ONEOF",
      message: `a second filter "${other}" in the entry of "${key}"`,
      expected: "one filter in each entry of the list",
    });
  }
  const filter = findFilter(context, kind, key, value, key);
  const config = value[key] ?? {};
  if (!isMapping(config)) return void context.wrongType(value, key, "the filter's configuration");
  const { name } = value;
  if (name !== undefined && typeof name !== "string") context.wrongType(value, "name", "a text");
  return (
    filter && {
      filter,
      name: typeof name === "string" ? name : filter.id,
      container: value,
      key,
      config,
      options: value,
    }
  );
}

/** How routes may call a filter of the chain: its name there, its id, or as the chain's list did. */
function rememberName(context: ShortContext, { filter, name, key }: Entry): void {
  const known = { ...filter, nameInChain: name };
  for (const alias of [name, filter.id, filter.writtenAs, typeof key === "string" ? key : name]) {
    if (!context.filterNames.has(alias)) context.filterNames.set(alias, known);
  }
}

type Configured = Pick<Entry, "filter" | "config" | "container" | "key">;

function typedConfig(context: ShortContext, { filter, config, container, key }: Configured): JsonObject {
  const spelt = spellOut(context, filter.id, config);
  const made = typed(context, filter.message, filter.id, withDefaults(filter.id, spelt.config), container, key);
  for (const [field, word] of spelt.origins) context.derived.markEntry(made, field, config, word);
  return made;
}

/** A message of Envoy's API where the filter is configured by one, else a TypedStruct for the filter's id. */
export function typed(
  context: ShortContext,
  message: string | undefined,
  id: string,
  config: JsonObject,
  container: object,
  key: string | number,
): JsonObject {
  const { derived } = context;
  const written = (container as Record<string | number, Json>)[key];
  if (message === undefined) {
    if (config !== written) derived.mark(config, container, key);
    return derived.mark({ "@type": typedStruct, type_url: `type.googleapis.com/${id}`, value: config }, container, key);
  }
  const made: JsonObject = derived.mark({ "@type": `type.googleapis.com/${message}`, ...config }, container, key);
  if (isMapping(written))
    for (const field of Object.keys(config))
      if (Object.hasOwn(written, field)) derived.markEntry(made, field, written, field);
  return made;
}

function longEntry(context: ShortContext, { name, container, key }: Entry, config: JsonObject): JsonObject {
  return context.derived.mark({ name, typed_config: config }, container, key);
}

/** Options that the long form has in a wrapper around the filter's configuration. */
const WRAPPED = ["on_error", "runtime"] as const;

function withOptions(context: ShortContext, entry: Entry, config: JsonObject): JsonObject {
  const given = WRAPPED.filter((key) => entry.options[key] !== undefined);
  if (given.length === 0) return config;
  const value: JsonObject = Object.fromEntries(given.map((key) => [key, entry.options[key]!]));
  value["typed_config"] = config;
  for (const key of given) context.derived.markEntry(value, key, entry.options, key);
  context.derived.mark(value, entry.container, entry.key);
  return context.derived.mark(
    { "@type": typedStruct, type_url: `type.googleapis.com/${filterOptionsType}`, value },
    entry.container,
    entry.key,
  );
}

function refuseHttpOptions(context: ShortContext, kind: DefinitionKind, { options: set }: Entry): void {
  for (const key of ["disabled", ...WRAPPED]) {
    if (set[key] !== undefined)
      context.error(set, key, { code: "ERR_CONFIG_UNKNOWN_FIELD", message: `${kind} filters have no "${key}"` });
  }
}

function routeConfig(
  context: ShortContext,
  filter: FoundFilter,
  filters: JsonObject,
  name: string,
  value: Json,
): JsonObject | undefined {
  const { derived } = context;
  if (typeof value === "boolean") return derived.mark({ "@type": filterConfig, disabled: !value }, filters, name);
  if (!isMapping(value))
    return void context.wrongType(filters, name, "the filter's configuration on this route, true or false");
  const isSame = filter.message !== undefined && filter.routeMessage === filter.message;
  if (!isSame) return typed(context, filter.routeMessage, filter.id, value, filters, name);
  return typedConfig(context, { filter, config: value, container: filters, key: name });
}
