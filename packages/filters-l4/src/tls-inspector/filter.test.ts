import { once } from "node:events";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { PeekBench } from "../../../../test/support/peek-bench.ts";
import { LARGEST_CLIENT_HELLO } from "./config.ts";
import { tlsInspector } from "./index.ts";

/** The first flight of a real client. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const parts: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      parts.push(chunk);
      wire.emit("hello");
      done();
    },
  });
  const written = once(wire, "hello");
  const client = connect({ socket: wire, ...options }).on("error", () => {});
  await written;
  client.destroy();
  return Buffer.concat(parts);
}

const open = (config: unknown = {}): PeekBench => PeekBench.of(tlsInspector, config);

function outcome({ client }: PeekBench): readonly unknown[] {
  const { transportProtocol, requestedServerName, applicationProtocols } = client.info;
  return [client.place, transportProtocol, requestedServerName, applicationProtocols];
}

/** The handshake message in records of `size` bytes. */
function fragmented(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

let hello: Buffer;
beforeAll(async () => {
  hello = await helloOf({ servername: "Shop.Example.com", ALPNProtocols: ["h2", "http/1.1"] });
});

const FOUND = ["chain", "tls", "shop.example.com", ["h2", "http/1.1"]];

describe("a client's hello", () => {
  test.each([1, 2, 7, 100, 10_000])("in pieces of %i", (size) => {
    const bench = open().send(hello, size);
    expect(outcome(bench)).toEqual(FOUND);
    expect(bench.client.chainBytes.equals(hello)).toBe(true);
    expect(["tls_found", "sni_found", "alpn_found"].map((name) => bench.stat(`tls_inspector.${name}`))).toEqual([
      1, 1, 1,
    ]);
  });

  test.each([1, 3, 64, 16_384])("over records of %i bytes", (size) => {
    for (const piece of [1, 1000]) expect(outcome(open().send(fragmented(hello, size), piece))).toEqual(FOUND);
  });

  test.each([["TLSv1.2"], ["TLSv1.3"]] as const)("of a client that speaks %s alone", async (version) => {
    const bytes = await helloOf({ servername: "a.b", minVersion: version, maxVersion: version });
    expect(outcome(open().send(bytes))).toEqual(["chain", "tls", "a.b", []]);
  });

  test("without a name and protocols", async () => {
    const bench = open().send(await helloOf({}));
    expect(outcome(bench)).toEqual(["chain", "tls", "", []]);
    expect([bench.stat("tls_inspector.sni_not_found"), bench.stat("tls_inspector.alpn_not_found")]).toEqual([1, 1]);
  });

  test("one that is larger than the first look", async () => {
    const protocols = Array.from({ length: 40 }, (_, i) => `${"p".repeat(100)}${i}`);
    const large = await helloOf({ servername: "a.b", ALPNProtocols: protocols });
    const bench = open({ initial_read_buffer_size: 256 }).send(large);
    expect(large.length).toBeGreaterThan(4096);
    expect(outcome(bench)).toEqual(["chain", "tls", "a.b", protocols]);
  });

  test("a name that is no host name is none", () => {
    const bytes = Buffer.from(hello);
    const at = bytes.indexOf("Shop.Example.com");
    bytes[at + 4] = 10;
    expect(outcome(open().send(bytes))).toEqual(["chain", "tls", "", ["h2", "http/1.1"]]);
  });
});

describe("no TLS", () => {
  test.each<[string, string]>([
    ["HTTP", "GET / HTTP/1.1\r\n"],
    ["another record", "\x17\x03\x03\x00\x10"],
    ["another version", "\x16\x02\x00\x00\x10"],
    ["an empty record", "\x16\x03\x01\x00\x00"],
    ["a record that is too long", "\x16\x03\x01\x40\x01"],
    ["another message of the handshake", "\x16\x03\x01\x00\x04\x02\x00\x00\x00"],
    ["a hello of nothing", "\x16\x03\x01\x00\x04\x01\x00\x00\x00"],
  ])("%s is told at once, and goes on", (_title, text) => {
    const bench = open().send(text, 1);
    expect(outcome(bench)).toEqual(["chain", "raw_buffer", "", []]);
    expect(bench.client.chainBytes.toString("latin1")).toBe(text);
    expect(bench.stat("tls_inspector.tls_not_found")).toBe(1);
  });

  test("a hello that does not add up", () => {
    for (const [find, by] of [
      ["Shop.Example.com", -1],
      ["http/1.1", -1],
    ] as const) {
      const bytes = Buffer.from(hello);
      bytes[bytes.indexOf(find) + by]! += 9;
      expect(outcome(open().send(bytes))[1]).toBe("raw_buffer");
    }
  });
});

test("a hello beyond 64 KiB is not waited for", () => {
  // A message of 70 000 bytes in five records, the last of which ends beyond the limit.
  const record = (size: number, ...start: number[]): Buffer =>
    Buffer.concat([Buffer.from([22, 3, 1, size >> 8, size & 255, ...start]), Buffer.alloc(size - start.length)]);
  const bench = open().send(record(16_384, 1, 1, 0x11, 0x6c));
  for (let i = 0; i < 4 && bench.client.place === "filters"; i++) bench.send(record(16_384));
  expect(bench.client.place).toBe("closed");
  expect(bench.stat("tls_inspector.client_hello_too_large")).toBe(1);
  expect(bench.client.connection.bytesRead).toBeGreaterThan(LARGEST_CLIENT_HELLO - 16_384);
});

test("nothing that clients send makes it throw, and all of it goes on", () => {
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), fc.nat(200), (at, value, size) => {
      const bytes = Buffer.from(hello);
      bytes[at] = value;
      const bench = open().send(bytes, size + 1);
      expect(bench.lines).toEqual([]);
      if (bench.client.place === "chain") expect(bench.client.chainBytes.equals(bytes)).toBe(true);
    }),
  );
});
