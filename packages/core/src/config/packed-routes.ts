/**
 * Large route tables on their way to workers: bytes in slices, so that no thread has to read all of it in one go while it carries traffic. Small ones go as
 * they are.
 */
import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import type { ListenerModel, RouteConfigModel, RouteModel, VirtualHostModel } from "./model.ts";
import { branchesOf, joined, partOf } from "./split-tree.ts";

export interface PackedHosts {
  /** Equal for hosts that mean the same, wherever they stand in their file. */
  readonly meaning: string;
  readonly slices: readonly Uint8Array[];
}

type MatcherModel = NonNullable<VirtualHostModel["matcher"]>;

/** A host without its routes and its matcher, the next routes of the last host, or the next part of its matcher. */
type Item = VirtualHostModel | readonly RouteModel[] | { readonly part: MatcherModel };

/** Hosts, routes and branches of matchers together; fewer go as they are. */
const PACK_FROM = 256;
/** Read in less than a millisecond. */
const ITEMS_IN_SLICE = 32;

const packed = new WeakMap<RouteConfigModel, RouteConfigModel>();

/** The same listener for the way to a worker. */
export function packListener(listener: ListenerModel): ListenerModel {
  const filters = listener.filterChain.filters.map((filter) => {
    if (filter.kind !== "http_connection_manager") return filter;
    const routeConfig = packRoutes(filter.hcm.routeConfig);
    return routeConfig === filter.hcm.routeConfig ? filter : { ...filter, hcm: { ...filter.hcm, routeConfig } };
  });
  const isSame = filters.every((filter, i) => filter === listener.filterChain.filters[i]);
  return isSame ? listener : { ...listener, filterChain: { ...listener.filterChain, filters } };
}

export function packRoutes(config: RouteConfigModel): RouteConfigModel {
  const size = config.virtualHosts.reduce((sum, host) => sum + 1 + host.routes.length + branchesOf(host.matcher), 0);
  if (size < PACK_FROM) return config;
  let known = packed.get(config);
  if (known === undefined) {
    const hosts = { meaning: meaningOf(config.virtualHosts), slices: slicesOf(config.virtualHosts) };
    packed.set(config, (known = { ...config, virtualHosts: [], packed: hosts }));
  }
  return known;
}

function slicesOf(hosts: readonly VirtualHostModel[]): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let items: Item[] = [];
  let count = 0;
  const flush = (): void => {
    if (items.length > 0) slices.push(shared(serialize(items)));
    items = [];
    count = 0;
  };
  const put = (item: Item, size: number): void => {
    items.push(item);
    count += size;
    if (count >= ITEMS_IN_SLICE) flush();
  };
  for (const host of hosts) {
    const { routes, matcher } = host;
    put({ ...host, routes: [], matcher: null }, 1);
    for (let from = 0; from < routes.length; ) {
      const some = routes.slice(from, from + ITEMS_IN_SLICE - count);
      from += some.length;
      put(some, some.length);
    }
    if (matcher === null) continue;
    let from = 0;
    do {
      const to = from + ITEMS_IN_SLICE - count;
      put({ part: partOf(matcher, from, to) }, to - from);
      from = to;
    } while (from < branchesOf(matcher));
  }
  flush();
  return slices;
}

/** Every worker reads the same memory: nothing is copied to them. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** What users wrote for their own schemas: a "place" in it is theirs. */
const VERBATIM: ReadonlySet<string> = new Set(["config", "json"]);

function meaningOf(hosts: readonly VirtualHostModel[]): string {
  const hash = createHash("sha256");
  for (const host of hosts) {
    hash.update(meaningText({ ...host, routes: [] }));
    for (const route of host.routes) hash.update(meaningText(route));
  }
  return hash.digest("base64");
}

/** Outside of what users wrote all of JSON is ours, and quotes in its texts are escaped: a text cannot look like this. */
const PLACE = /"place":\{"path":"(?:[^"\\]|\\.)*","position":"(?:[^"\\]|\\.)*"\}/g;

function meaningText(item: unknown): string {
  const text = JSON.stringify(item);
  // A function for each value costs ten times as much: only where a filter is configured.
  return text.includes('"perFilterConfig":{"') ? JSON.stringify(item, withoutPlaces) : text.replace(PLACE, "");
}

function withoutPlaces(key: string, value: unknown): unknown {
  if (VERBATIM.has(key)) return JSON.stringify(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return key === "place" ? undefined : value;
}

/** The hosts of a route configuration, one after the other; null after each slice that was read: others may run. */
export function* hostsOf({ virtualHosts, packed: hosts }: RouteConfigModel): Generator<VirtualHostModel | null> {
  yield* virtualHosts;
  let host: VirtualHostModel | null = null;
  let routes: RouteModel[] = [];
  let parts: MatcherModel[] = [];
  for (const slice of hosts?.slices ?? []) {
    for (const item of deserialize(slice) as readonly Item[]) {
      if (isRoutes(item)) routes.push(...item);
      else if ("part" in item) parts.push(item.part);
      else {
        if (host !== null) yield whole(host, routes, parts);
        host = item;
        routes = [];
        parts = [];
      }
    }
    yield null;
  }
  if (host !== null) yield whole(host, routes, parts);
}

function whole(
  host: VirtualHostModel,
  routes: readonly RouteModel[],
  parts: readonly MatcherModel[],
): VirtualHostModel {
  return { ...host, routes, matcher: parts.length === 0 ? null : joined(parts) };
}

function isRoutes(item: Item): item is readonly RouteModel[] {
  return Array.isArray(item);
}
