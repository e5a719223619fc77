// node:http2 on both ends: an origin that does what it is told by the path, and a client that collects.
import { createHash } from "node:crypto";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";

export class NodeOrigin implements AsyncDisposable {
  readonly port: number;
  readonly sessions = new Set<http2.Http2Session>();
  readonly #server: http2.Http2Server;

  private constructor(server: http2.Http2Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("session", (session) => {
      this.sessions.add(session);
      session.on("error", () => undefined);
      session.once("close", () => this.sessions.delete(session));
    });
  }

  static async start(
    onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
    options: http2.ServerOptions = {},
  ): Promise<NodeOrigin> {
    const server = http2.createServer(options);
    server.on("stream", (stream, headers) => {
      stream.on("error", () => undefined);
      onStream(stream, headers);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    return new NodeOrigin(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

export interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly informational: number[];
  readonly trailers: http2.IncomingHttpHeaders | null;
  readonly bytes: number;
  readonly sha: string;
  readonly text: string;
  /** Of RST_STREAM; 0 after an orderly end. */
  readonly code: number;
}

export class NodeClient implements AsyncDisposable {
  readonly session: http2.ClientHttp2Session;

  private constructor(session: http2.ClientHttp2Session) {
    this.session = session;
  }

  static async connect(url: string, options: http2.ClientSessionOptions = {}): Promise<NodeClient> {
    const session = http2.connect(url, { maxSessionMemory: 100, ...options });
    session.on("error", () => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    session.once("connect", () => resolve());
    session.once("error", reject);
    await promise;
    return new NodeClient(session);
  }

  /** Sends a request; resolves when its stream is closed, however. */
  async send(
    headers: http2.OutgoingHttpHeaders,
    body: Uint8Array | readonly Uint8Array[] | null = null,
    trailers: http2.OutgoingHttpHeaders | null = null,
  ): Promise<Answer> {
    const hasBody = body !== null || trailers !== null;
    const stream = this.session.request(headers, { endStream: !hasBody, waitForTrailers: trailers !== null });
    if (trailers !== null) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    const answer = collect(stream);
    if (hasBody) {
      for (const piece of body === null ? [] : body instanceof Uint8Array ? [body] : body) {
        if (!stream.write(piece)) await drained(stream);
      }
      stream.end();
    }
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy();
    await Promise.resolve();
  }
}

function drained(stream: http2.Http2Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  stream.once("close", resolve);
  return promise;
}

export function collect(stream: http2.ClientHttp2Stream): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const hash = createHash("sha256");
  const informational: number[] = [];
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders | null = null;
  let bytes = 0;
  let text = "";
  stream.on("headers", (fields) => informational.push(fields[":status"]!));
  stream.on("response", (fields) => (headers = fields));
  stream.on("trailers", (fields) => (trailers = fields));
  stream.on("data", (data: Buffer) => {
    hash.update(data);
    bytes += data.length;
    if (bytes <= 1024) text += data.toString("latin1");
  });
  stream.on("error", () => undefined);
  stream.once("close", () =>
    resolve({ headers, informational, trailers, bytes, sha: hash.digest("hex"), text, code: stream.rstCode ?? 0 }),
  );
  return promise;
}

export function sha(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
