// Clients that a test scripts step by step, on node:http and node:http2, the oracles.
import { type ClientRequest, request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { within } from "../../support/eventually.ts";
import {
  type Client,
  type ClientExchange,
  type Fields,
  type Head,
  Incoming,
  type Version,
  fieldsOf,
  http2Head,
  readMessage,
  readStream,
} from "./exchange.ts";

export async function openClient(version: Version, port: number): Promise<Client> {
  if (version === "HTTP/1") return new Http1Client(port);
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return new Http2ScriptedClient(session);
}

class Http1Client implements Client {
  readonly #port: number;
  readonly #requests: ClientRequest[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  send(method: string, path: string, authority: string, fields: Fields = {}, end = false): ClientExchange {
    const request = requestHttp1({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      agent: false,
      setHost: false,
      headers: { host: authority, ...(fields as Record<string, string>) },
    });
    this.#requests.push(request);
    const response = new Incoming();
    const informational: Head[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<Head>();
    promise.catch(() => {});
    request.on("error", reject);
    request.on("close", () => {
      response.broken = !response.ended;
      response.tell();
      reject(new Error("the connection ended without a response"));
    });
    request.on("information", ({ statusCode, rawHeaders }) => {
      informational.push({ status: statusCode, fields: fieldsOf(rawHeaders) });
      response.tell();
    });
    request.on("response", (message) => {
      resolve({ status: message.statusCode!, fields: fieldsOf(message.rawHeaders) });
      readMessage(response, message);
    });
    if (end) request.end();
    else request.flushHeaders();
    return {
      response,
      informational,
      head: () => within("the head of a response", promise),
      write: (text) => void request.write(text, "latin1"),
      end: (trailers) => {
        if (trailers !== undefined) request.addTrailers(trailers);
        request.end();
      },
      reset: () => void request.destroy(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const request of this.#requests) request.destroy();
    await Promise.resolve();
  }
}

class Http2ScriptedClient implements Client {
  readonly #session: ClientHttp2Session;

  constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  send(method: string, path: string, authority: string, fields: Fields = {}, end = false): ClientExchange {
    let due: Record<string, string> = {};
    const stream = this.#session.request(
      { ":method": method, ":path": path, ":authority": authority, ...(fields as Record<string, string>) },
      { endStream: end, waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers(due));
    const response = new Incoming();
    const informational: Head[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<Head>();
    promise.catch(() => {});
    const heard = (name: "headers" | "response", take: (head: Head) => void): void => {
      stream.on(name, (_headers: object, _flags: number, raw: string[]) => take(http2Head(raw)));
    };
    heard("headers", (head) => {
      informational.push(head);
      response.tell();
    });
    heard("response", resolve);
    stream.on("close", () => reject(new Error(`the stream ended without a response: ${stream.rstCode}`)));
    readStream(response, stream);
    return {
      response,
      informational,
      head: () => within("the head of a response", promise),
      write: (text) => void stream.write(Buffer.from(text, "latin1")),
      end: (trailers = {}) => {
        due = trailers;
        stream.end();
      },
      reset: () => stream.close(constants.NGHTTP2_CANCEL),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.destroy();
    await Promise.resolve();
  }
}
