/**
 * Hot path (`pick`). Subsets: a request that names values of hosts' metadata goes to hosts that have them, balanced among themselves by another policy. What a request asks for
 * is mostly one object of its route: what it came to is remembered with the object. Envoy: subset.Subset.
 */
import type { Counter, HostChoice, SubsetValues } from "@sluice/sdk";
import type { SubsetModel, SubsetSelectorModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import type { BalancerParts } from "./load-balancer.ts";
import type { ExplainingBalancer, PickTrace } from "./pick-trace.ts";
import { hasValues, indexSubsets, keysKey, type SubsetIndex, valuesKey } from "./subset-index.ts";

/** Among what a request asks for: others to try. Envoy: MetadataEnvoyLbKeys::FALLBACK_LIST. */
const FALLBACK_LIST = "fallback_list";

/** A balancer over these hosts alone; null: over all. */
export type MakeSubset = (hosts: ReadonlySet<Host> | null) => ExplainingBalancer;

type Fallback = SubsetSelectorModel["fallback"];

export class SubsetBalancer implements ExplainingBalancer {
  readonly #model: SubsetModel;
  readonly #hosts: readonly Host[];
  readonly #make: MakeSubset;
  readonly #index: SubsetIndex;
  /** Made when they are first asked. */
  readonly #balancers = new Map<ReadonlySet<Host>, ExplainingBalancer>();
  #any: ExplainingBalancer | null = null;
  #default: ExplainingBalancer | null = null;
  /** By the object that a request asked with: where it leads. */
  readonly #found = new WeakMap<SubsetValues, ExplainingBalancer | Fallback>();
  readonly #selected: Counter;
  readonly #fellBack: Counter;
  readonly #panicked: Counter;

  constructor(hosts: readonly Host[], model: SubsetModel, make: MakeSubset, parts: BalancerParts) {
    this.#model = model;
    this.#hosts = hosts;
    this.#make = make;
    this.#index = indexSubsets(hosts, model);
    this.#selected = parts.counter("lb_subsets_selected");
    this.#fellBack = parts.counter("lb_subsets_fallback");
    this.#panicked = parts.counter("lb_subsets_fallback_panic");
    parts.gauge("lb_subsets_active").set(this.#index.count);
    parts.gauge("lb_subsets_single_host_per_subset_duplicate").set(this.#index.duplicates);
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const values = (choice === null ? undefined : choice.subset) ?? null;
    if (values === null) return this.#fallBack(choice, "inherit", attempt);
    if (this.#model.fallbackList && Array.isArray(values[FALLBACK_LIST])) return this.#firstOf(values, choice, attempt);
    return this.#pickBy(values, choice, attempt);
  }

  #pickBy(values: SubsetValues, choice: HostChoice | null, attempt: number): Host | null {
    let found = this.#found.get(values);
    if (found === undefined) {
      found = this.#find(values);
      this.#found.set(values, found);
    }
    if (typeof found === "string") return this.#fallBack(choice, found, attempt);
    this.#selected.inc();
    return found.pick(choice, attempt);
  }

  /** Each of the list takes the place of what it names; the first that has a host. */
  #firstOf(values: SubsetValues, choice: HostChoice | null, attempt: number): Host | null {
    for (const each of alternatives(values)) {
      const host = this.#pickBy(each, choice, attempt);
      if (host !== null) return host;
    }
    return null;
  }

  explain(choice: HostChoice | null, trace: PickTrace): void {
    const asked = choice?.subset ?? null;
    if (asked === null) {
      trace.notes.push("the route asks for no subset");
      this.#explainFallback(choice, "inherit", trace);
      return;
    }
    const isList = this.#model.fallbackList && Array.isArray(asked[FALLBACK_LIST]);
    const tried = isList ? alternatives(asked) : [asked];
    for (const [i, values] of tried.entries()) {
      const found = this.#find(values);
      const isFound = typeof found !== "string";
      trace.notes.push(`subset ${JSON.stringify(values)}: ${isFound ? "found" : "there is none"}`);
      if (i < tried.length - 1 && this.#pickBy(values, choice, 0) === null) continue;
      if (isFound) found.explain(choice, trace);
      else this.#explainFallback(choice, found, trace);
      return;
    }
  }

  #explainFallback(choice: HostChoice | null, fallback: Fallback, trace: PickTrace): void {
    const chosen = fallback === "inherit" ? this.#model.fallback : fallback;
    const isPanic =
      fallback === "inherit" &&
      chosen !== "none" &&
      this.#model.panicModeAny &&
      this.#fallBack(choice, chosen, 0) === null;
    if (isPanic || chosen === "any") {
      trace.notes.push("falls back to any host");
      this.#anyBalancer().explain(choice, trace);
    } else if (chosen === "default") {
      trace.notes.push(`falls back to subset ${JSON.stringify(this.#model.defaultSubset)}`);
      this.#defaultBalancer().explain(choice, trace);
    } else trace.notes.push("falls back to no host");
  }

  /** The subset that has hosts; else what is done instead. */
  #find(values: SubsetValues): ExplainingBalancer | Fallback {
    const keys = this.#keysFor(values);
    const selector = keys === null ? undefined : this.#index.selectors.get(keysKey(keys));
    if (keys === null || selector === undefined) return "inherit";
    const hosts = selector.subsets.get(valuesKey(keys.map((key) => values[key])));
    if (hosts !== undefined) return this.#balancerOf(hosts);
    const { fallback, fallbackKeys } = selector.model;
    return fallback === "keys" ? this.#find(pickKeys(values, fallbackKeys)) : fallback;
  }

  /** Those of the request; where redundant ones are allowed, those of the first selector that finds all of its own. null: none does. */
  #keysFor(values: SubsetValues): readonly string[] | null {
    const asked = Object.keys(values).sort();
    if (!this.#model.allowRedundantKeys) return asked;
    const selector = this.#model.selectors.find(({ keys }) => keys.every((key) => values[key] !== undefined));
    return selector === undefined ? asked : selector.keys;
  }

  #balancerOf(hosts: ReadonlySet<Host>): ExplainingBalancer {
    let balancer = this.#balancers.get(hosts);
    if (balancer === undefined) {
      balancer = this.#make(hosts);
      this.#balancers.set(hosts, balancer);
    }
    return balancer;
  }

  #fallBack(choice: HostChoice | null, fallback: Fallback, attempt: number): Host | null {
    switch (fallback) {
      case "any":
        return this.#anyHost(choice, attempt);
      case "default":
        return this.#defaultHost(choice, attempt);
      case "inherit":
        return this.#inherited(choice, attempt);
      default:
        return null;
    }
  }

  #inherited(choice: HostChoice | null, attempt: number): Host | null {
    const { fallback, panicModeAny } = this.#model;
    if (fallback === "none") return null;
    const host = fallback === "any" ? this.#anyHost(choice, attempt) : this.#defaultHost(choice, attempt);
    if (host !== null) {
      this.#fellBack.inc();
      return host;
    }
    const last = panicModeAny ? this.#anyHost(choice, attempt) : null;
    if (last !== null) this.#panicked.inc();
    return last;
  }

  #anyHost(choice: HostChoice | null, attempt: number): Host | null {
    return this.#anyBalancer().pick(choice, attempt);
  }

  #anyBalancer(): ExplainingBalancer {
    return (this.#any ??= this.#make(null));
  }

  #defaultHost(choice: HostChoice | null, attempt: number): Host | null {
    return this.#defaultBalancer().pick(choice, attempt);
  }

  #defaultBalancer(): ExplainingBalancer {
    if (this.#default === null) {
      const { defaultSubset, listAsAny } = this.#model;
      this.#default = this.#make(new Set(this.#hosts.filter((host) => hasValues(host, defaultSubset, listAsAny))));
    }
    return this.#default;
  }
}

/** What a list of others to try comes to: each of it takes the place of what it names. */
function alternatives(values: SubsetValues): SubsetValues[] {
  const { [FALLBACK_LIST]: list, ...rest } = values;
  const overrides = list as readonly SubsetValues[];
  return overrides.length === 0 ? [rest] : overrides.map((each) => ({ ...rest, ...each }));
}

function pickKeys(values: SubsetValues, keys: readonly string[]): SubsetValues {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (values[key] !== undefined) picked[key] = values[key];
  return picked;
}
