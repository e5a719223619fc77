/**
 * What one header block costs: `node --conditions=sluice-source hpack.bench.ts`. Blocks of a browser's request and of a server's answer through encoder and decoder, once
 * the tables know them ("steady"), on new connections ("first"), and with a path and an id that never come twice ("unique"); last what tables cost in memory.
 */
import { HeaderField } from "../../../headers/field.ts";
import { ByteSink } from "./byte-sink.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import type { FieldSink } from "./field-sink.ts";
import { HPACK_ERROR } from "./hpack-error.ts";

const CALLS = 4096;
/** The least of them counts: the machine has other work, and a short round slips through between it. */
const ROUNDS = 300;

const REQUEST = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "shop.example.com:8080"],
  [":path", "/api/v1/items/42?page=3"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-language", "en-US,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"],
  ["sec-fetch-dest", "document"],
  ["sec-fetch-mode", "navigate"],
  ["te", "trailers"],
].map(([name, value]) => new HeaderField(name!, value!));
const RESPONSE = [
  [":status", "200"],
  ["server", "nginx"],
  ["date", "Sat, 21 Nov 2026 13:12:29 GMT"],
  ["content-type", "text/plain; charset=utf-8"],
  ["content-length", "70"],
  ["etag", '"65f1c0de-46"'],
  ["cache-control", "max-age=60"],
  ["vary", "accept-encoding"],
  ["accept-ranges", "bytes"],
  ["x-upstream", "a17"],
].map(([name, value]) => new HeaderField(name!, value!));
/** Requests whose path and id are new each time. */
const UNIQUE = Array.from({ length: 4096 }, (_, i) => {
  const fields = REQUEST.slice();
  fields[3] = new HeaderField(":path", `/api/v1/items/${(i * 7919) % 65_536}?page=${i}`);
  fields.push(new HeaderField("x-request-id", `5f0c3b9e-0c55-4a51-9e0c-${String(i * 104_729).padStart(12, "0")}`));
  return fields;
});

/** The same fields as of four clients that each have objects of their own, and another order of some. */
const CLIENTS = [0, 1, 2, 3].map((turns) => {
  const [method, scheme, authority, path, ...rest] = REQUEST;
  const own = rest.map(({ name, value }) => new HeaderField(name, value));
  return [method!, scheme!, authority!, path!, ...own.slice(turns), ...own.slice(0, turns)];
});

class Keep implements FieldSink {
  fields: HeaderField[] = [];
  onField(field: HeaderField): boolean {
    this.fields.push(field);
    return true;
  }
}

const keep = new Keep();
const out = new ByteSink(4096);

function encoded(encoder: HpackEncoder, fields: readonly HeaderField[]): Uint8Array {
  out.length = 0;
  encoder.encode(fields, out);
  return Uint8Array.from(out.view());
}

function decode(decoder: HpackDecoder, block: Uint8Array): void {
  keep.fields = [];
  if (decoder.decode(block, keep) !== HPACK_ERROR.ok) throw new Error("not decoded");
}

function encode(encoder: HpackEncoder, fields: readonly HeaderField[]): void {
  out.length = 0;
  encoder.encode(fields, out);
}

/** An encoder and a decoder that know the fields, and their block from then on. */
function settled(fields: readonly HeaderField[]): { encoder: HpackEncoder; decoder: HpackDecoder; block: Uint8Array } {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096);
  for (let i = 0; i < 4; i++) decode(decoder, encoded(encoder, fields));
  return { encoder, decoder, block: encoded(encoder, fields) };
}

const request = settled(REQUEST);
const response = settled(RESPONSE);
const firstRequest = encoded(new HpackEncoder(), REQUEST);
const unique = settled(REQUEST);
const uniqueBlocks = UNIQUE.map((fields) => encoded(unique.encoder, fields));
const uniqueDecoder = settled(REQUEST).decoder;
const uniqueEncoder = settled(REQUEST).encoder;
for (const block of uniqueBlocks) decode(uniqueDecoder, block);

let turn = 0;
const cases: ReadonlyArray<readonly [string, () => void]> = [
  ["decode request, 12 fields, steady", () => decode(request.decoder, request.block)],
  ["decode response, 10 fields, steady", () => decode(response.decoder, response.block)],
  ["decode request, first", () => decode(new HpackDecoder(4096), firstRequest)],
  ["decode request, 13 fields, 2 unique", () => decode(uniqueDecoder, uniqueBlocks[100 + (turn++ % 3900)]!)],
  ["encode request, 12 fields, steady", () => encode(request.encoder, REQUEST)],
  ["encode request, of 4 clients in turn", () => encode(request.encoder, CLIENTS[turn++ & 3]!)],
  ["encode response, 10 fields, steady", () => encode(response.encoder, RESPONSE)],
  ["encode request, first", () => encode(new HpackEncoder(), REQUEST)],
  ["encode request, 13 fields, 2 unique", () => encode(uniqueEncoder, UNIQUE[turn++ % 4096]!)],
];

function nanoseconds(run: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) run();
  return Number(process.hrtime.bigint() - start) / CALLS;
}

const best = cases.map(() => Number.POSITIVE_INFINITY);
for (let round = 0; round < ROUNDS; round++) {
  for (const [index, [, run]] of cases.entries()) best[index] = Math.min(best[index]!, nanoseconds(run));
}
for (const [index, [name]] of cases.entries())
  process.stdout.write(`${name.padEnd(38)} ${best[index]!.toFixed(0).padStart(6)} ns\n`);
process.stdout.write(
  `request: ${firstRequest.length} octets first, ${request.block.length} steady, ${uniqueBlocks[2000]!.length} with 2 unique; ` +
    `response: ${response.block.length} steady\n`,
);

const PAIRS = 2000;
const pairs: unknown[] = [];
const before = heapBytes();
for (let i = 0; i < PAIRS; i++) pairs.push(settled(REQUEST));
process.stdout.write(
  `${((heapBytes() - before) / PAIRS / 1024).toFixed(1)} KB for an encoder, a decoder and a block\n`,
);

/** After a collection, where `--expose-gc` allows one. */
function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
