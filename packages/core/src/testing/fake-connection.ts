/** The far end of a TCP connection that a filter has opened to a fake cluster: the test is the server. */
import type { ResetReason, UpstreamConnection, UpstreamConnectionEvents, UpstreamHost } from "@sluice/sdk";
import { type BytesInput, bytesOf, lend } from "./messages.ts";

const LOCAL = "10.0.0.9:50000";

export class FakeConnection {
  readonly port: UpstreamConnection;
  /** Whether it stands. */
  connected = false;
  /** The proxy's side closed its write side; the proxy closed the connection (`reset`: with a TCP reset). */
  ended = false;
  closedBy: "" | "close" | "reset" = "";
  /** For the kit: whether buffers are overwritten, whether bytes are kept; how many came. */
  overwritesBuffers = true;
  keepsBytes = true;
  length = 0;
  readonly #events: UpstreamConnectionEvents;
  readonly #host: UpstreamHost;
  readonly #received: Buffer[] = [];
  #pauses = 0;
  #isAbove = false;
  #isClosed = false;

  constructor(events: UpstreamConnectionEvents, host: UpstreamHost) {
    this.#events = events;
    this.#host = host;
    this.port = this.#makePort();
  }

  /** What the proxy sent, as UTF-8. */
  get received(): string {
    return Buffer.concat(this.#received).toString("utf8");
  }

  get receivedBytes(): Uint8Array {
    return Buffer.concat(this.#received);
  }

  /** Whether the proxy has stopped reading. */
  get paused(): boolean {
    return this.#pauses > 0;
  }

  /** Whether neither side sends any more. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** Bytes for the proxy, in a buffer that is overwritten when the call returns. `end` closes the write side. */
  send(data: BytesInput, end = false): this {
    if (this.#isClosed) return this;
    const bytes = bytesOf(data);
    lend(bytes, this.overwritesBuffers, (lent) => this.#events.onUpstreamData(lent, end));
    return this;
  }

  /** The upstream closes: orderly where `reason` is null. */
  close(reason: ResetReason | null = null): this {
    if (this.#isClosed) return this;
    this.#isClosed = true;
    this.#events.onUpstreamClose(reason, "", this.#host);
    return this;
  }

  /** The way to the upstream is full, has room again. */
  slow(): this {
    if (!this.#isAbove) {
      this.#isAbove = true;
      this.#events.onUpstreamWriteHigh();
    }
    return this;
  }

  fast(): this {
    if (this.#isAbove) {
      this.#isAbove = false;
      this.#events.onUpstreamWriteLow();
    }
    return this;
  }

  /** For the kit. */
  connect(failure: ResetReason | null, accept: ((connection: FakeConnection) => void) | undefined): void {
    queueMicrotask(() => {
      if (this.#isClosed) return;
      if (failure !== null) {
        this.close(failure);
        return;
      }
      this.connected = true;
      this.#events.onUpstreamConnected(this.#host, LOCAL);
      accept?.(this);
    });
  }

  #makePort(): UpstreamConnection {
    const isAbove = (): boolean => this.#isAbove;
    return {
      write: (data, end) => {
        if (this.#isClosed) return;
        this.length += data.length;
        if (this.keepsBytes) this.#received.push(Buffer.from(data));
        if (end) this.ended = true;
      },
      close: (abort) => {
        if (this.#isClosed) return;
        this.#isClosed = true;
        this.closedBy = abort === true ? "reset" : "close";
      },
      pause: () => void this.#pauses++,
      unpause: () => void this.#pauses--,
      get aboveWatermark() {
        return isAbove();
      },
    };
  }
}
