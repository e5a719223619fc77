// An origin of bare TCP connections: a test decides what each one answers, byte by byte.
import { type AddressInfo, type Server, createServer } from "node:net";
import { RawPeer } from "./raw-peer.ts";
import { within } from "./eventually.ts";

export class RawOrigin implements AsyncDisposable {
  /** Every connection that ever came, in order. */
  readonly connections: RawPeer[] = [];
  readonly #server: Server;
  readonly #claimed = new Set<RawPeer>();
  #waiting: Array<() => void> = [];

  private constructor(onConnection: (peer: RawPeer) => void | Promise<void>) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new RawPeer(socket);
      this.connections.push(peer);
      for (const wake of this.#waiting.splice(0)) wake();
      // A script that loses its connection has nothing more to say.
      Promise.resolve(onConnection(peer)).catch(() => peer.close());
    });
  }

  static async start(onConnection: (peer: RawPeer) => void | Promise<void> = () => {}): Promise<RawOrigin> {
    const origin = new RawOrigin(onConnection);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    origin.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next connection that no test has taken yet. */
  async accepted(): Promise<RawPeer> {
    for (;;) {
      const peer = this.connections.find((each) => !this.#claimed.has(each));
      if (peer !== undefined) {
        this.#claimed.add(peer);
        return peer;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await within("a connection to the origin", promise);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.connections) peer.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const origin = await RawOrigin.start();
  const { port } = origin;
  await origin[Symbol.asyncDispose]();
  return port;
}
