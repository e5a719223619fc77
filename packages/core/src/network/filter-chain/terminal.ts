/** What ends a network filter chain and is no network filter: the HTTP connection manager. It gets the connection itself. */
import type { StreamFilterState } from "../../http/chain/stream-data.ts";
import type { Connection } from "../connection.ts";

/** A connection's owner as a draining listener sees it. */
export interface Drainable {
  /** Lame duck: finish what is open, take nothing new. */
  drain(): void;
  closeIfIdle(): void;
  /**
   * The connection's next streams are those of another version of its terminal, whose `moveIn` takes it; then `onMoved` is called. Streams that are open stay with
   * their version, which lives until they are over. Connections without streams have no such method: they stay with what took them.
   */
  moveTo?(terminal: NetworkTerminal, onMoved: () => void): void;
}

/** What the chain knows of a connection besides the connection. */
export interface TerminalContext {
  /** Filter state of the connection's life; null where no network filter stands before: make your own. */
  readonly filterState: StreamFilterState | null;
}

export interface NetworkTerminal {
  /** Takes the connection: MUST call `setEvents` before it returns. */
  onConnection(connection: Connection, context: TerminalContext): Drainable;
  /** No new connection comes; after the last one everything is given back. Harmless when called twice. */
  retire(): void;
}
