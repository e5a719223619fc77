/** Per-route configuration of filters, resolved over the levels of a route once, by the filter's slot. */
import type { PerFilterConfig, PerFilterEntry } from "../../config/model.ts";
import type { ResolvedRouteConfig, RouteFilter } from "./types.ts";

export interface FilterLevels {
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  readonly disabled: ReadonlyArray<boolean | null> | null;
}

/** What one level says of filters, and where it is: equal in every worker and, as far as names go, in the next version of the configuration. */
export interface FilterLevel {
  readonly configs: PerFilterConfig;
  /** `<virtual host>/<route>/<cluster>`, as far down as the level is. */
  readonly key: string;
}

/** Where the configurations that schemas made came from: shared state of a route's configuration is keyed by it. */
const keys = new WeakMap<object, string>();

/** @throws TypeError for an object that is no route configuration. */
export function routeConfigKey(config: object): string {
  const key = keys.get(config);
  if (key === undefined)
    throw new TypeError("the owner of shared state must be a route configuration as the filter's schema made it");
  return key;
}

/** Resolves the levels of one route table. What stands on a level is parsed once, whatever the number of routes below. */
export class RouteFilterResolver {
  readonly #filters: readonly RouteFilter[];
  readonly #parsed = new Map<PerFilterEntry, unknown>();

  constructor(filters: readonly RouteFilter[]) {
    this.#filters = filters;
  }

  /** @param levels from the least to the most specific */
  resolve(levels: readonly FilterLevel[]): FilterLevels {
    let anyDisabled = false;
    const perFilter: (ResolvedRouteConfig | null)[] = [];
    const disabled: (boolean | null)[] = [];
    for (const filter of this.#filters) {
      const all: unknown[] = [];
      let off: boolean | null = null;
      for (const level of levels) {
        if (!Object.hasOwn(level.configs, filter.name)) continue;
        const entry = level.configs[filter.name]!;
        // A level that configures a filter turns it on, unless it says otherwise.
        off = entry.disabled;
        if (entry.config !== null) all.push(this.#parse(filter, entry, level.key));
      }
      if (off !== null) anyDisabled = true;
      disabled.push(off);
      perFilter.push(all.length === 0 ? null : { mostSpecific: all.at(-1), all });
    }
    return { perFilter, disabled: anyDisabled ? disabled : null };
  }

  #parse(filter: RouteFilter, entry: PerFilterEntry, key: string): unknown {
    const known = this.#parsed.get(entry);
    if (known !== undefined) return known;
    const parsed = filter.parse(entry.config);
    this.#parsed.set(entry, parsed);
    if (typeof parsed === "object" && parsed !== null) keys.set(parsed, key);
    return parsed;
  }
}
