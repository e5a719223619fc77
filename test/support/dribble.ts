// A relay that passes a client's bytes on in pieces of a given size, each in a segment of its own, and everything else as it comes.
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

export class Dribble implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** `prefix` goes before everything else, with the client's first bytes. */
  static async to(port: number, size: number, prefix: Uint8Array = new Uint8Array(0)): Promise<Dribble> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const upstream = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      }
      upstream.on("close", () => client.destroy());
      client.on("close", () => upstream.destroy());
      upstream.pipe(client);
      void relay(client, upstream, size, prefix).catch(() => upstream.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Dribble(server, sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await Promise.resolve();
  }
}

async function relay(client: Socket, upstream: Socket, size: number, prefix: Uint8Array): Promise<void> {
  await once(upstream, "connect");
  let first = prefix;
  for await (const chunk of client) {
    await send(upstream, first.length > 0 ? Buffer.concat([first, chunk as Uint8Array]) : (chunk as Uint8Array), size);
    first = new Uint8Array(0);
  }
  upstream.end();
}

async function send(upstream: Socket, bytes: Uint8Array, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise((resolve) => upstream.write(bytes.subarray(at, at + size), resolve));
    // The other end shares this thread: it reads in between.
    await nextTurn();
  }
}
