/**
 * What one message costs in the codec, each way: `node --conditions=sluice-source h1.bench.ts`. A request of ten headers and a response with a body of 70 bytes
 * go through a server codec and a client codec over connections that do nothing; the cost of sockets is measured in bench/.
 */
import { UNKNOWN_ADDRESS } from "../../../network/address.ts";
import type { Connection, ConnectionEvents } from "../../../network/connection.ts";
import { SocketInfo } from "../../../network/connection-info.ts";
import { FlushQueue } from "../../../network/flush-queue.ts";
import { HeaderField } from "../../headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type { ClientCallbacks, RequestDecoder, ResponseDecoder, ResponseEncoder, ServerCallbacks } from "../codec.ts";
import { Http1ClientCodec } from "./client-codec.ts";
import { Http1ServerCodec } from "./server-codec.ts";

const CALLS = 50_000;
/** The least of them counts: the machine has other work. */
const ROUNDS = 12;
const SERVER = {
  maxHeadBytes: 61_440,
  maxHeaders: 100,
  acceptHttp10: false,
  defaultHostForHttp10: "",
  enableTrailers: false,
  allowAbsoluteUrl: true,
};

const REQUEST = Buffer.from(
  [
    "GET /api/v1/items/42?page=3 HTTP/1.1",
    "Host: shop.example.com:8080",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Connection: keep-alive",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "X-Request-Id: 5f0c3b9e-0c55-4a51-9e0c-3d1f7a1b2c3d",
    "",
    "",
  ].join("\r\n"),
  "latin1",
);
const RESPONSE = Buffer.from(
  [
    "HTTP/1.1 200 OK",
    "Server: nginx",
    "Date: Sat, 21 Nov 2026 13:12:29 GMT",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Length: 70",
    "Connection: keep-alive",
    'ETag: "65f1c0de-46"',
    "Cache-Control: max-age=60",
    "Vary: accept-encoding",
    "Accept-Ranges: bytes",
    "X-Upstream: a17",
    "",
    "x".repeat(70),
  ].join("\r\n"),
  "latin1",
);

let written = 0;

function latin1Write(buffer: Buffer, text: string, at: number): number {
  return buffer.write(text, at, "latin1");
}

class NullConnection implements Connection {
  readonly info = new SocketInfo(1, UNKNOWN_ADDRESS, UNKNOWN_ADDRESS, null);
  highWatermark = 1 << 20;
  paused = false;
  pendingBytes = 0;
  aboveWatermark = false;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #out = Buffer.alloc(65_536);
  setEvents(_events: ConnectionEvents): void {}
  write(data: Uint8Array): void {
    written += data.length;
  }
  writeLatin1(text: string): void {
    // Flattens the text as a socket's write does.
    written += latin1Write(this.#out, text, 0);
  }
  writeHeadAndBody(head: string, body: Uint8Array): void {
    written += latin1Write(this.#out, head, 0) + body.length;
  }
  end(): void {}
  closeAfterFlush(_timeoutMs: number): void {}
  destroy(_abort?: boolean): void {}
  pause(): void {}
  unpause(): void {}
}

class Engine implements ServerCallbacks, RequestDecoder, ClientCallbacks, ResponseDecoder {
  encoder: ResponseEncoder | null = null;
  request: RequestHeaderMap | null = null;
  onStream(encoder: ResponseEncoder): RequestDecoder {
    this.encoder = encoder;
    return this;
  }
  onProtocolError(): void {
    throw new Error("refused");
  }
  onRequestBegin(): void {}
  onRequestHeaders(headers: RequestHeaderMap): void {
    this.request = headers;
  }
  onRequestData(): void {}
  onRequestTrailers(): void {}
  onRequestReset(): void {}
  onResponseWriteHigh(): void {}
  onResponseWriteLow(): void {}
  onResponseFlushed(): void {}
  onStreamEnd(): void {}
  onDraining(): void {}
  onInformational(): void {}
  onResponseHeaders(headers: ResponseHeaderMap): void {
    this.response = headers;
  }
  response: ResponseHeaderMap | null = null;
  onResponseData(data: Uint8Array): void {
    this.data = data;
  }
  data: Uint8Array = new Uint8Array(0);
  onResponseTrailers(): void {}
  onResponseReset(): void {
    throw new Error("reset");
  }
  onRequestWriteHigh(): void {}
  onRequestWriteLow(): void {}
}

const queue = new FlushQueue();
const engine = new Engine();
const server = new Http1ServerCodec(new NullConnection(), engine, SERVER, queue);
const client = new Http1ClientCodec(new NullConnection(), engine, SERVER, queue);
const answer = new ResponseHeaderMap(200, [new HeaderField("content-length", "0")]);
const ask = new RequestHeaderMap("GET", "/", "a", "http");
const answerFields = [
  ["server", "sluice"],
  ["date", "Sat, 21 Nov 2026 13:12:29 GMT"],
  ["content-type", "text/plain; charset=utf-8"],
  ["content-length", "70"],
  ["etag", '"65f1c0de-46"'],
  ["cache-control", "max-age=60"],
  ["vary", "accept-encoding"],
  ["accept-ranges", "bytes"],
  ["x-upstream", "a17"],
  ["x-request-id", "5f0c3b9e-0c55-4a51-9e0c-3d1f7a1b2c3d"],
].map(([name, value]) => new HeaderField(name!, value!));
const bigAnswer = new ResponseHeaderMap(200, answerFields);
const body = Buffer.alloc(70, "x");

/** A request is read, an answer without fields is written. */
function readRequest(): void {
  queue.enter();
  server.onData(REQUEST);
  engine.encoder!.sendHeaders(answer, true);
  queue.leave();
}

/** The least request is read, an answer of ten fields and 70 bytes is written. */
const LEAST = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "latin1");
function least(): void {
  queue.enter();
  server.onData(LEAST);
  engine.encoder!.sendHeaders(answer, true);
  queue.leave();
}

function writeResponse(): void {
  queue.enter();
  server.onData(LEAST);
  const encoder = engine.encoder!;
  encoder.sendHeaders(bigAnswer, false);
  encoder.sendData(body, true);
  queue.leave();
}

const LEAST_RESPONSE = Buffer.from("HTTP/1.1 204 No Content\r\n\r\n", "latin1");
function leastClient(): void {
  queue.enter();
  client.openStream(engine).sendHeaders(ask, true);
  queue.leave();
  client.onData(LEAST_RESPONSE);
}

function readResponse(): void {
  queue.enter();
  client.openStream(engine).sendHeaders(ask, true);
  queue.leave();
  client.onData(RESPONSE);
}

function writeRequest(): void {
  queue.enter();
  client.openStream(engine).sendHeaders(engine.request!, true);
  queue.leave();
  client.onData(LEAST_RESPONSE);
}

/** Both codecs: what a proxied exchange costs. */
function proxied(): void {
  queue.enter();
  server.onData(REQUEST);
  client.openStream(engine).sendHeaders(engine.request!, true);
  queue.leave();
  queue.enter();
  client.onData(RESPONSE);
  engine.encoder!.sendHeaders(engine.response!, false);
  engine.encoder!.sendData(engine.data, true);
  queue.leave();
}

function nanoseconds(run: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) run();
  return Number(process.hrtime.bigint() - start) / CALLS;
}

const cases: ReadonlyArray<readonly [string, () => void]> = [
  ["server, least exchange", least],
  ["server, read 10 headers", readRequest],
  ["server, write 10 headers and 70 B", writeResponse],
  ["client, least exchange", leastClient],
  ["client, write 10 headers", writeRequest],
  ["client, read 10 headers and 70 B", readResponse],
  ["proxied exchange", proxied],
];
const best = cases.map(() => Number.POSITIVE_INFINITY);
for (let round = 0; round < ROUNDS; round++) {
  for (const [index, [, run]] of cases.entries()) best[index] = Math.min(best[index]!, nanoseconds(run));
}
for (const [index, [name]] of cases.entries())
  process.stdout.write(`${name.padEnd(36)} ${best[index]!.toFixed(0).padStart(6)} ns\n`);
process.stdout.write(`${written} bytes\n`);
