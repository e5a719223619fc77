/** The client of a connection that is with its listener's filters. */
import type { ConnectionInfo, DynamicMetadata, FilterState } from "@sluice/sdk";
import { StreamFilterState, StreamMetadata } from "../http/chain/stream-data.ts";
import type { PeekPlace, ScriptedPeek } from "../listener/scripted-peek.ts";
import { type BytesInput, bytesOf } from "./messages.ts";

export class ListenerClient {
  readonly #peek: ScriptedPeek;

  /** For the kit; tests call `connect()` of a harness. */
  constructor(peek: ScriptedPeek) {
    this.#peek = peek;
  }

  /** `filters`: they have the connection; `chain`: they let it go on; `closed`: they, the time-out or the client ended it before. */
  get place(): PeekPlace {
    return this.#peek.place;
  }

  /** What is known of the connection, with what filters have set. */
  get info(): ConnectionInfo {
    return this.#peek.info;
  }

  /** Metadata that the filters have left for those that come after. */
  get metadata(): DynamicMetadata {
    return this.#peek.earlier?.metadata ?? new StreamMetadata();
  }

  get filterState(): FilterState {
    return this.#peek.earlier?.filterState ?? new StreamFilterState(null);
  }

  /** What the filter chain got: what nobody consumed, and what came after. As UTF-8. */
  get passed(): string {
    return this.#peek.chainBytes.toString("utf8");
  }

  get passedBytes(): Uint8Array {
    return this.#peek.chainBytes;
  }

  /** Whether the chain heard that the client sends no more. */
  get passedEnd(): boolean {
    return this.#peek.chainEnded;
  }

  /** Whether a filter has refused it with a TCP reset (`abort`), or closed it (`now`). */
  get closedBy(): "" | "now" | "abort" {
    const { closedBy } = this.#peek.connection;
    return closedBy === "now" || closedBy === "abort" ? closedBy : "";
  }

  /** Whether the proxy has stopped reading. */
  get paused(): boolean {
    return this.#peek.connection.paused;
  }

  /** Bytes for the proxy, in a buffer that is overwritten when nobody needs it any more. */
  send(data: BytesInput, end = false): this {
    const bytes = bytesOf(data);
    if (bytes.length !== 0) this.#peek.connection.receive(bytes);
    return end ? this.end() : this;
  }

  /** The client closes its write side. */
  end(): this {
    if (!this.#peek.connection.closed) this.#peek.connection.receiveEnd();
    return this;
  }

  /** The connection breaks, or the client closes both sides. */
  reset(): this {
    if (!this.#peek.connection.closed) this.#peek.connection.receiveClose("ECONNRESET");
    return this;
  }
}
