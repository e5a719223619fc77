// An origin on node:http whose answers the tests program. Unless told otherwise it echoes: method, target and headers as JSON, or the body itself.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** What the echo says of a request. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
}

export const echo: Answer = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { method, url, headers, rawHeaders, trailers } = request;
  const body = Buffer.concat(chunks).toString("latin1");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method, url, headers, rawHeaders, body, trailers }));
};

/** Sends the body back as it comes. */
export const mirror: Answer = (request, response) => {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  request.pipe(response);
};

export class HttpOrigin implements AsyncDisposable {
  readonly server: Server;
  /** `METHOD /target` of every request, in order. */
  readonly seen: string[] = [];
  /** All of them: what was upgraded is no longer the server's to close. */
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answer) {
    this.server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
      this.seen.push(`${request.method} ${request.url}`);
      request.on("error", () => {});
      response.on("error", () => {});
      Promise.resolve(answer(request, response)).catch(() => response.destroy());
    });
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(answer: Answer = echo): Promise<HttpOrigin> {
    const origin = new HttpOrigin(answer);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    origin.server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  onUpgrade(handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): this {
    this.server.on("upgrade", handle);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}
