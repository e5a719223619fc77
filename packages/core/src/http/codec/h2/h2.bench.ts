/**
 * What one exchange costs in the codec, each way and both, without sockets: `node --expose-gc --conditions=sluice-source h2.bench.ts`. A request of ten headers, a response
 * of ten and 70 bytes, HPACK in its steady state; streams in batches as one read of a busy connection brings them. Beside it node:http2 on a pair of streams in
 * memory: client and server in one process, as "client and server, both ours" is.
 */
import type { ServerHttp2Session } from "node:http2";
import { Duplex } from "node:stream";
import { UNKNOWN_ADDRESS } from "../../../network/address.ts";
import type { Connection, ConnectionEvents } from "../../../network/connection.ts";
import { SocketInfo } from "../../../network/connection-info.ts";
import { FlushQueue } from "../../../network/flush-queue.ts";
import { VirtualTime } from "../../../timing/virtual.ts";
import { HeaderField } from "../../headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type {
  ClientCallbacks,
  RequestDecoder,
  RequestEncoder,
  ResponseDecoder,
  ResponseEncoder,
  ServerCallbacks,
} from "../codec.ts";
import { Http2ClientCodec } from "./client-codec.ts";
import { PREFACE } from "./frame.ts";
import { HTTP2_CLIENT_DEFAULTS, HTTP2_SERVER_DEFAULTS, NO_HTTP2_STATS } from "./options.ts";
import { SETTINGS_ACK, settings } from "./scripted-wire.ts";
import { Http2ServerCodec } from "./server-codec.ts";

const BATCH = 10;
const ROUNDS = 9;

class MemoryConnection implements Connection {
  readonly info = new SocketInfo(1, UNKNOWN_ADDRESS, UNKNOWN_ADDRESS, null);
  highWatermark = 1 << 20;
  paused = false;
  pendingBytes = 0;
  aboveWatermark = false;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** What the peer has not read; copied, as the kernel does. */
  readonly out = Buffer.alloc(1 << 22);
  length = 0;
  setEvents(_events: ConnectionEvents): void {}
  write(data: Uint8Array): void {
    this.out.set(data, this.length);
    this.length += data.length;
  }
  writeLatin1(text: string): void {
    this.length += this.out.write(text, this.length, "latin1");
  }
  writeHeadAndBody(head: string, body: Uint8Array): void {
    this.writeLatin1(head);
    this.write(body);
  }
  end(): void {}
  closeAfterFlush(): void {
    throw new Error("closed");
  }
  destroy(): void {
    throw new Error("destroyed");
  }
  pause(): void {}
  unpause(): void {}
}

const queue = new FlushQueue();
const { clock, timers } = new VirtualTime();
const environment = { flushQueue: queue, timers, clock, stats: NO_HTTP2_STATS, random: (): number => 0 };
const options = { prematureResetTotalStreamCount: 1e9, settingsTimeoutMs: 0, streamFlushTimeoutMs: 0 };

const fields = (pairs: Readonly<Record<string, string>>): HeaderField[] =>
  Object.entries(pairs).map(([name, value]) => new HeaderField(name, value));
const REQUEST_FIELDS = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-language": "en-US,en;q=0.5",
  "accept-encoding": "gzip, deflate, br, zstd",
  cookie: "session=0123456789abcdef0123456789abcdef; theme=dark",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "none",
  "cache-control": "max-age=0",
  "x-request-id": "5f0c3b9e-0c55-4a51-9e0c-3d1f7a1b2c3d",
};
const RESPONSE_FIELDS = {
  server: "nginx",
  date: "Sat, 21 Nov 2026 13:12:29 GMT",
  "content-type": "text/plain; charset=utf-8",
  "content-length": "70",
  etag: '"65f1c0de-46"',
  "cache-control": "max-age=60",
  vary: "accept-encoding",
  "accept-ranges": "bytes",
  "x-upstream": "a17",
  "x-frame-options": "DENY",
};
const requestFields = fields(REQUEST_FIELDS);
const responseFields = fields(RESPONSE_FIELDS);
const body = Buffer.alloc(70, "x");
const OK_RESPONSE = new ResponseHeaderMap(200);
let done = 0;

/** Answers every request as the case says. */
class Responder implements ServerCallbacks, RequestDecoder {
  answer: ResponseHeaderMap = OK_RESPONSE;
  withBody = false;
  #encoder: ResponseEncoder | null = null;
  onStream(encoder: ResponseEncoder): RequestDecoder {
    this.#encoder = encoder;
    return this;
  }
  onProtocolError(): void {
    throw new Error("refused");
  }
  onRequestBegin(): void {}
  onRequestHeaders(): void {
    const encoder = this.#encoder!;
    encoder.sendHeaders(this.answer, !this.withBody);
    if (this.withBody) encoder.sendData(body, true);
  }
  onRequestData(): void {}
  onRequestTrailers(): void {}
  onRequestReset(): void {
    throw new Error("reset");
  }
  onResponseWriteHigh(): void {}
  onResponseWriteLow(): void {}
  onResponseFlushed(): void {}
}

class Requester implements ClientCallbacks, ResponseDecoder {
  onStreamEnd(): void {
    done++;
  }
  onDraining(): void {
    throw new Error("draining");
  }
  onInformational(): void {}
  onResponseHeaders(): void {}
  onResponseData(): void {}
  onResponseTrailers(): void {}
  onResponseReset(): void {
    throw new Error("reset");
  }
  onRequestWriteHigh(): void {}
  onRequestWriteLow(): void {}
}

/** A server codec and a client codec that talk to each other. */
class Pair {
  readonly responder = new Responder();
  readonly requester = new Requester();
  readonly toServer = new MemoryConnection();
  readonly toClient = new MemoryConnection();
  readonly server: Http2ServerCodec;
  readonly client: Http2ClientCodec;
  constructor() {
    this.server = new Http2ServerCodec(
      this.toClient,
      this.responder,
      { ...HTTP2_SERVER_DEFAULTS, ...options },
      environment,
    );
    this.client = new Http2ClientCodec(
      this.toServer,
      this.requester,
      { ...HTTP2_CLIENT_DEFAULTS, ...options },
      environment,
    );
    queue.run();
    this.deliver();
    this.deliver();
  }

  send(headers: RequestHeaderMap): void {
    queue.enter();
    for (let i = 0; i < BATCH; i++) this.client.openStream(this.requester).sendHeaders(headers, true);
    queue.leave();
  }

  deliver(): void {
    pump(this.toServer, this.server);
    pump(this.toClient, this.client);
  }
}

function pump(from: MemoryConnection, to: { onData(data: Uint8Array): void }): void {
  const { length } = from;
  if (length === 0) return;
  const data = from.out.subarray(0, length);
  from.length = 0;
  queue.enter();
  to.onData(data);
  queue.leave();
}

/** The server alone: bytes of a batch whose stream ids are moved on each time. */
function serverAlone(headers: RequestHeaderMap, answer: ResponseHeaderMap, withBody: boolean): () => void {
  const recorder = new Pair();
  // The second batch is the steady state; the first one fills the tables.
  recorder.send(headers);
  const first = Buffer.from(recorder.toServer.out.subarray(0, recorder.toServer.length));
  recorder.deliver();
  recorder.send(headers);
  const steady = Buffer.from(recorder.toServer.out.subarray(0, recorder.toServer.length));
  const idAt: number[] = [];
  for (let at = 0; at < steady.length; at += 9 + steady.readUIntBE(at, 3)) idAt.push(at + 5);
  const out = new MemoryConnection();
  const responder = new Responder();
  responder.answer = answer;
  responder.withBody = withBody;
  const server = new Http2ServerCodec(out, responder, { ...HTTP2_SERVER_DEFAULTS, ...options }, environment);
  const widen = Buffer.from("0000040800000000007f000000", "hex");
  server.onData(Buffer.concat([PREFACE, settings(), SETTINGS_ACK, first, widen]));
  queue.run();
  let id = 2 * BATCH + 1;
  let sent = 0;
  return () => {
    for (const at of idAt) {
      steady.writeUInt32BE(id, at);
      id += 2;
    }
    out.length = 0;
    queue.enter();
    server.onData(steady);
    if (withBody) sent += BATCH * body.length;
    if (sent > 0x6000_0000) {
      server.onData(widen);
      sent = 0;
    }
    queue.leave();
  };
}

function bothOurs(headers: RequestHeaderMap, answer: ResponseHeaderMap, withBody: boolean): () => void {
  const pair = new Pair();
  pair.responder.answer = answer;
  pair.responder.withBody = withBody;
  return () => {
    pair.send(headers);
    pair.deliver();
    if (pair.client.activeStreams !== 0) while (pair.client.activeStreams !== 0) pair.deliver();
  };
}

/** What a proxy does: a client's bytes in, through both codecs to an origin and back. */
function proxied(headers: RequestHeaderMap, answer: ResponseHeaderMap): () => void {
  const inner = new Pair();
  inner.responder.answer = answer;
  inner.responder.withBody = true;
  class Hop implements RequestDecoder, ResponseDecoder {
    readonly down: ResponseEncoder;
    up: RequestEncoder | null = null;
    constructor(down: ResponseEncoder) {
      this.down = down;
    }
    onRequestHeaders(map: RequestHeaderMap, end: boolean): void {
      this.up = inner.client.openStream(this);
      this.up.sendHeaders(map, end);
    }
    onRequestData(data: Uint8Array, end: boolean): void {
      this.up!.sendData(data, end);
    }
    onRequestTrailers(): void {}
    onRequestReset(): void {}
    onResponseWriteHigh(): void {}
    onResponseWriteLow(): void {}
    onResponseFlushed(): void {}
    onInformational(): void {}
    onResponseHeaders(map: ResponseHeaderMap, end: boolean): void {
      this.down.sendHeaders(map, end);
    }
    onResponseData(data: Uint8Array, end: boolean): void {
      this.down.sendData(data, end);
    }
    onResponseTrailers(): void {}
    onResponseReset(): void {}
    onRequestWriteHigh(): void {}
    onRequestWriteLow(): void {}
  }
  const outer = new Pair();
  outer.responder.onStream = (encoder): RequestDecoder => new Hop(encoder);
  return () => {
    outer.send(headers);
    while (outer.client.activeStreams !== 0) {
      outer.deliver();
      inner.deliver();
    }
  };
}

async function nodePair(): Promise<readonly [run: () => Promise<void>, end: () => void]> {
  const http2 = await import("node:http2");
  const [near, far] = memoryDuplexes();
  (http2 as unknown as { performServerHandshake(socket: Duplex): ServerHttp2Session })
    .performServerHandshake(far)
    .on("stream", (stream) => {
      stream.respond({ ":status": 200, ...RESPONSE_FIELDS });
      stream.end(body);
    });
  const session = http2.connect("http://shop.example.com", { createConnection: () => near });
  const headers = { ":path": "/api/v1/items/42?page=3", ...REQUEST_FIELDS };
  const run = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = BATCH;
    for (let i = 0; i < BATCH; i++) {
      session
        .request(headers)
        .on("close", () => --left === 0 && resolve())
        .resume();
    }
    await promise;
  };
  return [run, () => session.destroy()];
}

function memoryDuplexes(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, callback) {
        other().push(chunk);
        callback();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}

const least = new RequestHeaderMap("GET", "/", "a", "http");
const ten = new RequestHeaderMap("GET", "/api/v1/items/42?page=3", "shop.example.com:8080", "http", requestFields);
const tenBack = new ResponseHeaderMap(200, responseFields);
const CASES: ReadonlyArray<readonly [name: string, calls: number, run: () => void]> = [
  ["server, least exchange", 5000, serverAlone(least, OK_RESPONSE, false)],
  ["server, read 10 headers", 5000, serverAlone(ten, OK_RESPONSE, false)],
  ["server, 10 headers and 70 B back", 5000, serverAlone(ten, tenBack, true)],
  ["client and server, least", 5000, bothOurs(least, OK_RESPONSE, false)],
  ["client and server, 10 headers, 70 B", 5000, bothOurs(ten, tenBack, true)],
  ["proxied (and its peers), 10 headers", 2500, proxied(ten, tenBack)],
];

/** Few enough that the collector does not run meanwhile. */
const MEASURED_RUNS = 40;

const best = CASES.map(() => Number.POSITIVE_INFINITY);
const bytes = CASES.map(() => 0);
const { gc } = globalThis as { gc?: () => void };
for (let round = 0; round < ROUNDS; round++) {
  for (const [index, [, calls, run]] of CASES.entries()) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) run();
    best[index] = Math.min(best[index]!, Number(process.hrtime.bigint() - start) / calls);
    gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < MEASURED_RUNS; i++) run();
    bytes[index] = process.memoryUsage().heapUsed - before;
  }
}
for (const [index, [name]] of CASES.entries()) {
  const ns = (best[index]! / BATCH).toFixed(0).padStart(7);
  const allocated = gc === undefined ? "" : `${(bytes[index]! / BATCH / MEASURED_RUNS).toFixed(0).padStart(7)} B`;
  process.stdout.write(`${name.padEnd(42)} ${ns} ns${allocated}\n`);
}

const [node, endNode] = await nodePair();
let nodeBest = Number.POSITIVE_INFINITY;
for (let round = 0; round < 5; round++) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < 300; i++) await node();
  nodeBest = Math.min(nodeBest, Number(process.hrtime.bigint() - start) / 300);
}
process.stdout.write(
  `${"node:http2, the same as client and server".padEnd(42)} ${(nodeBest / BATCH).toFixed(0).padStart(7)} ns\n`,
);
process.stdout.write(`${done} exchanges\n`);
endNode();
