/**
 * Hot path: docs/extending/hot-path-rules.md. ORIGINAL_DST: the host of a request is an address that metadata or a header tell, or the one that its connection was meant for, where a
 * listener filter has restored that (PROXY protocol). Envoy: OriginalDstCluster. Left out: the kernel's SO_ORIGINAL_DST, which Node cannot ask for, and filter state.
 */
import type { ConnectionInfo, Counter, HostChoice } from "@sluice/sdk";
import { isIP } from "node:net";
import type { ClusterModel, OriginalDstModel } from "../../config/model.ts";
import type { Timer } from "../../timing/clock.ts";
import type { ClusterServices } from "../cluster.ts";
import type { Connector } from "../connector.ts";
import { type Host, addressKey } from "../host.ts";
import { requestedAuthority } from "./requested-authority.ts";
import { AskedCluster } from "./asked-cluster.ts";

/** Hosts, per worker. Clients name them: there must be an end. */
const MOST_HOSTS = 1024;

export class OriginalDstCluster extends AskedCluster {
  readonly #settings: OriginalDstModel;
  readonly #services: ClusterServices;
  readonly #invalid: Counter;
  readonly #overflow: Counter;
  /** When each was asked for last, by address; in the order in which they came. */
  readonly #used = new Map<string, { readonly ip: string; readonly port: number; usedMs: number }>();
  #cleanup: Timer | null = null;
  #isOver = false;

  constructor(model: ClusterModel, settings: OriginalDstModel, connector: Connector, services: ClusterServices) {
    super(model, connector, services);
    this.#settings = settings;
    this.#services = services;
    const scope = services.stats.scope(`cluster.${model.statName}.`);
    this.#invalid = scope.counter("original_dst_host_invalid");
    this.#overflow = scope.counter("original_dst_host_overflow");
    this.#release = () => scope.release();
  }

  readonly #release: () => void;

  /** Envoy's order: metadata, the header, the connection. What is told and is no address counts as not told. */
  protected override hostOf(choice: HostChoice | null, client: ConnectionInfo | null): Host | null {
    if (this.#isOver) return null;
    const told = choice === null ? null : (this.#told(this.#inMetadata(choice)) ?? this.#told(this.#inHeader(choice)));
    if (told !== null) return this.#host(told.host, told.port);
    // Another object only where a listener filter knows better than the socket.
    if (client === null || client.local === client.directLocal || client.local.port === 0) return null;
    return this.#host(client.local.ip, client.local.port);
  }

  #inMetadata({ metadata }: HostChoice): string {
    const path = this.#settings.metadata;
    if (path === null || metadata === null || metadata === undefined) return "";
    let value: unknown = metadata.get(path[0]!);
    for (let i = 1; i < path.length; i++) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, path[i]!)) return "";
      value = (value as Record<string, unknown>)[path[i]!];
    }
    return typeof value === "string" ? value : "";
  }

  #inHeader({ headers }: HostChoice): string {
    const { header } = this.#settings;
    if (header === "" || headers === null || headers === undefined) return "";
    const [first = ""] = headers.getAll(header);
    return first;
  }

  #told(text: string): { readonly host: string; readonly port: number } | null {
    if (text === "") return null;
    const found = requestedAuthority(text, 0);
    if (found !== null && isIP(found.host) !== 0) return found;
    this.#invalid.inc();
    return null;
  }

  #host(ip: string, told: number): Host | null {
    const { port: override } = this.#settings;
    const port = override === 0 ? told : override;
    const key = addressKey({ kind: "ip", host: ip, port });
    const usedMs = this.#services.clock.turnNow();
    const known = this.#used.get(key);
    if (known !== undefined) {
      known.usedMs = usedMs;
      return this.balancing.findHost(key) ?? null;
    }
    if (this.#used.size >= MOST_HOSTS && !this.#makeRoom()) {
      this.#overflow.inc();
      return null;
    }
    this.#used.set(key, { ip, port, usedMs });
    this.#tell();
    this.#cleanup ??= this.#services.timers.setTimer(() => this.#clean(), this.#settings.cleanupMs);
    return this.balancing.findHost(key) ?? null;
  }

  #makeRoom(): boolean {
    for (const key of this.#used.keys()) {
      if (this.#isActive(key)) continue;
      this.#used.delete(key);
      return true;
    }
    return false;
  }

  #isActive(key: string): boolean {
    return (this.balancing.findHost(key)?.active ?? 0) > 0;
  }

  /** Those that nobody asked for since the last time, and that carry nothing. */
  #clean(): void {
    this.#cleanup = null;
    const { clock, timers } = this.#services;
    const since = clock.now() - this.#settings.cleanupMs;
    const before = this.#used.size;
    for (const [key, { usedMs }] of this.#used) if (usedMs <= since && !this.#isActive(key)) this.#used.delete(key);
    if (this.#used.size !== before) this.#tell();
    if (this.#used.size > 0) this.#cleanup = timers.setTimer(() => this.#clean(), this.#settings.cleanupMs);
  }

  #tell(): void {
    this.updateHosts(
      Array.from(this.#used.values(), ({ ip, port }) => ({
        address: { kind: "ip" as const, host: ip, port },
        hostname: "",
        weight: 1,
        health: "healthy" as const,
      })),
    );
  }

  override close(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#cleanup?.cancel();
      this.#used.clear();
      this.#release();
    }
    super.close();
  }
}
