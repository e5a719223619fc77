/**
 * The bytes of an accepted socket while listener filters look at them. What was read and is not used goes back into the socket (`unshift`), where the next
 * reader finds it in front of what comes: a plain connection, or node:tls, which reads what the socket holds before it reads from the kernel. While the filters
 * wait for something else the held bytes stay in the socket too: Node would tell the end of an empty one, and take nothing back after that.
 */
import type { Socket } from "node:net";
import type { SocketInfo } from "../network/connection-info.ts";
import type { ListenerFilterChain } from "./listener-filter-chain.ts";
import { ListenerFilterRun, type PeekSink, type PeekSource } from "./listener-filter-run.ts";

const PEEKED = Symbol("sluice.peeked");
interface Peeked extends Socket {
  [PEEKED]?: PeekedSocket;
}

/** Who has the socket next. */
export interface SocketTaker {
  /** The filters have let go: the socket is paused, with all bytes in it that nobody consumed. `hasEnded`: there will be no more. */
  onFiltered(hasEnded: boolean): void;
}

export class PeekedSocket implements PeekSource, PeekSink {
  readonly run: ListenerFilterRun;
  readonly #socket: Peeked;
  readonly #isPipe: boolean;
  readonly #next: SocketTaker;

  constructor(filters: ListenerFilterChain, socket: Socket, info: SocketInfo, isPipe: boolean, next: SocketTaker) {
    this.#socket = socket;
    this.#isPipe = isPipe;
    this.#next = next;
    this.run = new ListenerFilterRun(filters, this, info, this);
  }

  start(): void {
    const socket = this.#socket;
    socket[PEEKED] = this;
    socket.on("data", onData);
    socket.on("end", onEnd);
    // What went wrong is told by the close that follows.
    socket.on("error", ignore);
    this.run.start();
  }

  pause(): void {
    this.#socket.pause();
    this.#putBack(this.run.takeHeld());
  }

  unpause(): void {
    const socket = this.#socket;
    // Everything that it holds, by the listener of `data`, at once.
    if (socket.readableLength !== 0) socket.read();
    socket.resume();
  }

  destroy(abort: boolean): void {
    if (abort && !this.#isPipe) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  onFiltered(rest: Uint8Array, hasEnded: boolean): void {
    const socket = this.#socket;
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("error", ignore);
    delete socket[PEEKED];
    socket.pause();
    this.#putBack(rest);
    this.#next.onFiltered(hasEnded);
  }

  /** For the socket's listeners. */
  received(data: Uint8Array): void {
    this.run.onData(data);
  }

  /** For the socket's listeners. */
  ended(): void {
    this.run.onEnd();
  }

  #putBack(bytes: Uint8Array): void {
    if (bytes.length !== 0) this.#socket.unshift(bytes);
  }
}

function onData(this: Peeked, data: Uint8Array): void {
  this[PEEKED]?.received(data);
}

function onEnd(this: Peeked): void {
  this[PEEKED]?.ended();
}

function ignore(): void {}
