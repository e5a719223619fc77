// An origin on node:http2, the oracle, whose answers the tests program. Unless told otherwise it sends the body back.
import {
  type Http2Server,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
  createSecureServer,
  createServer,
} from "node:http2";
import type { AddressInfo } from "node:net";

export type Http2AnswerStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const mirror: Http2AnswerStream = (stream) => {
  stream.respond({ ":status": 200 });
  stream.pipe(stream);
};

export class Http2Origin implements AsyncDisposable {
  readonly server: Http2Server | Http2SecureServer;
  readonly sessions: ServerHttp2Session[] = [];
  /** Headers of every request. */
  readonly seen: IncomingHttpHeaders[] = [];

  private constructor(answer: Http2AnswerStream, options: ServerOptions, tls: { cert: string; key: string } | null) {
    this.server = tls === null ? createServer(options) : createSecureServer({ ...options, ...tls });
    this.server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => {});
    });
    this.server.on("stream", (stream, headers) => {
      this.seen.push(headers);
      stream.on("error", () => {});
      answer(stream, headers);
    });
  }

  static async start(
    answer: Http2AnswerStream = mirror,
    options: ServerOptions = {},
    tls: { cert: string; key: string } | null = null,
  ): Promise<Http2Origin> {
    const origin = new Http2Origin(answer, options, tls);
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    for (const session of this.sessions) session.destroy();
    await promise;
  }
}
