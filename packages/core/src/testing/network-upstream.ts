/** The terminal filter of a network harness where no filter under test ends the chain: the test is the upstream. */
import { defineNetworkFilter, type NetworkConnection, parsedBy } from "@sluice/sdk";
import { type BytesInput, bytesOf, lend } from "./messages.ts";
import type { AnyDefinition } from "./setup.ts";

export const NETWORK_UPSTREAM_ID = "sluice.testing.network_upstream";

export class NetworkUpstream {
  /** The client's half-close has come here. */
  ended = false;
  /** The connection is gone. */
  closed = false;
  /** Lengths of the chunks that came. */
  readonly chunks: number[] = [];
  /** For the kit: whether buffers are overwritten, whether bytes are kept; how many came. */
  overwritesBuffers = true;
  keepsBytes = true;
  length = 0;
  readonly #connection: NetworkConnection<unknown>;
  readonly #data: Buffer[] = [];
  #isSlow = false;

  /** For the kit. */
  constructor(connection: NetworkConnection<unknown>) {
    this.#connection = connection;
  }

  /** What came, as UTF-8. */
  get received(): string {
    return Buffer.concat(this.#data).toString("utf8");
  }

  get receivedBytes(): Uint8Array {
    return Buffer.concat(this.#data);
  }

  /** Whether the proxy asks the upstream to wait: its client is slow, or a filter holds. */
  get paused(): boolean {
    return !this.closed && this.#connection.write.aboveWatermark;
  }

  /** Bytes for the client, in a buffer that is overwritten when the call returns. `end` closes the write side. */
  send(data: BytesInput, end = false): this {
    if (this.closed) return this;
    const bytes = bytesOf(data);
    lend(bytes, this.overwritesBuffers, (lent) => this.#connection.send(lent, end));
    return this;
  }

  /** Closes the connection. */
  close(kind: "flush" | "now" | "abort" = "flush"): this {
    this.#connection.close(kind);
    return this;
  }

  /** The upstream takes no more, takes more again. */
  slow(): this {
    if (!this.#isSlow && !this.closed) this.#connection.read.pause();
    this.#isSlow = true;
    return this;
  }

  fast(): this {
    if (this.#isSlow && !this.closed) this.#connection.read.unpause();
    this.#isSlow = false;
    return this;
  }

  /** For the kit. */
  add(data: Uint8Array, end: boolean): void {
    this.length += data.length;
    if (data.length !== 0 && this.keepsBytes) {
      this.chunks.push(data.length);
      this.#data.push(Buffer.from(data));
    }
    if (end) this.ended = true;
  }
}

/** `onConnection`: a connection, by its id, has come to the end of the chain. */
export function scriptedNetworkUpstream(onConnection: (id: number, upstream: NetworkUpstream) => void): AnyDefinition {
  return defineNetworkFilter({
    id: NETWORK_UPSTREAM_ID,
    maturity: "stable",
    security: "unknown",
    terminal: true,
    config: parsedBy(() => ({})),
    newState: (): { upstream: NetworkUpstream | null } => ({ upstream: null }),
    create: () => ({
      onNewConnection(connection) {
        const upstream = new NetworkUpstream(connection);
        connection.state.upstream = upstream;
        onConnection(connection.connection.id, upstream);
      },
      onData: (data, end, connection) => connection.state.upstream!.add(data, end),
      onClose(connection) {
        if (connection.state.upstream !== null) connection.state.upstream.closed = true;
      },
    }),
  });
}
