/** How a pool gets its connections: one interface, so that tests script it and TLS hides behind it. */
import type { ConnectionInfo } from "@sluice/sdk";
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

/** What is special about a connection: connections of one pool have it in common. */
export interface ConnectTarget {
  /** Server name to ask for in place of the configured one; empty: that one. */
  readonly serverName: string;
  /** A name that the server's certificate must carry besides what is configured; empty: none. */
  readonly certificateName: string;
  /** Protocols to offer (ALPN) in place of the configured ones; null: those. */
  readonly alpn: readonly string[] | null;
  /** For whom it is opened, where the host is told (PROXY protocol); null: for nobody in particular. */
  readonly client: ConnectionInfo | null;
}

/** Nothing. */
export const AS_CONFIGURED: ConnectTarget = { serverName: "", certificateName: "", alpn: null, client: null };

export interface Connector {
  /** No event fires before this call has returned. `target`: null or absent for what the cluster's configuration says. */
  connect(host: Host, timeoutMs: number, events: ConnectEvents, target?: ConnectTarget | null): Connecting;
}
