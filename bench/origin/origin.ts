/**
 * The origin of every HTTP benchmark: prepared answers on a bare socket, so that the load's core goes to the load.
 * GET /70 and /64k answer that many bytes; POST answers the number of body bytes that arrived and their checksum, which is how
 * a run knows that a proxy delivered the body. It reads only what the proxies of this bench send: no pipelining.
 */
import { createServer, type Socket } from "node:net";
import { Checksum } from "./checksum.ts";

const HEAD = "HTTP/1.1 200 OK\r\nserver: origin\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: text/plain\r\n";

function answer(body: string): Buffer {
  return Buffer.from(`${HEAD}content-length: ${body.length}\r\n\r\n${body}`, "latin1");
}

const SMALL = answer("x".repeat(70));
const LARGE = answer("y".repeat(65_536));

/** What is known of one proxy connection: how much of a POST body is still to come, and what has come. */
class Connection {
  readonly socket: Socket;
  head = "";
  isInBody = false;
  isChunked = false;
  remaining = 0;
  readonly checksum = new Checksum();
  chunkText = "";

  constructor(socket: Socket) {
    this.socket = socket;
  }

  onData(data: Buffer): void {
    if (this.isInBody) {
      this.onBody(data, 0);
      return;
    }
    const text = this.head === "" ? data.toString("latin1") : this.head + data.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) {
      this.head = text;
      return;
    }
    const consumed = end + 4 - this.head.length;
    this.head = "";
    if (text.startsWith("GET /70 ")) this.socket.write(SMALL);
    else if (text.startsWith("GET /64k ")) this.socket.write(LARGE);
    else this.startBody(text.slice(0, end + 2).toLowerCase(), data, consumed);
  }

  startBody(head: string, data: Buffer, at: number): void {
    const length = /\r\ncontent-length: *(\d+)\r\n/.exec(head);
    this.isChunked = head.includes("\r\ntransfer-encoding: chunked\r\n");
    this.isInBody = true;
    this.remaining = length === null ? 0 : Number(length[1]);
    this.chunkText = "";
    this.onBody(data, at);
  }

  onBody(data: Buffer, at: number): void {
    if (this.isChunked) {
      this.onChunked(data.toString("latin1", at));
      return;
    }
    this.checksum.add(data.subarray(at));
    this.remaining -= data.length - at;
    if (this.remaining <= 0) this.finish();
  }

  /** Collects a chunked body whole and reads it at its end: simple, since no measured case sends one. */
  onChunked(text: string): void {
    this.chunkText += text;
    let at = 0;
    const chunks: string[] = [];
    for (;;) {
      const eol = this.chunkText.indexOf("\r\n", at);
      if (eol === -1) return;
      const size = Number.parseInt(this.chunkText.slice(at, eol), 16);
      const end = eol + 2 + size + 2;
      if (this.chunkText.length < end) return;
      if (size === 0) break;
      chunks.push(this.chunkText.slice(eol + 2, eol + 2 + size));
      at = end;
    }
    for (const chunk of chunks) this.checksum.add(Buffer.from(chunk, "latin1"));
    this.finish();
  }

  finish(): void {
    this.isInBody = false;
    this.socket.write(answer(this.checksum.toString()));
    this.checksum.reset();
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket);
  socket.on("data", (data: Buffer) => connection.onData(data));
  socket.on("error", () => socket.destroy());
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
