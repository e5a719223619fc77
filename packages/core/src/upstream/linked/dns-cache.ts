/**
 * Hosts that requests ask for, by name and port, in one thread: resolved once, kept while they are used, asked for again when they are old. Never more than `maxHosts` of
 * them, and never more than `maxPending` requests that wait. Envoy: DnsCacheConfig. A name that fails keeps the address that it had.
 */
import { isIP } from "node:net";
import type { Counter, HostLookup, Random } from "@sluice/sdk";
import type { DnsCacheModel } from "../../config/discovery-model.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { Clock, Timer, Timers } from "../../timing/clock.ts";
import { type DnsAnswer, type ResolveName, Resolvers } from "../discovery/dns-resolver.ts";
import { addressKey, type HostModel } from "../host.ts";
import { isPrivateAddress } from "./private-addresses.ts";
import { type RequestedAuthority, requestedAuthority } from "./requested-authority.ts";

export interface DnsCacheOptions {
  readonly model: DnsCacheModel;
  /** 443 over TLS, else 80. */
  readonly defaultPort: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** `dns_cache.<name>.`; released with it. */
  readonly scope: StatsScope;
  readonly onHosts: (hosts: readonly HostModel[]) => void;
  readonly resolve?: ResolveName;
}

class Entry {
  readonly asked: RequestedAuthority;
  host: HostModel | null = null;
  lookup: HostLookup | null = null;
  /** null: nobody is asked. */
  pending: Promise<HostLookup> | null = null;
  /** Gives up the question; null: nobody is asked. */
  giveUp: (() => void) | null = null;
  timer: Timer | null = null;
  usedMs: number;
  failures = 0;
  over = false;

  constructor(asked: RequestedAuthority, nowMs: number) {
    this.asked = asked;
    this.usedMs = nowMs;
  }
}

const NOT_A_NAME: HostLookup = { failure: "not_found", reason: "not_a_name" };
const OVERFLOW: HostLookup = { failure: "overflow", reason: "max_hosts" };
const PENDING_OVERFLOW: HostLookup = { failure: "pending_overflow", reason: "max_pending_requests" };
const DENIED: HostLookup = { failure: "denied", reason: "private_address" };
/** It is another version's by now: that one is to be asked. */
const CLOSED: HostLookup = { failure: "closed", reason: "closed" };
const LONGEST_TTL_MS = 24 * 3_600_000;

export class DnsCache {
  readonly #options: DnsCacheOptions;
  readonly #resolve: ResolveName;
  readonly #resolvers = new Resolvers();
  readonly #entries = new Map<string, Entry>();
  readonly #attempts: Counter;
  readonly #successes: Counter;
  readonly #failures: Counter;
  readonly #timeouts: Counter;
  readonly #added: Counter;
  readonly #removed: Counter;
  readonly #changed: Counter;
  readonly #overflows: Counter;
  readonly #pendingOverflows: Counter;
  readonly #denied: Counter;
  readonly #size: { set(value: number): void };
  #waiting = 0;
  /** Questions that nobody has answered, also those that were given up: what a name's servers take their time for must have an end. */
  #open = 0;
  #closed = false;

  constructor(options: DnsCacheOptions) {
    const { scope } = options;
    this.#options = options;
    this.#resolve = options.resolve ?? this.#resolvers.names(undefined);
    this.#attempts = scope.counter("dns_query_attempt");
    this.#successes = scope.counter("dns_query_success");
    this.#failures = scope.counter("dns_query_failure");
    this.#timeouts = scope.counter("dns_query_timeout");
    this.#added = scope.counter("host_added");
    this.#removed = scope.counter("host_removed");
    this.#changed = scope.counter("host_address_changed");
    this.#overflows = scope.counter("host_overflow");
    this.#pendingOverflows = scope.counter("dns_rq_pending_overflow");
    this.#denied = scope.counter("host_denied");
    this.#size = scope.gauge("num_hosts");
  }

  /** The host of an authority that was looked up before; null: there is none. */
  find(authority: string): HostModel | null {
    const asked = requestedAuthority(authority, this.#options.defaultPort);
    const entry = asked === null ? undefined : this.#entries.get(asked.key);
    if (entry === undefined) return null;
    entry.usedMs = this.#options.clock.now();
    return entry.host;
  }

  lookUp(authority: string): HostLookup | Promise<HostLookup> {
    if (this.#closed) return CLOSED;
    const asked = requestedAuthority(authority, this.#options.defaultPort);
    if (asked === null) return NOT_A_NAME;
    const known = this.#entries.get(asked.key);
    const now = this.#options.clock.now();
    if (known !== undefined) {
      known.usedMs = now;
      return known.lookup ?? this.#wait(known);
    }
    if (this.#entries.size >= this.#options.model.maxHosts && !this.#makeRoom()) {
      this.#overflows.inc();
      return OVERFLOW;
    }
    const isName = isIP(asked.host) === 0;
    if (isName && Math.max(this.#waiting, this.#open) >= this.#options.model.maxPending) return this.#tooMany();
    const entry = new Entry(asked, now);
    this.#entries.set(asked.key, entry);
    this.#added.inc();
    this.#size.set(this.#entries.size);
    if (isName) {
      this.#ask(entry);
      return this.#wait(entry);
    }
    this.#take(entry, { addresses: [asked.host], ttlMs: -1 });
    this.#after(entry, this.#options.model.hostTtlMs);
    return entry.lookup!;
  }

  /** Asks for names before anybody else does. */
  warm(authorities: readonly string[]): void {
    for (const authority of authorities) void this.lookUp(authority);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const entry of this.#entries.values()) this.#end(entry);
    this.#entries.clear();
    this.#resolvers.cancel();
    this.#options.scope.release();
  }

  async #wait(entry: Entry): Promise<HostLookup> {
    if (this.#waiting >= this.#options.model.maxPending) return this.#tooMany();
    this.#waiting++;
    try {
      return await entry.pending!;
    } finally {
      this.#waiting--;
    }
  }

  #tooMany(): HostLookup {
    this.#pendingOverflows.inc();
    return PENDING_OVERFLOW;
  }

  /** Names without an address make room for others: who asks for names that do not exist must not keep out those who ask for some that do. */
  #makeRoom(): boolean {
    for (const entry of this.#entries.values())
      if (entry.host === null && entry.pending === null) {
        this.#remove(entry);
        return true;
      }
    return false;
  }

  #ask(entry: Entry): void {
    const done = Promise.withResolvers<HostLookup>();
    entry.pending = done.promise;
    this.#attempts.inc();
    const { model, timers } = this.#options;
    let isOver = false;
    const settle = (answer: DnsAnswer | null, reason: string): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      entry.pending = null;
      entry.giveUp = null;
      if (!entry.over) this.#settled(entry, answer, reason);
      done.resolve(entry.over ? CLOSED : entry.lookup!);
    };
    entry.giveUp = () => settle(null, "closed");
    this.#open++;
    const timer = timers.setTimer(() => {
      this.#timeouts.inc();
      settle(null, "timeout");
    }, model.queryTimeoutMs);
    this.#resolve(entry.asked.host, model.family, true).then(
      (answer) => {
        this.#open--;
        settle(answer.addresses.length === 0 ? null : answer, "no_address");
      },
      (error: unknown) => {
        this.#open--;
        settle(null, reasonOf(error));
      },
    );
  }

  #settled(entry: Entry, answer: DnsAnswer | null, reason: string): void {
    const { model } = this.#options;
    if (answer === null) {
      this.#failures.inc();
      entry.failures++;
      entry.lookup = entry.host === null ? { failure: "not_found", reason } : entry.lookup;
      this.#after(entry, this.#failureMs(entry.failures));
      return;
    }
    entry.failures = 0;
    this.#successes.inc();
    this.#take(entry, answer);
    const ttlMs = answer.ttlMs < 0 ? model.refreshMs : Math.min(answer.ttlMs, LONGEST_TTL_MS);
    this.#after(entry, Math.max(model.minRefreshMs, ttlMs));
  }

  /** Envoy's: with full jitter between the base and the longest; the same as after a success where none is configured. */
  #failureMs(failures: number): number {
    const { failureRefresh, refreshMs } = this.#options.model;
    if (failureRefresh === null) return refreshMs;
    const most = Math.min(failureRefresh.maxMs, failureRefresh.baseMs * 2 ** Math.min(failures, 30));
    return Math.max(failureRefresh.baseMs, Math.floor(this.#options.random.next() * most));
  }

  /** The first address counts, as in Envoy; another one is not taken while the old one is among those that were told. */
  #take(entry: Entry, { addresses }: DnsAnswer): void {
    const { host: name, port } = entry.asked;
    const { model } = this.#options;
    const allowed = model.denyPrivate ? addresses.filter((ip) => !isPrivateAddress(ip)) : addresses;
    const [first] = allowed;
    const before = entry.host;
    if (first === undefined) {
      this.#denied.inc();
      entry.lookup = DENIED;
      entry.host = null;
      if (before !== null) this.#tell();
      return;
    }
    const old = before?.address.kind === "ip" ? before.address.host : "";
    if (allowed.includes(old)) return;
    const address = { kind: "ip" as const, host: first, port };
    entry.host = { address, hostname: isIP(name) === 6 ? `[${name}]` : name, weight: 1, health: "healthy" };
    entry.lookup = { failure: null, address: addressKey(address) };
    if (before !== null) this.#changed.inc();
    this.#tell();
  }

  #after(entry: Entry, ms: number): void {
    const { clock, timers, model } = this.#options;
    const again = (): void => {
      const idleMs = clock.now() - entry.usedMs;
      if (idleMs >= model.hostTtlMs) this.#remove(entry);
      else if (isIP(entry.asked.host) === 0) this.#ask(entry);
      else this.#after(entry, model.hostTtlMs - idleMs);
    };
    entry.timer = timers.setTimer(again, Math.max(1, ms));
  }

  #remove(entry: Entry): void {
    this.#end(entry);
    this.#entries.delete(entry.asked.key);
    this.#removed.inc();
    this.#size.set(this.#entries.size);
    if (entry.host !== null) this.#tell();
  }

  #end(entry: Entry): void {
    entry.over = true;
    entry.timer?.cancel();
    entry.giveUp?.();
  }

  #tell(): void {
    const hosts: HostModel[] = [];
    for (const { host } of this.#entries.values()) if (host !== null) hosts.push(host);
    this.#options.onHosts(hosts);
  }
}

/** `ENOTFOUND` of Node as a word for logs. */
function reasonOf(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code.toLowerCase() : "failed";
}
