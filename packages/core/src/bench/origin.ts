/** The upstream of an end-to-end run: HTTP/1 on loopback, one fixed answer for every request that is complete. Knows `content-length` bodies, which is what the load sends. */
import { type Socket, createServer } from "node:net";
import type { HttpTraffic } from "./types.ts";

const HEAD_END = "\r\n\r\n";

/** Resolves with its port. It ends with its process. */
export async function startOrigin({ status, responseHeaders, responseChunks }: HttpTraffic): Promise<number> {
  const body = Buffer.concat(responseChunks);
  const fields = responseHeaders.filter(([name]) => name !== "content-length" && name !== "transfer-encoding");
  const head = [
    `HTTP/1.1 ${status} OK`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
  ].join("\r\n");
  const answer = Buffer.concat([Buffer.from(`${head}${HEAD_END}`, "latin1"), body]);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    new OriginConnection(socket, answer).start();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server without a port");
  return address.port;
}

class OriginConnection {
  readonly #socket: Socket;
  readonly #answer: Buffer;
  #head = "";
  #bodyLeft = 0;

  constructor(socket: Socket, answer: Buffer) {
    this.#socket = socket;
    this.#answer = answer;
  }

  start(): void {
    this.#socket.on("data", (data: Buffer) => this.#take(data));
  }

  #take(data: Buffer): void {
    if (this.#bodyLeft > data.length) {
      this.#bodyLeft -= data.length;
      return;
    }
    let text = this.#head + data.toString("latin1", this.#bodyLeft);
    if (this.#bodyLeft > 0) this.#socket.write(this.#answer);
    this.#bodyLeft = 0;
    for (let end = text.indexOf(HEAD_END); end >= 0; end = text.indexOf(HEAD_END)) {
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      const rest = text.slice(end + HEAD_END.length);
      if (rest.length < length) {
        this.#bodyLeft = length - rest.length;
        this.#head = "";
        return;
      }
      text = rest.slice(length);
      this.#socket.write(this.#answer);
    }
    this.#head = text;
  }
}
