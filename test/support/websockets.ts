// Real `ws` clients and servers over both versions of HTTP: over HTTP/2 they speak through a duplex that turns the handshake of HTTP/1 into an extended CONNECT (RFC 8441) and back.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { Duplex } from "node:stream";
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import { within } from "./eventually.ts";
import { HttpOrigin } from "./http-origin.ts";
import { Http2Origin } from "./http2-origin.ts";
import type { Version } from "./tunnels.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OF_HTTP1 = new Set(["connection", "upgrade", "host", "sec-websocket-key", "sec-websocket-accept"]);

/** One side's bytes behind a head of HTTP/1, which `onHead` gets; from then on a stream of HTTP/2. */
class Bridged extends Duplex {
  #inner: Duplex | null = null;
  #head = "";
  #early: Buffer[] = [];
  readonly #onHead: (this: Bridged, line: string, fields: [string, string][]) => void;

  constructor(onHead: (this: Bridged, line: string, fields: [string, string][]) => void) {
    super();
    this.#onHead = onHead;
    this.on("error", () => {});
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#inner !== null) {
      if (this.#inner.destroyed) done();
      else this.#inner.write(chunk, done);
      return;
    }
    if (this.#head.includes("\r\n\r\n")) this.#early.push(chunk);
    else {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end >= 0) {
        const [line = "", ...lines] = this.#head.slice(0, end).split("\r\n");
        if (this.#head.length > end + 4) this.#early.push(Buffer.from(this.#head.slice(end + 4), "latin1"));
        const fields = lines.map((each): [string, string] => {
          const colon = each.indexOf(":");
          return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()];
        });
        this.#onHead(line, fields);
      }
    }
    done();
  }

  override _read(): void {
    this.#inner?.resume();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What is cut off on this side is cut off on the other.
    if (this.#inner !== null && !this.#inner.destroyed && !(this.writableFinished && this.readableEnded))
      this.#inner.destroy(new Error("cut off"));
    done(error);
  }

  join(inner: Duplex): void {
    this.#inner = inner;
    for (const chunk of this.#early.splice(0)) inner.write(chunk);
    inner.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.on("end", () => this.push(null));
    inner.on("error", () => this.destroy());
    inner.on("close", () => {
      if (!inner.readableEnded) this.destroy();
    });
  }
}

/** What a client of HTTP/1 writes goes out as an extended CONNECT; the answer comes back as a head of HTTP/1. */
function clientOverHttp2(port: number): Duplex {
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const bridged = new Bridged(function (line, fields) {
    const key = fields.find(([name]) => name === "sec-websocket-key")?.[1] ?? "";
    const headers: OutgoingHttpHeaders = {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": line.split(" ")[1] ?? "/",
      ":authority": fields.find(([name]) => name === "host")?.[1] ?? "",
      ...Object.fromEntries(fields.filter(([name]) => !OF_HTTP1.has(name))),
    };
    const start = (): void => {
      const stream = session.request(headers);
      stream.on("error", () => this.destroy());
      stream.once("response", (answer: IncomingHttpHeaders) => {
        this.push(Buffer.from(answerHead(answer, key), "latin1"));
        this.join(stream);
      });
    };
    // RFC 8441 section 3: not before the server has said that it takes them.
    if (session.remoteSettings?.enableConnectProtocol === true) start();
    else session.once("remoteSettings", start);
  });
  bridged.once("close", () => session.close());
  return bridged;
}

function answerHead(answer: IncomingHttpHeaders, key: string): string {
  const status = Number(answer[":status"]);
  const fields = Object.entries(answer).filter(([name]) => !name.startsWith(":"));
  const lines = fields.map(([name, value]) => `${name}: ${String(value)}\r\n`).join("");
  if (status !== 200) return `HTTP/1.1 ${status} No\r\n${lines}connection: close\r\n\r\n`;
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n${lines}\r\n`;
}

/** A client that has not connected yet. */
export function startWebSocket(
  version: Version,
  port: number,
  { path = "/ws", protocols = [], ...options }: ClientOptions & { path?: string; protocols?: string[] } = {},
): WebSocket {
  const over = version === "HTTP/1" ? {} : { createConnection: () => clientOverHttp2(port) };
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, {
    perMessageDeflate: false,
    ...options,
    ...over,
  } as ClientOptions);
  socket.on("error", () => {});
  return socket;
}

export async function openWebSocket(...from: Parameters<typeof startWebSocket>): Promise<WebSocket> {
  const socket = startWebSocket(...from);
  const refused = once(socket, "unexpected-response").then(([, response]: IncomingMessage[]) => {
    throw new Error(`answered ${response!.statusCode}`);
  });
  refused.catch(() => {});
  await within("the WebSocket opens", Promise.race([once(socket, "open"), refused]));
  return socket;
}

/** The status of the answer, where it is none that opens. */
export async function refusalOf(...from: Parameters<typeof startWebSocket>): Promise<{ status: number; body: string }> {
  const socket = startWebSocket(...from);
  const [, response] = (await within("a refusal", once(socket, "unexpected-response"))) as IncomingMessage[];
  let body = "";
  response!.setEncoding("latin1");
  response!.on("data", (text: string) => (body += text));
  await within("the refusal's end", Promise.race([once(response!, "end"), once(response!, "close")]));
  socket.terminate();
  return { status: response!.statusCode ?? 0, body };
}

export interface WebSocketRequest {
  readonly headers: IncomingHttpHeaders;
}

/** A `ws` server behind the proxy. */
export class WebSocketOrigin implements AsyncDisposable {
  readonly address: string;
  /** Headers of every handshake as they came, pseudo-headers included. */
  readonly seen: readonly IncomingHttpHeaders[];
  readonly peers: readonly WebSocket[];
  readonly #dispose: () => PromiseLike<void>;

  private constructor(
    address: string,
    seen: readonly IncomingHttpHeaders[],
    peers: readonly WebSocket[],
    dispose: () => PromiseLike<void>,
  ) {
    this.address = address;
    this.seen = seen;
    this.peers = peers;
    this.#dispose = dispose;
  }

  /** Echoes unless told otherwise. */
  static async start(
    version: Version,
    onPeer: (peer: WebSocket, path: string) => void = echoMessages,
    options: ServerOptions = {},
  ): Promise<WebSocketOrigin> {
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: 64 << 20,
      perMessageDeflate: false,
      ...options,
    } as ServerOptions);
    const seen: IncomingHttpHeaders[] = [];
    const peers: WebSocket[] = [];
    const take = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
      server.handleUpgrade(request, socket, head, (peer) => {
        peer.on("error", () => {});
        peers.push(peer);
        onPeer(peer, request.url ?? "");
      });
    if (version === "HTTP/1") {
      const http = await HttpOrigin.start();
      http.onUpgrade((request, socket, head) => {
        seen.push(request.headers);
        take(request, socket, head);
      });
      return new WebSocketOrigin(http.address, seen, peers, () => http[Symbol.asyncDispose]());
    }
    const http2 = await Http2Origin.start(
      (stream, headers) => {
        seen.push(headers);
        if (headers[":protocol"] === "websocket") take(requestOf(headers), serverOverHttp2(stream), Buffer.alloc(0));
        else stream.respond({ ":status": 400 }, { endStream: true });
      },
      { settings: { enableConnectProtocol: true } },
    );
    return new WebSocketOrigin(http2.address, seen, peers, () => http2[Symbol.asyncDispose]());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer.terminate();
    await this.#dispose();
  }
}

function echoMessages(peer: WebSocket): void {
  peer.on("message", (data: Buffer, isBinary) => peer.send(data, { binary: isBinary }));
}

/** What `ws` wants to see of a handshake. */
function requestOf(headers: IncomingHttpHeaders): IncomingMessage {
  const fields = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(":")));
  return {
    method: "GET",
    url: headers[":path"],
    headers: {
      ...fields,
      host: headers[":authority"],
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      "sec-websocket-version": "13",
    },
  } as unknown as IncomingMessage;
}

/** The head of HTTP/1 that `ws` answers with becomes headers of HTTP/2, without proof of a key that there never was. */
function serverOverHttp2(stream: ServerHttp2Stream): Duplex {
  const bridged = new Bridged(function (line, fields) {
    const status = Number(line.split(" ")[1]);
    const kept = Object.fromEntries(fields.filter(([name]) => !OF_HTTP1.has(name)));
    stream.respond({ ":status": status === 101 ? 200 : status, ...kept });
    this.join(stream);
  });
  return bridged;
}
