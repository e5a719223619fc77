/**
 * A connection in its listener's filters without a socket, for tests and the testing kit: the test plays the client on the scripted connection; what a filter
 * chain would get is kept here. Buffers are overwritten after each delivery, as everywhere with scripted connections, unless the engine keeps them.
 */
import type { ConnectionInfo } from "@sluice/sdk";
import type { ConnectionEvents } from "../network/connection.ts";
import type { EarlierData } from "../network/filter-chain/connection-facts.ts";
import { ScriptedConnection, type ScriptedConnectionOptions } from "../network/scripted-connection.ts";
import type { ListenerFilterChain } from "./listener-filter-chain.ts";
import { ListenerFilterRun, type PeekSink } from "./listener-filter-run.ts";

/** `filters`: they have it; `chain`: they let it go on; `closed`: they, the time-out or the client ended it before. */
export type PeekPlace = "filters" | "chain" | "closed";

export class ScriptedPeek implements PeekSink, ConnectionEvents {
  readonly connection: ScriptedConnection;
  readonly run: ListenerFilterRun;
  /** Everything that the chain got: what was left by the filters, and what came after. */
  chainBytes: Buffer = Buffer.alloc(0);
  /** The chain heard that the client sends no more. */
  chainEnded = false;
  #hasPassed = false;

  constructor(filters: ListenerFilterChain, options: ScriptedConnectionOptions = {}) {
    this.connection = new ScriptedConnection(options);
    this.run = new ListenerFilterRun(filters, this.connection, this.connection.info, this);
    this.connection.setEvents(this.run);
    this.run.start();
  }

  get place(): PeekPlace {
    if (this.#hasPassed) return "chain";
    return this.run.isOver ? "closed" : "filters";
  }

  /** What the filters told of the connection. */
  get info(): ConnectionInfo {
    return this.connection.info;
  }

  /** Metadata and filter state that the chain finds; null: none. */
  get earlier(): EarlierData | null {
    return this.run.left;
  }

  onFiltered(rest: Uint8Array, hasEnded: boolean): void {
    this.#hasPassed = true;
    this.connection.setEvents(this);
    if (rest.length > 0) this.onData(rest);
    if (hasEnded) this.onEnd();
  }

  onData(data: Uint8Array): void {
    this.chainBytes = Buffer.concat([this.chainBytes, data]);
  }

  onEnd(): void {
    this.chainEnded = true;
  }

  onClose(): void {
    this.run.onClose();
  }

  onWriteHigh(): void {}
  onWriteLow(): void {}
  onDrained(): void {}
}
