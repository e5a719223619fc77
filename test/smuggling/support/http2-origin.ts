// An origin of HTTP/2 frames that keeps what it gets and judges it by its own rules. It answers whole requests alone, each with its own id, or with the frames that a
// case has written for it.
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { Http2Peer, type PeerStream, framesOf } from "./http2-peer.ts";
import type { Seen } from "./seen.ts";
import type { Pair } from "./strict-http1.ts";
import { type Http2Message, requestFault } from "./strict-http2.ts";

export class Http2Origin implements AsyncDisposable {
  readonly #server: Server;
  readonly #seen: Seen;
  readonly #scripts: ReadonlyMap<string, Http2Message>;
  readonly #sockets = new Set<Socket>();

  private constructor(seen: Seen, scripts: ReadonlyMap<string, Http2Message>) {
    this.#seen = seen;
    this.#scripts = scripts;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(seen: Seen, scripts: ReadonlyMap<string, Http2Message>): Promise<Http2Origin> {
    const origin = new Http2Origin(seen, scripts);
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const peer = new Http2Peer(socket, true, (stream) => {
      if (stream === null) this.#sockets.delete(socket);
      else this.#judge(peer, stream);
    });
  }

  #judge(peer: Http2Peer, stream: PeerStream): void {
    const [head = [], trailers = null, ...more] = stream.sections;
    const of = (name: string): string => head.find(([each]) => each === name)?.[1] ?? "";
    const fault =
      more.length > 0 ? "three sections" : requestFault({ head, body: stream.body, trailers }, stream.ended);
    if (fault !== "") this.#seen.fault(of("x-case"), `${fault}: ${JSON.stringify(head)}`);
    peer.streams.delete(stream.id);
    if (!stream.ended) return;
    const { id, part } = this.#seen.request(head, of(":method"), of(":path"), stream.body);
    const script = part === "main" ? this.#scripts.get(id) : undefined;
    if (script === undefined) peer.send(echo(stream.id, `${id}:${part}`, of(":method") === "HEAD"));
    else peer.send(framesOf(stream.id, script, true));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

function echo(streamId: number, origin: string, isHead: boolean): Buffer {
  const head: Pair[] = [
    [":status", "200"],
    ["x-origin", origin],
    ["content-length", "4"],
  ];
  return framesOf(streamId, { head, body: isHead ? "" : "echo", trailers: null });
}
