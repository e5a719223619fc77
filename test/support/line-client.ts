// A client of line protocols: sends lines, waits for lines.
import { type Socket, connect } from "node:net";
import type { AddressModel } from "../../packages/core/src/config/model.ts";

export class LineClient {
  readonly socket: Socket;
  #text = "";
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data) => {
      this.#text += data.toString();
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(address: AddressModel): Promise<LineClient> {
    const socket = address.kind === "pipe" ? connect(address.path) : connect(address.port, address.host);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("connect", resolve).once("error", reject);
    await promise;
    return new LineClient(socket);
  }

  /** Sends a line and resolves with the next one. */
  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`);
    return this.next();
  }

  send(line: string): void {
    this.socket.write(`${line}\n`);
  }

  /** The next line; rejects when the connection closes first. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#closed) throw new Error("the connection is closed");
      await this.#something();
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed) await this.#something();
  }

  close(): void {
    this.socket.destroy();
  }

  #something(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
