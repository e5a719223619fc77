/** From a target to what is measured: which filters, with which configuration, under which requests. */
import { loadConfig } from "../config/index.ts";
import type { HttpFilterModel, Json, ListenerModel, NetworkFilterModel } from "../config/model.ts";
import type { Registry } from "../registry/registry.ts";
import { anyRoute } from "./bench-hcm.ts";
import { inspectInProcess } from "./process.ts";
import { type ProfileFlags, httpTraffic, networkTraffic, readProfile } from "./profile.ts";
import { type BenchTarget, findTarget } from "./target.ts";
import {
  BenchError,
  type InspectedDefinition,
  type Subject,
  type SubjectFilter,
  type SubjectModule,
  type Traffic,
} from "./types.ts";

export interface SubjectOptions extends ProfileFlags {
  /** One of several definitions of a package, by id. */
  readonly filter?: string;
  /** One of several listeners of a configuration, by name. */
  readonly listener?: string;
}

/** Where built-in filters come from; the command names them. */
export interface Builtins {
  readonly modules: readonly SubjectModule[];
  readonly registry: Registry;
}

export interface FoundSubject {
  readonly subject: Subject;
  readonly traffic: Traffic;
  readonly notes: readonly string[];
}

const INSPECT_MS = 60_000;

/** @throws BenchError */
export async function findSubject(
  target: string,
  directory: string,
  builtins: Builtins,
  options: SubjectOptions,
): Promise<FoundSubject> {
  const found = findTarget(target, directory, builtins.registry.ids());
  if (found.kind === "config") return configSubject(found.file, target, builtins, options);
  if (options.listener !== undefined)
    throw new BenchError("--listener chooses from a configuration: the target is a filter");
  return filterSubject(found, target, builtins, options);
}

async function filterSubject(
  target: Exclude<BenchTarget, { readonly kind: "config" }>,
  label: string,
  builtins: Builtins,
  options: SubjectOptions,
): Promise<FoundSubject> {
  const modules = target.kind === "builtin" ? builtins.modules : [target.module];
  const inspected = await inspectInProcess(modules, INSPECT_MS);
  const definition = chooseDefinition(inspected, target.kind === "builtin" ? target.id : options.filter, label);
  const { id, kind } = definition;
  if (kind === "other") {
    throw new BenchError(`${id} is neither an HTTP nor a network filter; the bench runs those two kinds`);
  }
  const profile = readProfile(target.kind === "builtin" ? null : target.manifest, options);
  if (kind === "network" && profile.routeConfig !== undefined)
    throw new BenchError(`${id} is a network filter: it has no routeConfig`);
  if (kind === "network" && options.requests !== undefined)
    throw new BenchError(`${id} is a network filter: --requests is for HTTP filters`);
  const filter = benchFilter(id, id, profile.config ?? {});
  const routeConfig = profile.routeConfig;
  const subject: Subject = {
    kind,
    label: id,
    modules: modules.filter(({ specifier }) => specifier === definition.specifier),
    filters: [filter],
    routes:
      routeConfig === undefined
        ? null
        : anyRoute({ [id]: { config: routeConfig, disabled: false, place: { path: "routeConfig", position: label } } }),
  };
  const notes = definition.isTerminal
    ? [`${id} is terminal: it takes the place of the bench's own terminal filter, and is compared with that`]
    : [];
  return {
    subject,
    traffic: kind === "http" ? httpTraffic(profile, options.requests) : networkTraffic(profile),
    notes,
  };
}

function withoutPlace({ place: _, ...filter }: HttpFilterModel): SubjectFilter {
  return filter;
}

export function benchFilter(name: string, id: string, config: Json): SubjectFilter {
  return { name, id, config, disabled: false, onError: "fail" };
}

function chooseDefinition(
  definitions: readonly InspectedDefinition[],
  wanted: string | undefined,
  label: string,
): InspectedDefinition {
  const ids = definitions.map(({ id }) => id).join(", ");
  if (wanted === undefined) {
    if (definitions.length === 1) return definitions[0]!;
    throw new BenchError(`${label} defines ${definitions.length} filters: choose one by --filter (${ids})`);
  }
  const found = definitions.find(({ id }) => id === wanted);
  if (found === undefined) throw new BenchError(`${label} does not define "${wanted}", it has ${ids}`);
  return found;
}

async function configSubject(
  file: string,
  label: string,
  builtins: Builtins,
  options: SubjectOptions,
): Promise<FoundSubject> {
  if (options.filter !== undefined || options.config !== undefined)
    throw new BenchError("--filter and --config are for single filters: the target is a configuration");
  const { registry } = builtins;
  const { config, problems } = await loadConfig({ file }, { registry });
  if (config === null) throw new BenchError(`${label} is not valid:\n${problems.format().trimEnd()}`);
  const listener = chooseListener(config.listeners, options.listener, label);
  const networkFilters = listener.filterChain.filters;
  const last = networkFilters.at(-1);
  const modules = [...builtins.modules, ...config.extensions.map(({ specifier, url }) => ({ specifier, url }))];
  const profile = readProfile(null, options);
  const isHttp = last?.kind === "http_connection_manager";
  const models: ReadonlyArray<HttpFilterModel | ExtensionFilter> = isHttp
    ? last.hcm.filters
    : networkFilters.filter(isExtension);
  // Terminal filters need clusters: the bench's own takes their place.
  const filters = models
    .filter(({ id }) => registry.get(id)?.definition.terminal !== true)
    .map((model) => ("onError" in model ? withoutPlace(model) : benchFilter(model.name, model.id, model.config)));
  if (filters.length === 0)
    throw new BenchError(`listener "${listener.name}" of ${label} has no filter but its terminal one`);
  const subject: Subject = {
    kind: isHttp ? "http" : "network",
    label: `${label}, listener ${listener.name}`,
    modules: modules.filter(({ specifier }) => filters.some(({ id }) => registry.get(id)?.source === specifier)),
    filters,
    routes: isHttp ? last.hcm.routeConfig : null,
  };
  const notes = ["terminal filters are left out: the bench answers in their place"];
  if (isHttp && networkFilters.length > 1) notes.push("network filters before the HTTP filters are not measured");
  const traffic = isHttp ? httpTraffic(profile, options.requests) : networkTraffic(profile);
  return { subject, traffic, notes };
}

type ExtensionFilter = Extract<NetworkFilterModel, { readonly kind: "extension" }>;

function isExtension(model: NetworkFilterModel): model is ExtensionFilter {
  return model.kind === "extension";
}

function chooseListener(listeners: readonly ListenerModel[], wanted: string | undefined, label: string): ListenerModel {
  const names = listeners.map(({ name }) => name).join(", ");
  if (wanted !== undefined) {
    const found = listeners.find(({ name }) => name === wanted);
    if (found === undefined) throw new BenchError(`${label} has no listener "${wanted}", it has ${names}`);
    return found;
  }
  if (listeners.length === 1) return listeners[0]!;
  throw new BenchError(
    listeners.length === 0
      ? `${label} has no listener`
      : `${label} has ${listeners.length} listeners: choose one by --listener (${names})`,
  );
}
