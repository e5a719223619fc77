/** A listener filter's own view of one connection: the same object in every hook, inert after its time. */
import { isIP } from "node:net";
import type { ConnectionInfo, DynamicMetadata, FilterState, ListenerConnection, ProxyTlv, Timer } from "@sluice/sdk";
import { ipAddress } from "../network/address.ts";
import type { ListenerFilterRun } from "./listener-filter-run.ts";

const ENDED: Timer = { cancel() {} };

export class ListenerFilterHandle implements ListenerConnection {
  state: unknown = undefined;
  readonly #run: ListenerFilterRun;
  readonly #filter: number;
  #maxPeekBytes: number;
  #timers: Set<Timer> | null = null;

  constructor(run: ListenerFilterRun, filter: number) {
    this.#run = run;
    this.#filter = filter;
    this.#maxPeekBytes = run.chain.filters[filter]!.maxPeekBytes;
  }

  get connection(): ConnectionInfo {
    return this.#run.info;
  }

  get metadata(): DynamicMetadata {
    return this.#run.metadata;
  }

  get filterState(): FilterState {
    return this.#run.filterState;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get maxPeekBytes(): number {
    return this.#maxPeekBytes;
  }

  set maxPeekBytes(count: number) {
    const largest = this.#run.chain.filters[this.#filter]!.maxPeekBytes;
    if (!Number.isInteger(count) || count < 0 || count > largest)
      throw new TypeError(`maxPeekBytes ${count}: expected a whole number from 0 to ${largest}`);
    this.#maxPeekBytes = count;
  }

  consume(count: number): void {
    if (!this.#run.isOver) this.#run.consume(this.#filter, count);
  }

  setRemoteAddress(ip: string, port: number): void {
    checkAddress(ip, port);
    if (!this.#run.isOver) this.#run.info.remote = ipAddress(ip, port);
  }

  setLocalAddress(ip: string, port: number): void {
    checkAddress(ip, port);
    if (!this.#run.isOver) this.#run.info.local = ipAddress(ip, port);
  }

  setServerName(name: string): void {
    if (!this.#run.isOver) this.#run.info.requestedServerName = name.toLowerCase();
  }

  setApplicationProtocols(protocols: readonly string[]): void {
    if (!this.#run.isOver) this.#run.info.applicationProtocols = [...protocols];
  }

  setTransportProtocol(protocol: string): void {
    if (!this.#run.isOver) this.#run.info.transportProtocol = protocol;
  }

  setProxyTlvs(tlvs: readonly ProxyTlv[]): void {
    if (this.#run.isOver) return;
    this.#run.info.proxyTlvs = tlvs.map(({ type, value }) => ({ type, value: Uint8Array.from(value) }));
  }

  resume(): void {
    if (!this.#run.isOver) this.#run.resume(this.#filter);
  }

  close(kind: "now" | "abort" = "now", details = ""): void {
    if (!this.#run.isOver) this.#run.refuse(this.#filter, kind === "abort", details);
  }

  setTimer(callback: (connection: ListenerConnection) => void, ms: number): Timer {
    const run = this.#run;
    if (run.isOver) return ENDED;
    const timers = (this.#timers ??= new Set());
    const timer = run.chain.environment.timers.setTimer(() => {
      timers.delete(owned);
      run.runTimer(this.#filter, callback);
    }, ms);
    const owned: Timer = {
      cancel: () => {
        timers.delete(owned);
        timer.cancel();
      },
    };
    timers.add(owned);
    return owned;
  }

  /** For the engine: the filters' time is over. */
  cancelTimers(): void {
    if (this.#timers === null) return;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = null;
  }
}

function checkAddress(ip: string, port: number): void {
  if (isIP(ip) === 0) throw new TypeError(`${JSON.stringify(ip)} is no IP address`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new TypeError(`port ${port}: expected a whole number from 0 to 65535`);
}
