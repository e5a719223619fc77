/** Which hosts are in which subset: for each selector, a subset for every combination of the values that hosts have for its keys. Made when hosts change. */
import type { SubsetModel, SubsetSelectorModel } from "../../config/balancing-model.ts";
import type { Json } from "../../config/model.ts";
import type { Host } from "../host.ts";

export interface Selector {
  readonly model: SubsetSelectorModel;
  /** By {@link valuesKey}. */
  readonly subsets: ReadonlyMap<string, ReadonlySet<Host>>;
}

export interface SubsetIndex {
  /** By {@link keysKey}. Two selectors of the same keys are one. */
  readonly selectors: ReadonlyMap<string, Selector>;
  /** Hosts that were left out of a subset because it has one already. */
  readonly duplicates: number;
  readonly count: number;
}

export function indexSubsets(hosts: readonly Host[], model: SubsetModel): SubsetIndex {
  const selectors = new Map<string, Selector>();
  let duplicates = 0;
  let count = 0;
  for (const selector of model.selectors) {
    const key = keysKey(selector.keys);
    if (selectors.has(key)) continue;
    const subsets = new Map<string, Set<Host>>();
    for (const host of hosts) {
      for (const values of combinations(host, selector.keys, model.listAsAny)) {
        const subset = subsets.get(values);
        if (subset === undefined) subsets.set(values, new Set([host]));
        else if (!selector.singleHost) subset.add(host);
        else duplicates++;
      }
    }
    selectors.set(key, { model: selector, subsets });
    count += subsets.size;
  }
  return { selectors, duplicates, count };
}

/** Of sorted keys. */
export function keysKey(keys: readonly string[]): string {
  return JSON.stringify(keys);
}

/** Of values in the order of their sorted keys. */
export function valuesKey(values: readonly unknown[]): string {
  return values.map(canonical).join("\0");
}

/** Whether a host has all of these values. */
export function hasValues(host: Host, values: Readonly<Record<string, unknown>>, listAsAny: boolean): boolean {
  return Object.entries(values).every(([key, value]) => {
    const own = host.labels?.[key];
    if (own === undefined) return false;
    const wanted = canonical(value);
    return choices(own, listAsAny).some((each) => canonical(each) === wanted);
  });
}

/** None where it lacks one of the keys. */
function combinations(host: Host, keys: readonly string[], listAsAny: boolean): Set<string> {
  const { labels } = host;
  let made: Json[][] = [[]];
  for (const key of keys) {
    const value = labels?.[key];
    if (value === undefined) return new Set();
    made = made.flatMap((before) => choices(value, listAsAny).map((each) => [...before, each]));
  }
  return new Set(made.map(valuesKey));
}

function choices(value: Json, listAsAny: boolean): readonly Json[] {
  return listAsAny && Array.isArray(value) ? value : [value];
}

/** Equal values have equal texts, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}
