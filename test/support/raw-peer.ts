// One end of a TCP connection that a test scripts byte by byte: what it sends is what goes on the wire, what came is kept.
import { type Socket, connect } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { within } from "./eventually.ts";
import { type BodyRule, type HttpMessage, takeMessage } from "./http-message.ts";

export class RawPeer {
  readonly socket: Socket;
  /** The other side has ended its writing half. */
  ended = false;
  /** Nothing more will come in any way. */
  closed = false;
  /** The code of the socket's error (`ECONNRESET`), if it had one. */
  error: string | null = null;
  #unread: Buffer = Buffer.alloc(0);
  #total = 0;
  #waiting: Array<() => void> = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      this.#total += data.length;
      this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
      this.#wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
      this.#wake();
    });
    socket.on("close", () => {
      this.ended = true;
      this.closed = true;
      this.#wake();
    });
  }

  static open(port: number, host = "127.0.0.1"): Promise<RawPeer> {
    return RawPeer.#connected(connect({ port, host, allowHalfOpen: true }), "connect");
  }

  static openTls(port: number, options: ConnectionOptions): Promise<RawPeer> {
    return RawPeer.#connected(connectTls({ port, host: "127.0.0.1", ...options }), "secureConnect");
  }

  static async #connected(socket: Socket, event: string): Promise<RawPeer> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once(event, resolve).once("error", reject);
    await promise;
    socket.off("error", reject);
    return new RawPeer(socket);
  }

  /** Bytes that came and were not taken, as latin1. */
  get text(): string {
    return this.#unread.toString("latin1");
  }

  /** How many bytes ever came. */
  get received(): number {
    return this.#total;
  }

  /** Latin1 text goes out byte by byte as written. */
  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
    return this;
  }

  /** Ends the writing half only. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Aborts with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The next whole message; rejects where the connection closes before. */
  next(rule: BodyRule = "framed"): Promise<HttpMessage> {
    return this.#until("a whole message", () => {
      const taken = takeMessage(this.#unread, rule, this.ended);
      if (taken === null) {
        if (this.ended) throw new Error(`the connection closed before a whole message: ${JSON.stringify(this.text)}`);
        return undefined;
      }
      this.#unread = this.#unread.subarray(taken.size);
      return taken.message;
    });
  }

  /** Takes everything up to and with `mark`. */
  through(mark: string): Promise<string> {
    return this.#until(JSON.stringify(mark), () => {
      const at = this.#unread.indexOf(mark, 0, "latin1");
      if (at < 0 && this.ended)
        throw new Error(`the connection closed before ${JSON.stringify(mark)}: ${JSON.stringify(this.text)}`);
      return at < 0 ? undefined : this.take(at + mark.length).toString("latin1");
    });
  }

  /** Takes `count` bytes, when they are there. */
  bytes(count: number): Promise<Buffer> {
    return this.#until(`${count} bytes`, () => {
      if (this.#unread.length < count && this.ended)
        throw new Error(`the connection closed after ${this.#unread.length} of ${count} bytes`);
      return this.#unread.length < count ? undefined : this.take(count);
    });
  }

  /** Takes what is there, at most `count` bytes. */
  take(count = this.#unread.length): Buffer {
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }

  /** Resolves when the other side ended or closed; with all that came and was not taken. */
  gone(ms?: number): Promise<string> {
    return this.#until("the connection ends", () => (this.ended ? this.text : undefined), ms);
  }

  async #until<T>(what: string, look: () => T | undefined, ms = 8000): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await within(`${what}; so far ${JSON.stringify(this.text.slice(0, 500))}`, promise, ms);
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
