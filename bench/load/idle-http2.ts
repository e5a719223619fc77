/**
 * Opens many HTTP/2 connections to a proxy, sends twenty requests on each, reads their answers, and holds them all.
 * `node idle-http2.ts PORT COUNT` prints `HELD n` and stays until SIGTERM. Frames are made by hand: the load must not outweigh what it measures.
 */
import { connect, type Socket } from "node:net";

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const REQUESTS = 20;
const OPENING = 64;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const HEADERS = 1;
const DATA = 0;
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
}

/** GET, http; then path, authority and user-agent, which enter the table (RFC 7541 section 6.2.1). */
const FIRST = Buffer.concat([
  Buffer.from([0x82, 0x86, 0x44]),
  text("/70"),
  Buffer.from([0x41]),
  text("bench.example.com"),
  Buffer.from([0x7a]),
  text("idle-http2/1.0 (a client that stays)"),
]);
/** The same from the table. */
const NEXT = Buffer.from([0x82, 0x86, 0xc0, 0xbf, 0xbe]);
const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
const SETTINGS_ACK = frame(4, 1, 0, Buffer.alloc(0));

let opened = 0;
let settled = 0;
let held = 0;

class Connection {
  readonly socket: Socket = connect({ port, host: "127.0.0.1" });
  #partial: Buffer = Buffer.alloc(0);
  #sent = 0;
  #answered = 0;
  #isSettled = false;

  constructor() {
    this.socket.on("connect", () => {
      this.socket.write(Buffer.concat([PREFACE, SETTINGS, SETTINGS_ACK]));
      this.#request();
    });
    this.socket.on("data", (data: Buffer) => this.#read(data));
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => {
      if (this.#isSettled) held--;
      this.#settle(false);
    });
  }

  #request(): void {
    const block = this.#sent === 0 ? FIRST : NEXT;
    this.socket.write(frame(HEADERS, END_STREAM | END_HEADERS, 2 * this.#sent + 1, block));
    this.#sent++;
  }

  #read(data: Buffer): void {
    let bytes = this.#partial.length === 0 ? data : Buffer.concat([this.#partial, data]);
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      const type = bytes[3];
      if ((type === DATA || type === HEADERS) && ((bytes[4] as number) & END_STREAM) !== 0) this.#answer();
      bytes = bytes.subarray(end);
    }
    this.#partial = Buffer.from(bytes);
  }

  #answer(): void {
    this.#answered++;
    if (this.#answered === REQUESTS) this.#settle(true);
    else this.#request();
  }

  #settle(isHeld: boolean): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    settled++;
    if (isHeld) held++;
    if (settled === count) process.stdout.write(`HELD ${held}\n`);
    else openOne();
  }
}

function openOne(): void {
  if (opened === count) return;
  opened++;
  new Connection();
}

for (let i = 0; i < OPENING; i++) openOne();
process.on("SIGTERM", () => process.exit(0));
