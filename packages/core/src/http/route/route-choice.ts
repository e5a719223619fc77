/** Hot path. Which of its entries a route that matched leads to: the only one, one whose cluster a header names, or one by weight. Envoy: RouteAction.cluster_specifier. */
import type { RuntimeValue } from "@sluice/sdk";
import type { ForwardActionModel } from "../../config/model.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import type { ForwardEntry } from "./forward-entry.ts";
import type { RouteRuntime } from "./rare-conditions.ts";
import { valueOf } from "./route-match.ts";
import type { RouteEntry, RouteFacts } from "./types.ts";

export interface RouteChoice {
  /** All of them, for explanations; the cluster of one that a header names is empty. */
  readonly entries: readonly RouteEntry[];
  /** null: none; the request is answered as if no route had matched. */
  choose(headers: RequestHeaderMap, facts: Pick<RouteFacts, "routeRandom">): RouteEntry | null;
}

export class OneEntry implements RouteChoice {
  readonly entries: readonly RouteEntry[];
  readonly #entry: RouteEntry;

  constructor(entry: RouteEntry) {
    this.entries = [entry];
    this.#entry = entry;
  }

  choose(): RouteEntry {
    return this.#entry;
  }
}

/** Clients write the names: no more of them are kept, and no longer ones. */
const MAX_NAMED = 256;
const MAX_NAME = 256;

/** Envoy: cluster_header. */
export class NamedByHeader implements RouteChoice {
  readonly entries: readonly RouteEntry[];
  readonly #header: string;
  readonly #nameless: ForwardEntry;
  readonly #known = new Map<string, ForwardEntry>();

  constructor(nameless: ForwardEntry, header: string) {
    this.entries = [nameless];
    this.#header = header;
    this.#nameless = nameless;
  }

  choose(headers: RequestHeaderMap): RouteEntry {
    const name = clusterNameIn(headers, this.#header);
    if (name === "") return this.#nameless;
    const known = this.#known;
    let entry = known.get(name);
    if (entry === undefined) {
      // A copy: a slice would keep the whole head in memory that it was cut from.
      const own = Buffer.from(name, "latin1").toString("latin1");
      entry = this.#nameless.to(own);
      if (name.length > MAX_NAME) return entry;
      if (known.size === MAX_NAMED) known.clear();
      known.set(own, entry);
    }
    return entry;
  }
}

/** Envoy: the header is not to be trusted, so that the first of several lines is it; empty where there is none. */
export function clusterNameIn(headers: RequestHeaderMap, header: string): string {
  return (header.startsWith(":") ? valueOf(headers, header) : headers.find(header)?.value) ?? "";
}

export class WeightedEntries implements RouteChoice {
  readonly entries: readonly RouteEntry[];
  readonly #choices: readonly RouteChoice[];
  readonly #ends: readonly number[];
  readonly #total: number;
  readonly #header: string;
  /** null: the weights are fixed. */
  readonly #weights: ReadonlyArray<RuntimeValue<number>> | null;

  /** `choices` belong to the clusters of the action, in their order. */
  constructor(choices: readonly RouteChoice[], action: ForwardActionModel, runtime: RouteRuntime | null) {
    const { clusters, weightRuntimePrefix: prefix } = action;
    this.entries = choices.flatMap(({ entries }) => entries);
    this.#choices = choices;
    let end = 0;
    this.#ends = clusters.map(({ weight }) => (end += weight));
    this.#total = end;
    this.#header = action.weightHeader;
    this.#weights =
      prefix === "" || runtime === null
        ? null
        : clusters.map(({ name, weight }) => runtime.number(`${prefix}.${name}`, weight));
  }

  choose(headers: RequestHeaderMap, facts: Pick<RouteFacts, "routeRandom">): RouteEntry | null {
    if (this.#weights !== null) return this.#chooseByRuntime(this.#weights, headers, facts);
    const ends = this.#ends;
    const at = this.#draw(this.#total, headers, facts);
    let i = 0;
    while (ends[i]! <= at) i++;
    return this.#choices[i]!.choose(headers, facts);
  }

  #chooseByRuntime(
    weights: ReadonlyArray<RuntimeValue<number>>,
    headers: RequestHeaderMap,
    facts: Pick<RouteFacts, "routeRandom">,
  ): RouteEntry | null {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += shareOf(weights[i]!.value);
    // Nothing stops an operator from taking all weight away, or from setting more than there is.
    if (total === 0 || total > 0xffff_ffff) return null;
    const at = this.#draw(total, headers, facts);
    let end = 0;
    for (let i = 0; i < weights.length; i++) {
      end += shareOf(weights[i]!.value);
      if (at < end) return this.#choices[i]!.choose(headers, facts);
    }
    return null;
  }

  #draw(total: number, headers: RequestHeaderMap, facts: Pick<RouteFacts, "routeRandom">): number {
    const given = this.#header === "" ? -1 : remainderIn(headers, this.#header, total);
    return given < 0 ? facts.routeRandom() % total : given;
  }
}

function shareOf(weight: number): number {
  return weight > 0 ? Math.floor(weight) : 0;
}

const LARGEST = "18446744073709551615";

/** The number that a header holds, of 64 bits, modulo the weights; -1 where it holds none or stands more than once. */
function remainderIn(headers: RequestHeaderMap, name: string, total: number): number {
  const { fields } = headers;
  let text = "";
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    if (f.name !== name) continue;
    if (text !== "") return -1;
    text = f.value;
  }
  if (!/^[0-9]{1,20}$/.test(text) || (text.length === 20 && text > LARGEST)) return -1;
  let rest = 0;
  for (let i = 0; i < text.length; i++) rest = (rest * 10 + text.charCodeAt(i) - 0x30) % total;
  return rest;
}
