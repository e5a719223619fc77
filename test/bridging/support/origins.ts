// Origins that a test scripts step by step, on node:http and node:http2, the oracles.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import {
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer as createHttp2,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { within } from "../../support/eventually.ts";
import {
  Incoming,
  type Origin,
  type OriginExchange,
  type Version,
  fieldsOf,
  http2Head,
  readMessage,
  readStream,
  recordOf,
} from "./exchange.ts";

export function startOrigin(version: Version): Promise<Origin> {
  return version === "HTTP/1" ? Http1ScriptedOrigin.start() : Http2ScriptedOrigin.start();
}

/** Requests in the order in which they came, for whoever asks. */
class Arrivals {
  readonly #arrived: OriginExchange[] = [];
  readonly #waiting: Array<(exchange: OriginExchange) => void> = [];

  add(exchange: OriginExchange): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(exchange);
    else waiting(exchange);
  }

  next(): Promise<OriginExchange> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    const { promise, resolve } = Promise.withResolvers<OriginExchange>();
    this.#waiting.push(resolve);
    return within("a request at the origin", promise);
  }
}

class Http1ScriptedOrigin extends Arrivals implements Origin {
  readonly #server: Server;

  private constructor() {
    super();
    const listen = (request: IncomingMessage, response: ServerResponse): void => this.#meet(request, response);
    this.#server = createServer({ requireHostHeader: false }, listen);
    // The test says whether there is a 100.
    this.#server.on("checkContinue", listen);
  }

  static async start(): Promise<Origin> {
    const origin = new Http1ScriptedOrigin();
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #meet(message: IncomingMessage, response: ServerResponse): void {
    const request = new Incoming();
    readMessage(request, message);
    response.on("error", () => {});
    const fields = fieldsOf(message.rawHeaders);
    const authority = fields.get("host")?.[0];
    fields.delete("host");
    this.add({
      head: {
        method: message.method!,
        path: message.url!,
        ...(authority === undefined ? {} : { authority }),
        fields,
      },
      request,
      inform: (status, more) => {
        if (status === 100) response.writeContinue();
        else response.writeEarlyHints(more as Record<string, string>);
      },
      respond: (status, more = {}, { end = false, trailers } = {}) => {
        const announced = trailers === undefined ? {} : { trailer: Object.keys(trailers).join(", ") };
        response.writeHead(status, { ...(more as Record<string, string>), ...announced });
        if (trailers !== undefined) response.addTrailers(recordOf(trailers));
        if (end) response.end();
        else response.flushHeaders();
      },
      write: (text) => void response.write(text, "latin1"),
      end: () => void response.end(),
      reset: () => void message.socket.destroy(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

class Http2ScriptedOrigin extends Arrivals implements Origin {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor() {
    super();
    this.#server = createHttp2();
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => {});
    });
    this.#server.on("stream", (stream: ServerHttp2Stream, _headers: object, _flags: number, raw: string[]) =>
      this.#meet(stream, raw),
    );
  }

  static async start(): Promise<Origin> {
    const origin = new Http2ScriptedOrigin();
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #meet(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const request = new Incoming();
    readStream(request, stream);
    let due: Record<string, string> = {};
    stream.on("wantTrailers", () => stream.sendTrailers(due));
    this.add({
      head: http2Head(raw),
      request,
      inform: (status, more) => stream.additionalHeaders({ ":status": status, ...(more as Record<string, string>) }),
      respond: (status, more = {}, { end = false, trailers } = {}) => {
        due = trailers === undefined ? {} : recordOf(trailers);
        const headers = { ":status": status, ...(more as Record<string, string>) };
        stream.respond(headers, end && trailers === undefined ? { endStream: true } : { waitForTrailers: true });
        if (end && trailers !== undefined) stream.end();
      },
      write: (text) => void stream.write(Buffer.from(text, "latin1")),
      end: () => void stream.end(),
      reset: (code = constants.NGHTTP2_INTERNAL_ERROR) => stream.close(code),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const session of this.#sessions) session.destroy();
    await promise;
  }
}
