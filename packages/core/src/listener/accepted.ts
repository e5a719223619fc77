/** Hot path. What a listener keeps of one connection, from accept to close: a link in its list, and where to drain it. */
import type { Socket } from "node:net";
import type { ConnectionOwner, SocketConnection } from "../network/socket-connection.ts";
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import type { Drainable } from "../network/filter-chain/terminal.ts";

export interface AcceptedOwner {
  onAcceptedClosed(accepted: Accepted): void;
}

export class Accepted implements ConnectionOwner {
  readonly socket: Socket;
  readonly chain: NetworkChain;
  readonly startMs: number;
  /** null while the TLS handshake is under way. */
  connection: SocketConnection | null = null;
  drainable: Drainable | null = null;
  previous: Accepted | null = null;
  next: Accepted | null = null;
  readonly #owner: AcceptedOwner;

  constructor(owner: AcceptedOwner, socket: Socket, chain: NetworkChain, startMs: number) {
    this.#owner = owner;
    this.socket = socket;
    this.chain = chain;
    this.startMs = startMs;
  }

  onConnectionClosed(): void {
    this.#owner.onAcceptedClosed(this);
  }

  /** The socket closed: the end where no connection was made of it. */
  onSocketClosed(): void {
    if (this.connection === null) this.#owner.onAcceptedClosed(this);
  }

  drain(): void {
    this.drainable?.drain();
  }

  destroy(): void {
    if (this.connection === null) this.socket.destroy();
    else this.connection.destroy();
  }
}

/** All connections of one listener: an intrusive list. */
export class AcceptedList {
  size = 0;
  #first: Accepted | null = null;

  add(accepted: Accepted): void {
    accepted.next = this.#first;
    if (this.#first !== null) this.#first.previous = accepted;
    this.#first = accepted;
    this.size++;
  }

  remove(accepted: Accepted): void {
    const { previous, next } = accepted;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    accepted.previous = null;
    accepted.next = null;
    this.size--;
  }

  /** Those that are there now; any may leave while they are visited. */
  snapshot(): Accepted[] {
    const all: Accepted[] = [];
    for (let accepted = this.#first; accepted !== null; accepted = accepted.next) all.push(accepted);
    return all;
  }
}
