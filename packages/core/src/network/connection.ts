/**
 * A transport connection as codecs, pools and network filters see it: bytes in and out, watermarks, counted pauses, ownership of read buffers.
 * Implemented over net.Socket and tls.TLSSocket for both sides, and by a scripted one in tests.
 */
import type { ConnectionInfo } from "@sluice/sdk";

/** Where a connection's events go. Module-level listeners of the socket read it from one state object. */
export interface ConnectionEvents {
  /** Bytes are valid until the call returns, unless `retainReadBuffer()` is called during it. */
  onData(data: Uint8Array): void;
  /** The peer closed its write side. May come while the connection is paused, never before data that came earlier. */
  onEnd(): void;
  /**
   * The connection is gone; the last event, once, also after `destroy` and `closeAfterFlush` (never within those calls).
   * `error` is the system's code or a word (`ECONNRESET`, `EPIPE`); empty after an orderly end and after `destroy`.
   */
  onClose(error: string): void;
  /** Bytes waiting to be written rose above `highWatermark`, fell to half of it or less. */
  onWriteHigh(): void;
  onWriteLow(): void;
  /** Nothing is waiting to be written any more (after something was). */
  onDrained(): void;
}

export interface Connection {
  readonly info: ConnectionInfo;
  /** Takes the events from now on; exactly one receiver. */
  setEvents(events: ConnectionEvents): void;
  /**
   * Writes bytes at once (no batching here: codecs join what belongs together). A view of a read buffer may be given: the connection that read it is told
   * through `retainReadBuffer` when the kernel did not take everything. Inert after `end`, `closeAfterFlush` and the end of the connection.
   */
  write(data: Uint8Array): void;
  /** Writes text, one byte per character. */
  writeLatin1(text: string): void;
  /** Writes a latin1 head and bytes with one system call. */
  writeHeadAndBody(head: string, body: Uint8Array): void;
  /** Half-closes the write side after what is waiting. */
  end(): void;
  /**
   * Delayed close: writes what is waiting, half-closes, drops what still comes in, and closes when the peer closes too, `timeoutMs` after the last write at
   * the latest. 0: closes as soon as everything is written. A peer that takes no bytes for longer than 30 s and `timeoutMs` is cut off. No event follows but
   * `onClose`.
   */
  closeAfterFlush(timeoutMs: number): void;
  /** Closes at once; what is waiting is dropped. `abort`: with a TCP reset. No event follows but `onClose`. */
  destroy(abort?: boolean): void;
  /** Stops and restarts reading; counted. */
  pause(): void;
  unpause(): void;
  readonly paused: boolean;
  /** Bytes that wait to be written. */
  readonly pendingBytes: number;
  readonly aboveWatermark: boolean;
  /** High watermark of the write side in bytes; the low one is half of it. */
  highWatermark: number;
  readonly closed: boolean;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/**
 * The read buffer rule. A connection that reads into a reused buffer of its own looks at this flag after its `onData` callback; whoever keeps a view of
 * those bytes past the synchronous turn (a write that the kernel did not take at once, a promise that is open, a held chunk) calls `retainReadBuffer()`;
 * the connection then reads into another buffer and leaves this one to the garbage collector. Cheap: one module-level flag.
 */
export const readBuffer = { retained: false };

export function retainReadBuffer(): void {
  readBuffer.retained = true;
}

const NOTHING = (): void => undefined;

/** A receiver that ignores everything: before the first owner, after the last. */
export const NO_EVENTS: ConnectionEvents = Object.freeze({
  onData: NOTHING,
  onEnd: NOTHING,
  onClose: NOTHING,
  onWriteHigh: NOTHING,
  onWriteLow: NOTHING,
  onDrained: NOTHING,
});
