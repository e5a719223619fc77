/** tls_inspector: tells whether a client speaks TLS, which server it asks for and which protocols it offers, before the handshake. */
import {
  Continue,
  type Counter,
  type Histogram,
  type ListenerConnection,
  type ListenerFilter,
  type Stats,
  Stop,
} from "@sluice/sdk";
import type { ListenerVerdict } from "@sluice/sdk";
import type { HelloReader } from "./client-hello.ts";
import { LARGEST_CLIENT_HELLO, type TlsInspectorSettings } from "./config.ts";

/** How many bytes the next look needs at least: what comes in small pieces is not parsed over and over. */
export interface HelloState {
  needed: number;
  readonly reader: HelloReader;
}

export class TlsInspectorFilter implements ListenerFilter<HelloState> {
  readonly #initialPeekBytes: number;
  readonly #tooLarge: Counter;
  readonly #tlsFound: Counter;
  readonly #tlsNotFound: Counter;
  readonly #alpnFound: Counter;
  readonly #alpnNotFound: Counter;
  readonly #sniFound: Counter;
  readonly #sniNotFound: Counter;
  readonly #bytesProcessed: Histogram;

  /** `stats`: the root of the tree. */
  constructor({ initialPeekBytes }: TlsInspectorSettings, stats: Stats) {
    this.#initialPeekBytes = initialPeekBytes;
    this.#tooLarge = stats.counter("tls_inspector.client_hello_too_large");
    this.#tlsFound = stats.counter("tls_inspector.tls_found");
    this.#tlsNotFound = stats.counter("tls_inspector.tls_not_found");
    this.#alpnFound = stats.counter("tls_inspector.alpn_found");
    this.#alpnNotFound = stats.counter("tls_inspector.alpn_not_found");
    this.#sniFound = stats.counter("tls_inspector.sni_found");
    this.#sniNotFound = stats.counter("tls_inspector.sni_not_found");
    this.#bytesProcessed = stats.histogram("tls_inspector.bytes_processed", [...BYTES]);
  }

  onAccept(connection: ListenerConnection<HelloState>): void {
    connection.maxPeekBytes = this.#initialPeekBytes;
  }

  onPeek(data: Uint8Array, connection: ListenerConnection<HelloState>): ListenerVerdict {
    const { state } = connection;
    const found = data.length < state.needed ? state.needed : state.reader.read(data);
    if (found === null) {
      this.#tlsNotFound.inc();
      this.#bytesProcessed.record(data.length);
      connection.setTransportProtocol("raw_buffer");
      return Continue;
    }
    if (typeof found === "number") return this.#wait(found, data.length, connection);
    this.#tlsFound.inc();
    this.#bytesProcessed.record(found.length);
    connection.setTransportProtocol("tls");
    const { serverName, protocols } = found;
    (serverName === "" ? this.#sniNotFound : this.#sniFound).inc();
    (protocols.length === 0 ? this.#alpnNotFound : this.#alpnFound).inc();
    if (serverName !== "") connection.setServerName(serverName);
    if (protocols.length > 0) connection.setApplicationProtocols(protocols);
    return Continue;
  }

  #wait(needed: number, seen: number, connection: ListenerConnection<HelloState>): ListenerVerdict {
    connection.state.needed = needed;
    if (needed > LARGEST_CLIENT_HELLO) {
      this.#tooLarge.inc();
      this.#bytesProcessed.record(seen);
      connection.close("now", "client_hello_too_large");
      return Continue;
    }
    while (connection.maxPeekBytes < needed)
      connection.maxPeekBytes = Math.min(2 * connection.maxPeekBytes, LARGEST_CLIENT_HELLO);
    return Stop;
  }
}

const BYTES = [128, 256, 512, 1024, 1536, 2048, 4096, 8192, 16_384, 32_768, 65_536] as const;
