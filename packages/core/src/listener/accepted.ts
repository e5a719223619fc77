/** Hot path. What a listener keeps of one connection, from accept to close: a link in its list, and where to drain it. */
import type { Socket } from "node:net";
import type { SocketInfo } from "../network/connection-info.ts";
import type { ConnectionOwner, SocketConnection } from "../network/socket-connection.ts";
import type { EarlierData } from "../network/filter-chain/connection-facts.ts";
import type { Drainable } from "../network/filter-chain/terminal.ts";
import type { ListenerChains } from "./listener-chains.ts";
import type { ListenerFilterRun } from "./listener-filter-run.ts";
import type { SocketTaker } from "./peeked-socket.ts";

export interface AcceptedOwner {
  /** Its listener filters have let go. */
  onAcceptedFiltered(accepted: Accepted, hasEnded: boolean): void;
  onAcceptedClosed(accepted: Accepted): void;
}

export class Accepted implements ConnectionOwner, SocketTaker {
  readonly socket: Socket;
  chains: ListenerChains;
  /** When it became a connection; -1 while listener filters have it. */
  startMs = -1;
  /** null until it is needed. */
  info: SocketInfo | null = null;
  /** null: no listener filter has it, or waits for its end. */
  run: ListenerFilterRun | null = null;
  /** What listener filters left for the chain. */
  earlier: EarlierData | null = null;
  /** null while listener filters have it and while the TLS handshake is under way. */
  connection: SocketConnection | null = null;
  drainable: Drainable | null = null;
  /** The chains of the streams to come, while listener filters or TLS have the connection; null: the same. */
  nextChains: ListenerChains | null = null;
  /** Told to drain before there was a connection to tell. */
  drains = false;
  previous: Accepted | null = null;
  next: Accepted | null = null;
  /** The chains whose listener filters wait for its end, where these are others by now. */
  filteredBy: ListenerChains | null = null;
  readonly #owner: AcceptedOwner;

  constructor(owner: AcceptedOwner, socket: Socket, chains: ListenerChains) {
    this.#owner = owner;
    this.socket = socket;
    this.chains = chains;
  }

  onFiltered(hasEnded: boolean): void {
    this.#owner.onAcceptedFiltered(this, hasEnded);
  }

  onConnectionClosed(): void {
    this.#owner.onAcceptedClosed(this);
  }

  /** The socket closed: the end where no connection was made of it. */
  onSocketClosed(): void {
    if (this.connection === null) this.#owner.onAcceptedClosed(this);
  }

  /** The next version of its chains takes its next streams. */
  moveTo(chains: ListenerChains): void {
    this.nextChains = null;
    if (this.connection === null) this.nextChains = chains;
    else if (chains.chain.terminal !== null)
      this.drainable?.moveTo?.(chains.chain.terminal, () => {
        chains.connectionStarted();
        if (this.run !== null && this.filteredBy === null) this.filteredBy = this.chains;
        else this.chains.connectionEnded();
        this.chains = chains;
      });
  }

  drain(): void {
    this.nextChains = null;
    if (this.connection === null) this.drains = true;
    else this.drainable?.drain();
  }

  destroy(): void {
    if (this.connection !== null) this.connection.destroy();
    else if (this.run !== null && !this.run.isOver) this.run.end();
    else this.socket.destroy();
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
