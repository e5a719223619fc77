/** A name server of a test's own, over UDP and TCP on one port of loopback: records by name and type, and the ways in which a server fails. */
import { type Socket as UdpSocket, createSocket } from "node:dgram";
import { type Server, type Socket, createServer } from "node:net";

export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly address: string; readonly ttl?: number }
  | {
      readonly type: "SRV";
      readonly target: string;
      readonly port: number;
      readonly priority?: number;
      readonly weight?: number;
      readonly ttl?: number;
    };

/** Instead of records. */
export type DnsFailure = "nxdomain" | "servfail" | "silence";

const CODES = { A: 1, AAAA: 28, SRV: 33 } as const;
const RCODES = { nxdomain: 3, servfail: 2 } as const;
const DEFAULT_TTL = 60;

export class DnsServer {
  readonly #udp: UdpSocket = createSocket("udp4");
  readonly #tcp: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #zone = new Map<string, readonly DnsRecord[] | DnsFailure>();
  readonly #truncated = new Set<string>();
  /** As in `A web.test udp`, in the order in which they came. */
  readonly asked: string[] = [];
  port = 0;

  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    await server.#listen();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** A name without records is there and has none; a name that was never set is not there. */
  set(name: string, records: readonly DnsRecord[] | DnsFailure): void {
    this.#zone.set(name.toLowerCase(), records);
  }

  /** Over UDP nothing but the word to come by TCP. */
  truncate(name: string): void {
    this.#truncated.add(name.toLowerCase());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((done) => this.#udp.close(() => done())),
      new Promise<void>((done) => this.#tcp.close(() => done())),
    ]);
  }

  /** The same port for both: another one where it is taken on one side. */
  async #listen(): Promise<void> {
    for (let left = 20; ; left--) {
      await new Promise<void>((done) => this.#tcp.listen(0, "127.0.0.1", done));
      const { port } = this.#tcp.address() as { port: number };
      try {
        await new Promise<void>((done, failed) => {
          this.#udp.once("error", failed);
          this.#udp.bind(port, "127.0.0.1", () => {
            this.#udp.off("error", failed);
            done();
          });
        });
        this.port = port;
        break;
      } catch (error) {
        if (left === 0) throw error;
        await new Promise((done) => this.#tcp.close(done));
      }
    }
    this.#udp.on("message", (query, peer) => {
      const answer = this.#answer(query, "udp");
      if (answer !== null) this.#udp.send(answer, peer.port, peer.address);
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0);
        const answer = this.#answer(pending.subarray(2, 2 + length), "tcp");
        pending = pending.subarray(2 + length);
        if (answer === null) continue;
        const framed = Buffer.alloc(2);
        framed.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([framed, answer]));
      }
    });
  }

  /** RFC 1035, section 4. null: nothing is said. */
  #answer(query: Buffer, by: "udp" | "tcp"): Buffer | null {
    const { name, end } = readName(query, 12);
    const code = query.readUInt16BE(end);
    const type = Object.entries(CODES).find(([, each]) => each === code)?.[0] ?? String(code);
    this.asked.push(`${type} ${name} ${by}`);
    const found = this.#zone.get(name.toLowerCase()) ?? "nxdomain";
    if (found === "silence") return null;
    const isTruncated = by === "udp" && this.#truncated.has(name.toLowerCase());
    const records = typeof found === "string" || isTruncated ? [] : found.filter((record) => record.type === type);
    const header = Buffer.from(query.subarray(0, 12));
    // A response, with recursion available; whether it was asked for stays.
    const rcode = typeof found === "string" ? RCODES[found] : 0;
    header.writeUInt16BE(0x8080 | (header.readUInt16BE(2) & 0x0100) | (isTruncated ? 0x0200 : 0) | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records.map((record) => recordBytes(record))]);
  }
}

function readName(message: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = from;
  while (message[at] !== 0) {
    const length = message[at]!;
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

function recordBytes(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(12);
  // The question's name.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(CODES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl ?? DEFAULT_TTL, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(record: DnsRecord): Buffer {
  if ("address" in record && record.type === "A") return Buffer.from(record.address.split(".").map(Number));
  if ("address" in record) {
    const [left = "", right = ""] = record.address.split("::");
    const words = (text: string): number[] =>
      text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
    const [head, tail] = [words(left), words(right)];
    const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
    return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]));
  }
  const head = Buffer.alloc(6);
  head.writeUInt16BE(record.priority ?? 0, 0);
  head.writeUInt16BE(record.weight ?? 0, 2);
  head.writeUInt16BE(record.port, 4);
  const labels = record.target === "." ? [] : record.target.split(".");
  const name = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")]);
  return Buffer.concat([head, ...name, Buffer.from([0])]);
}
