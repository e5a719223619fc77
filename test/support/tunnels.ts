// Tunnels as their clients see them: CONNECT over HTTP/1 or HTTP/2, as one duplex stream of what comes after the answer; and the TCP servers that they lead to.
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { within } from "./eventually.ts";
import { Http2Origin } from "./http2-origin.ts";
import { LoopbackServer } from "./loopback.ts";

export type Version = "HTTP/1" | "HTTP/2";

export interface Tunnel extends Disposable {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly stream: Duplex;
  /** What carries it. */
  readonly socket: Socket;
  /** Cuts it off: a TCP reset, or RST_STREAM. */
  abort(): void;
}

/** Asks for a tunnel. `early`: bytes that are sent behind the request, before there is an answer. */
export function openTunnel(version: Version, port: number, authority: string, early = ""): Promise<Tunnel> {
  const opened = version === "HTTP/1" ? overHttp1(port, authority, early) : overHttp2(port, authority, early);
  return within(`an answer to CONNECT over ${version}`, opened);
}

async function overHttp1(port: number, authority: string, early: string): Promise<Tunnel> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n${early}`, "latin1");
  let head = "";
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) throw new Error(`the connection ended: ${JSON.stringify(head)}`);
      await Promise.race([once(socket, "readable"), once(socket, "close")]);
      continue;
    }
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    if (head.length > end + 4) socket.unshift(Buffer.from(head.slice(end + 4), "latin1"));
    const [line = "", ...lines] = head.slice(0, end).split("\r\n");
    const headers = Object.fromEntries(
      lines.map((each) => [each.slice(0, each.indexOf(":")), each.slice(each.indexOf(":") + 2)]),
    );
    return {
      status: Number(line.split(" ")[1]),
      headers,
      stream: socket,
      socket,
      abort: () => void socket.resetAndDestroy(),
      [Symbol.dispose]: () => void socket.destroy(),
    };
  }
}

async function overHttp2(port: number, authority: string, early: string): Promise<Tunnel> {
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({ ":method": "CONNECT", ":authority": authority });
  stream.on("error", () => {});
  if (early !== "") stream.write(early, "latin1");
  const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
  return {
    status: Number(headers[":status"]),
    headers,
    stream,
    socket: session.socket as Socket,
    abort: () => void stream.destroy(new Error("cut off")),
    [Symbol.dispose]: () => session.destroy(),
  };
}

/** Takes exactly `count` bytes. */
export async function take(stream: Duplex, count: number): Promise<string> {
  let text = "";
  for (;;) {
    if (text.length === count) return text;
    const chunk = stream.read(Math.min(count - text.length, Math.max(stream.readableLength, 1))) as Buffer | null;
    if (chunk !== null) {
      text += chunk.toString("latin1");
      continue;
    }
    if (stream.readableEnded || stream.destroyed)
      throw new Error(`it ended after ${text.length} of ${count} bytes: ${JSON.stringify(text.slice(0, 200))}`);
    const again = Promise.race([once(stream, "readable"), once(stream, "end"), once(stream, "close")]);
    await within(
      `${count} bytes, after ${JSON.stringify(text.slice(0, 200))}`,
      again.catch(() => {}),
    );
  }
}

/** Everything up to the end. */
export async function rest(stream: Duplex): Promise<string> {
  const read = async (): Promise<string> => {
    let text = "";
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
      text += chunk.toString("latin1");
    return text;
  };
  return within("the end", read());
}

/** Takes what comes in the order in which it comes. */
class Arrivals<T> {
  readonly #waiting: T[] = [];
  readonly #takers: Array<() => void> = [];

  add(arrival: T): void {
    this.#waiting.push(arrival);
    for (const wake of this.#takers.splice(0)) wake();
  }

  async next(what: string): Promise<T> {
    for (;;) {
      const first = this.#waiting.shift();
      if (first !== undefined) return first;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#takers.push(resolve);
      await within(what, promise);
    }
  }
}

/** A TCP server whose connections a test takes one by one. */
export class TcpTarget implements AsyncDisposable {
  readonly address: string;
  readonly #server: LoopbackServer;
  readonly #sockets: Arrivals<Socket>;

  private constructor(server: LoopbackServer, sockets: Arrivals<Socket>) {
    this.address = `127.0.0.1:${server.port}`;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async start(): Promise<TcpTarget> {
    const sockets = new Arrivals<Socket>();
    const server = await LoopbackServer.start((socket) => {
      socket.on("error", () => {});
      sockets.add(socket);
    });
    return new TcpTarget(server, sockets);
  }

  accepted(): Promise<Socket> {
    return this.#sockets.next("a connection to the target");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** A CONNECT as a proxy behind the one under test gets it. */
export interface AskedTunnel {
  readonly authority: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** What has come behind the request before it was answered. */
  readonly early: () => string;
  accept(status?: number): Duplex;
  refuse(status: number, body: string): void;
}

/** A proxy that takes CONNECT and lets the test decide. */
export class UpstreamProxy implements AsyncDisposable {
  readonly address: string;
  readonly #asked: Arrivals<AskedTunnel>;
  readonly #server: AsyncDisposable;

  private constructor(address: string, asked: Arrivals<AskedTunnel>, server: AsyncDisposable) {
    this.address = address;
    this.#asked = asked;
    this.#server = server;
  }

  static async start(version: Version): Promise<UpstreamProxy> {
    const asked = new Arrivals<AskedTunnel>();
    if (version === "HTTP/2") {
      const origin = await Http2Origin.start((stream, headers) => asked.add(askedOverHttp2(stream, headers)));
      return new UpstreamProxy(origin.address, asked, origin);
    }
    const server = await LoopbackServer.start((socket) => {
      socket.on("error", () => {});
      void askedOverHttp1(socket).then((each) => asked.add(each));
    });
    return new UpstreamProxy(`127.0.0.1:${server.port}`, asked, server);
  }

  asked(): Promise<AskedTunnel> {
    return this.#asked.next("a CONNECT at the upstream proxy");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function askedOverHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): AskedTunnel {
  return {
    authority: headers[":authority"] ?? "",
    headers,
    early: () => (stream.readableLength === 0 ? "" : (stream.read() as Buffer).toString("latin1")),
    accept(status = 200) {
      stream.respond({ ":status": status });
      return stream;
    },
    refuse(status, body) {
      stream.respond({ ":status": status, "proxy-authenticate": "Basic", "content-length": body.length });
      stream.end(body);
    },
  };
}

async function askedOverHttp1(socket: Socket): Promise<AskedTunnel> {
  let head = "";
  for (let end = -1; end < 0; end = head.indexOf("\r\n\r\n")) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await once(socket, "readable");
    else head += chunk.toString("latin1");
  }
  const [text = "", behind = ""] = head.split("\r\n\r\n");
  if (behind !== "") socket.unshift(Buffer.from(behind, "latin1"));
  const [line = "", ...lines] = text.split("\r\n");
  return {
    authority: line.split(" ")[1] ?? "",
    headers: Object.fromEntries(lines.map((each) => each.split(": ") as [string, string])),
    early: () => (socket.readableLength === 0 ? "" : (socket.read() as Buffer).toString("latin1")),
    accept(status = 200) {
      socket.write(`HTTP/1.1 ${status} Fine\r\n\r\n`);
      return socket;
    },
    refuse(status, body) {
      socket.write(
        `HTTP/1.1 ${status} No\r\nproxy-authenticate: Basic\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    },
  };
}
