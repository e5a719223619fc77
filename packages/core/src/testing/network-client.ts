/** The client of a connection that a test plays. */
import type { ScriptedConnection } from "../network/scripted-connection.ts";
import { type BytesInput, bytesOf } from "./messages.ts";
import type { NetworkUpstream } from "./network-upstream.ts";

export class NetworkClient {
  /** For the kit. */
  overwritesBuffers = true;
  readonly #connection: ScriptedConnection;
  readonly #upstream: () => NetworkUpstream | null;
  #ended = false;

  /** For the kit; tests call `connect()` of a harness. */
  constructor(connection: ScriptedConnection, upstream: () => NetworkUpstream | null) {
    this.#connection = connection;
    this.#upstream = upstream;
  }

  /** The upstream's end. @throws Error while the connection has not come there, or where a filter under test ends the chain */
  get upstream(): NetworkUpstream {
    const upstream = this.#upstream();
    if (upstream === null) throw new Error("the connection has not come to the upstream");
    return upstream;
  }

  /** For the kit. */
  get id(): number {
    return this.#connection.info.id;
  }

  /** For the kit: bytes that the proxy wrote. */
  get length(): number {
    return this.#connection.bytesWritten;
  }

  /** What came back, as UTF-8. */
  get received(): string {
    return Buffer.from(this.receivedBytes).toString("utf8");
  }

  get receivedBytes(): Uint8Array {
    return Buffer.concat(this.#connection.writes);
  }

  /** Lengths of the writes. */
  get chunks(): readonly number[] {
    return this.#connection.writes.map(({ length }) => length);
  }

  /** What came back since the last call, as UTF-8. */
  take(): string {
    const { received } = this;
    this.#connection.writes.length = 0;
    return received;
  }

  /**
   * What the proxy did to the connection: "" nothing, "end" it closed its write side, "flush" it closed after what was written, "now" at once, "abort" with a TCP
   * reset.
   */
  get closedBy(): "" | "end" | "flush" | "now" | "abort" {
    return this.#connection.closedBy;
  }

  /** For the kit: what came back is not kept. */
  forget(): void {
    this.#connection.writes.length = 0;
  }

  /** Whether the connection is gone. */
  get closed(): boolean {
    return this.#connection.closed;
  }

  /** Whether the proxy has stopped reading. */
  get paused(): boolean {
    return this.#connection.paused;
  }

  /** Bytes for the proxy, in a buffer that is overwritten when the call returns, as a socket's is. */
  send(data: BytesInput, end = false): this {
    const bytes = bytesOf(data);
    if (bytes.length !== 0) this.#connection.receive(bytes, this.overwritesBuffers);
    return end ? this.end() : this;
  }

  /** The client closes its write side. */
  end(): this {
    if (!this.#ended && !this.closed) this.#connection.receiveEnd();
    this.#ended = true;
    return this;
  }

  /** The connection breaks, or the client closes both sides. */
  reset(): this {
    if (!this.closed) this.#connection.receiveClose("ECONNRESET");
    return this;
  }

  /** The client reads no more: what is written waits, and raises the watermark beyond the buffer limit. */
  slow(): this {
    this.#connection.stall();
    return this;
  }

  /** It reads what waits (or so many bytes of it), and goes on reading where nothing is left. */
  fast(bytes?: number): this {
    this.#connection.drain(bytes);
    return this;
  }
}
