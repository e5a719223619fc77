/** How a pool gets its connections: one interface, so that tests script it and TLS hides behind it. */
import type { Connection } from "../network/connection.ts";
import type { Host } from "./host.ts";

export interface ConnectEvents {
  onConnected(connection: Connection): void;
  onConnectFailed(reason: "connection_failure" | "connection_timeout", detail: string): void;
}

export interface Connecting {
  /** Gives up; no event fires after it. */
  cancel(): void;
}

export interface Connector {
  /** No event fires before this call has returned. */
  connect(host: Host, timeoutMs: number, events: ConnectEvents): Connecting;
}
