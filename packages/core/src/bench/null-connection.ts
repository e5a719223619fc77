/** A connection that nobody reads: takes bytes and forgets them, and lets the bench play the socket's events. */
import type { ConnectionInfo } from "@sluice/sdk";
import { type Connection, type ConnectionEvents, NO_EVENTS } from "../network/connection.ts";
import { SocketInfo, nextConnectionId } from "../network/connection-info.ts";

const REMOTE = { address: "192.0.2.1:4711", ip: "192.0.2.1", port: 4711 };
const LOCAL = { address: "192.0.2.2:80", ip: "192.0.2.2", port: 80 };

export class NullConnection implements Connection {
  readonly info: ConnectionInfo = new SocketInfo(nextConnectionId(0), REMOTE, LOCAL, null);
  highWatermark = 1024 * 1024;
  readonly aboveWatermark = false;
  readonly pendingBytes = 0;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  pauses = 0;
  events: ConnectionEvents = NO_EVENTS;
  readonly #onUnpaused: () => void;

  constructor(onUnpaused: () => void = () => {}) {
    this.#onUnpaused = onUnpaused;
  }

  setEvents(events: ConnectionEvents): void {
    this.events = events;
  }

  write(data: Uint8Array): void {
    this.bytesWritten += data.length;
  }

  writeLatin1(text: string): void {
    this.bytesWritten += text.length;
  }

  writeHeadAndBody(head: string, body: Uint8Array): void {
    this.bytesWritten += head.length + body.length;
  }

  end(): void {}

  closeAfterFlush(): void {
    this.closed = true;
  }

  destroy(): void {
    this.closed = true;
  }

  pause(): void {
    this.pauses++;
  }

  unpause(): void {
    if (--this.pauses === 0) this.#onUnpaused();
  }

  get paused(): boolean {
    return this.pauses > 0;
  }
}
