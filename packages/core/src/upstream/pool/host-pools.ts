/**
 * The pools of one host in one thread: one, unless requests need connections of their own kind; then one for each kind, as long as it has something to do.
 * Beside a pool that speaks HTTP/2 there may be one of HTTP/1 for upgrades that the server does not take otherwise.
 */
import type { UpstreamRequest } from "@sluice/sdk";
import type { Host } from "../host.ts";
import type { HostPool } from "./host-pool.ts";
import { AS_CONFIGURED } from "../connector.ts";
import type { ChosenPool, PoolChoice } from "./pool-choice.ts";

/** Kinds come from requests: what clients send must not make pools without end. */
const MOST_POOLS = 256;

const CONFIGURED: ChosenPool = { key: "", protocol: "auto", target: null };

export type MakePool = (host: Host, chosen: ChosenPool | null) => HostPool;

export class HostPools {
  readonly host: Host;
  /** null: it depends on the request. */
  readonly only: HostPool | null;
  readonly #choice: PoolChoice | null;
  readonly #make: MakePool;
  readonly #byKind: Map<string, HostPool>;
  #onEmpty: (() => void) | null = null;
  /** It drains, and `only` is not empty yet. */
  #hasOnly = false;

  constructor(host: Host, choice: PoolChoice | null, make: MakePool) {
    this.host = host;
    this.only = choice === null ? make(host, null) : null;
    this.#choice = choice;
    this.#make = make;
    this.#byKind = new Map();
  }

  /** null: too many kinds of connections are in use. */
  pick(request: UpstreamRequest | undefined): HostPool | null {
    if (request !== undefined && request.isHighPriority === true) return this.#ofHighPriority(request);
    return this.only === null ? this.ofKind(this.#choice!.choose(request)) : this.only;
  }

  /** They have connections of their own, so that those of others cannot keep them waiting. */
  #ofHighPriority(request: UpstreamRequest): HostPool | null {
    const chosen = this.#choice === null ? CONFIGURED : this.#choice.choose(request);
    return this.ofKind({ ...chosen, key: `high ${chosen.key}`, isHigh: true });
  }

  ofKind(kind: ChosenPool | null): HostPool | null {
    if (kind === null || (this.only !== null && kind.isHigh !== true)) return this.only;
    return this.#byKind.get(kind.key) ?? this.#open(kind);
  }

  /** For what connections of that kind cannot carry over HTTP/2. null: too many kinds of connections are in use. */
  ofHttp1(kind: ChosenPool | null): HostPool | null {
    const key = `${kind === null ? "" : kind.key} over http/1.1`;
    const target = (kind === null ? null : kind.target) ?? AS_CONFIGURED;
    return (
      this.#byKind.get(key) ??
      this.#open({ key, protocol: "http1", target: { ...target, alpn: ["http/1.1"] }, isHigh: kind?.isHigh === true })
    );
  }

  all(): Iterable<HostPool> {
    const kinds = this.#byKind.values();
    return this.only === null ? kinds : [this.only, ...kinds];
  }

  #open(chosen: ChosenPool): HostPool | null {
    const { key } = chosen;
    const pools = this.#byKind;
    if (pools.size >= MOST_POOLS && !this.#dropOne()) return null;
    const pool = this.#make(this.host, chosen);
    pools.set(key, pool);
    pool.onVacant = () => this.#forget(key, pool);
    return pool;
  }

  /** The oldest of those that have no stream. */
  #dropOne(): boolean {
    for (const [key, pool] of this.#byKind) {
      if (pool.active !== 0 || pool.pending !== 0) continue;
      this.#forget(key, pool);
      pool.destroy();
      return true;
    }
    return false;
  }

  #forget(key: string, pool: HostPool): void {
    if (this.#byKind.get(key) !== pool) return;
    this.#byKind.delete(key);
    pool.drain();
    this.#tellIfEmpty();
  }

  /** The host is gone: what its pools carry may finish. `onEmpty` is called once, when nothing is left. */
  drain(onEmpty: () => void): void {
    this.#onEmpty = onEmpty;
    if (this.only !== null) {
      this.#hasOnly = true;
      this.only.onEmpty = () => {
        this.#hasOnly = false;
        this.#tellIfEmpty();
      };
      this.only.drain();
    }
    for (const [key, pool] of this.#byKind) {
      pool.onEmpty = () => this.#forget(key, pool);
      pool.drain();
    }
    this.#tellIfEmpty();
  }

  destroy(): void {
    for (const pool of this.all()) pool.destroy();
  }

  #tellIfEmpty(): void {
    if (this.#hasOnly || this.#byKind.size !== 0) return;
    const done = this.#onEmpty;
    this.#onEmpty = null;
    done?.();
  }
}
