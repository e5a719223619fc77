/** http_inspector: tells whether a plain-text client speaks HTTP, and which: its name becomes the connection's application protocol. */
import { Continue, type Counter, type ListenerConnection, type ListenerFilter, type Stats, Stop } from "@sluice/sdk";
import type { ListenerVerdict } from "@sluice/sdk";
import { RequestLine, type Spoken } from "./request-line.ts";

/** The longest first line that is looked at. Envoy: MAX_INSPECT_SIZE. */
export const LARGEST_LINE = 65_536;

export class HttpInspectorFilter implements ListenerFilter<RequestLine> {
  readonly #found: Readonly<Record<Spoken, Counter>>;
  readonly #notFound: Counter;

  /** `stats`: the root of the tree. */
  constructor(stats: Stats) {
    this.#found = {
      "http/1.0": stats.counter("http_inspector.http10_found"),
      "http/1.1": stats.counter("http_inspector.http11_found"),
      h2c: stats.counter("http_inspector.http2_found"),
    };
    this.#notFound = stats.counter("http_inspector.http_not_found");
  }

  /** What is known to be TLS shows no HTTP. */
  onAccept(connection: ListenerConnection<RequestLine>): void {
    const { transportProtocol } = connection.connection;
    if (transportProtocol !== "" && transportProtocol !== "raw_buffer") connection.maxPeekBytes = 0;
  }

  onPeek(data: Uint8Array, connection: ListenerConnection<RequestLine>): ListenerVerdict {
    const spoken = connection.state.look(data);
    if (spoken === "more" && data.length < LARGEST_LINE) return Stop;
    if (spoken === "more" || spoken === null) {
      this.#notFound.inc();
      return Continue;
    }
    this.#found[spoken].inc();
    connection.setApplicationProtocols([spoken]);
    return Continue;
  }
}
