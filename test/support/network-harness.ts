// Drives network filters without a socket: the real chain engine on a scripted connection, under virtual time.
import type { NetworkFilter } from "@sluice/sdk";
import { NetworkChain, type NetworkChainParts } from "../../packages/core/src/network/filter-chain/network-chain.ts";
import {
  ScriptedConnection,
  type ScriptedConnectionOptions,
} from "../../packages/core/src/network/scripted-connection.ts";
import type { VirtualTime } from "../../packages/core/src/timing/virtual.ts";
import { type TestServices, virtualServices } from "./services.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- filters of any state stand in one list
export type AnyNetworkFilter = NetworkFilter<any> & { newState?(): unknown };

export interface HarnessOptions extends Partial<Omit<NetworkChainParts, "filters">> {
  readonly connection?: ScriptedConnectionOptions;
}

export class NetworkHarness {
  readonly services: TestServices;
  readonly time: VirtualTime;
  readonly chain: NetworkChain;
  readonly #connectionOptions: ScriptedConnectionOptions;

  /** Filters in order, by name; the last is terminal unless the options name another terminal. */
  constructor(filters: Readonly<Record<string, AnyNetworkFilter>>, options: HarnessOptions = {}) {
    const { services, time } = virtualServices();
    this.services = services;
    this.time = time;
    this.#connectionOptions = options.connection ?? {};
    this.chain = new NetworkChain({
      filters: Object.entries(filters).map(([name, filter]) => ({
        name,
        filter,
        newState: filter.newState === undefined ? null : () => filter.newState!(),
        heartbeatId: 1,
        errors: services.stats.counter(`${name}.errors`),
      })),
      terminal: null,
      tls: null,
      bufferLimitBytes: 1024 * 1024,
      loggers: [],
      environment: services,
      onReleased: () => {},
      ...options,
    });
  }

  connect(): ScriptedConnection {
    const connection = new ScriptedConnection({ flushQueue: this.services.flushQueue, ...this.#connectionOptions });
    this.chain.accept(connection);
    return connection;
  }
}

/** A terminal that keeps what it gets, as latin1; `|` stands for the half-close. */
export class Collector implements AnyNetworkFilter {
  readonly chunks: string[] = [];

  onData(data: Uint8Array, end: boolean): void {
    this.chunks.push(Buffer.from(data).toString("latin1") + (end ? "|" : ""));
  }

  get text(): string {
    return this.chunks.join("");
  }
}

/** Lets promises that are settled take effect. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

export const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
export const text = (data: Uint8Array): string => Buffer.from(data).toString("latin1");

/** Notes each call of its hooks. */
export function noting(calls: string[], name: string, hooks: AnyNetworkFilter = {}): AnyNetworkFilter {
  return {
    onNewConnection(connection) {
      calls.push(`${name}:new`);
      return hooks.onNewConnection?.(connection);
    },
    onData(data, end, connection) {
      calls.push(`${name}:data:${text(data)}${end ? "|" : ""}`);
      return hooks.onData?.(data, end, connection);
    },
    onWrite(data, end, connection) {
      calls.push(`${name}:write:${text(data)}${end ? "|" : ""}`);
      return hooks.onWrite?.(data, end, connection);
    },
    onClose(connection) {
      calls.push(`${name}:close`);
      hooks.onClose?.(connection);
    },
  };
}
