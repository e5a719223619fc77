// An HTTP/2 client on node:http2, the oracle: one connection, many requests, everything that came back.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
  type ClientSessionOptions,
  connect,
} from "node:http2";
import { once } from "node:events";
import { within } from "./eventually.ts";

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  readonly informational: readonly IncomingHttpHeaders[];
  /** Of RST_STREAM; 0: none, or NO_ERROR. */
  readonly resetCode: number;
}

export class Http2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly goaways: Array<{ code: number; lastStreamId: number }> = [];
  closed = false;
  readonly #gone = Promise.withResolvers<void>();
  error: string | null = null;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("goaway", (code, lastStreamId) => this.goaways.push({ code, lastStreamId }));
    session.on("error", (error: NodeJS.ErrnoException) => (this.error = error.code ?? error.message));
    session.on("close", () => {
      this.closed = true;
      this.#gone.resolve();
    });
  }

  /** Resolves when the server's SETTINGS have come. */
  static async open(
    port: number,
    options: ClientSessionOptions | SecureClientSessionOptions = {},
    scheme: "http" | "https" = "http",
  ): Promise<Http2Client> {
    const client = new Http2Client(connect(`${scheme}://127.0.0.1:${port}`, options));
    await once(client.session, "remoteSettings");
    return client;
  }

  /** A stream whose body the caller sends. */
  start(headers: OutgoingHttpHeaders = {}, endStream = false): ClientHttp2Stream {
    const stream = this.session.request({ ":path": "/", ...headers }, { endStream });
    stream.on("error", () => {});
    return stream;
  }

  send(headers: OutgoingHttpHeaders = {}, body?: string | Uint8Array): Promise<Http2Answer> {
    const stream = this.start(headers, body === undefined);
    if (body !== undefined) stream.end(body);
    return answerOf(stream);
  }

  /** Resolves when the connection has ended, in whatever way. */
  gone(): Promise<void> {
    return within("the connection ends", this.#gone.promise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy();
    await this.gone();
  }
}

/** Everything of a stream's answer, once the stream is closed. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const informational: IncomingHttpHeaders[] = [];
  const chunks: Buffer[] = [];
  stream.on("headers", (more) => informational.push(more));
  stream.on("response", (got) => (headers = got));
  stream.on("trailers", (got) => (trailers = got));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!stream.destroyed) await once(stream, "close").catch(() => {});
  return {
    status: Number(headers[":status"] ?? 0),
    headers,
    body: Buffer.concat(chunks),
    trailers,
    informational,
    resetCode: stream.rstCode ?? 0,
  };
}
