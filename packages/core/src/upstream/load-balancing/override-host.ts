/**
 * Hot path. A request may say itself to which host it goes: a filter that keeps sessions together names one, or (with the policy of that name) a header or metadata lists
 * addresses, of which the first that is known and well is taken. Envoy: LoadBalancerContext::overrideHostToSelect, override_host.OverrideHost.
 */
import type { HostChoice } from "@sluice/sdk";
import type { HostHealthModel, OverrideSourceModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import type { ExplainingBalancer, PickTrace } from "./pick-trace.ts";

/** The host of an address; undefined where there is none. */
export type FindHost = (address: string) => Host | undefined;

/** A list of addresses may come from clients: what lies behind these is not looked at. */
const MOST_ADDRESSES = 16;
const MOST_CHARACTERS = 1024;

export class OverrideHostBalancer implements ExplainingBalancer {
  readonly #sources: readonly OverrideSourceModel[];
  readonly #find: FindHost;
  readonly #allowed: readonly HostHealthModel[];
  readonly #fallback: ExplainingBalancer;

  constructor(
    sources: readonly OverrideSourceModel[],
    find: FindHost,
    allowed: readonly HostHealthModel[],
    fallback: ExplainingBalancer,
  ) {
    this.#sources = sources;
    this.#find = find;
    this.#allowed = allowed;
    this.#fallback = fallback;
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    return (choice === null ? null : this.#named(choice, attempt)) ?? this.#fallback.pick(choice, attempt);
  }

  explain(choice: HostChoice | null, trace: PickTrace): void {
    this.#fallback.explain(choice, trace);
    const host = choice === null ? null : this.#named(choice, 0);
    if (host === null) return;
    trace.host = host;
    trace.reason = "the request names it";
  }

  /** Of several those that come later are for further attempts, as in Envoy. */
  #named(choice: HostChoice, attempt: number): Host | null {
    for (const source of this.#sources) {
      const text = source.kind === "header" ? headerOf(choice, source.name) : metadataOf(choice, source.path);
      if (text === "") continue;
      return this.#usable(text, attempt);
    }
    return null;
  }

  #usable(text: string, attempt: number): Host | null {
    if (attempt !== 0 || text.length > MOST_CHARACTERS || text.includes(","))
      return this.#usableOf(text.slice(0, MOST_CHARACTERS), attempt);
    return this.#allowedAt(text);
  }

  #usableOf(text: string, attempt: number): Host | null {
    let left = attempt;
    for (const address of text.split(",", MOST_ADDRESSES)) {
      const host = this.#allowedAt(address);
      if (host !== null && left-- === 0) return host;
    }
    return null;
  }

  #allowedAt(address: string): Host | null {
    const host = this.#find(address.trim());
    return host !== undefined && this.#allowed.includes(host.health) ? host : null;
  }
}

function headerOf({ headers }: HostChoice, name: string): string {
  return headers?.get(name) ?? "";
}

function metadataOf({ metadata }: HostChoice, path: readonly string[]): string {
  let value: unknown = metadata?.get(path[0]!);
  for (let i = 1; i < path.length; i++) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<string, unknown>)[path[i]!];
  }
  return typeof value === "string" ? value : "";
}
