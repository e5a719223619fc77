/** The encoder: what enters the table and when, how the table's size is announced, the octets of single forms. */
import { describe, expect, it } from "vitest";
import { HeaderField } from "../../../headers/field.ts";
import { ByteSink } from "./byte-sink.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import { NeverIndexedField } from "./never-indexed-field.ts";
import { type Pair, decodeBlock, encodeBlock, fieldsOf, tableOf } from "./recorded-block.ts";

/** An encoder and the decoder of its peer. */
class Link {
  readonly encoder: HpackEncoder;
  readonly decoder = new HpackDecoder(4096);

  constructor(tableSize = 4096) {
    this.encoder = new HpackEncoder(tableSize);
  }

  /** The block of a list; checks that the peer reads that list, and that both tables are as large. */
  send(...pairs: Pair[]): Buffer {
    const block = encodeBlock(this.encoder, fieldsOf(pairs));
    const record = decodeBlock(this.decoder, block);
    expect(record.error).toBe(0);
    expect(record.pairs).toEqual(pairs);
    expect(this.decoder.tableBytes).toBe(this.encoder.tableBytes);
    return block;
  }

  get table(): Pair[] {
    return tableOf(this.decoder);
  }
}

describe("what repeats", () => {
  it("is one octet from its second sight on", () => {
    const link = new Link();
    const pairs: Pair[] = [
      ["user-agent", "curl/8.10"],
      ["x-own", "some value"],
      ["accept", "*/*"],
    ];
    expect(link.send(...pairs).length).toBeGreaterThan(20);
    expect(link.send(...pairs)).toHaveLength(3);
    expect(link.send(...pairs)).toHaveLength(3);
  });

  it("is found whichever objects carry it", () => {
    const link = new Link();
    link.send(["x-own", "a value of some length"]);
    const parts = ["a value", " of some ", "length"];
    expect(link.send([["x", "own"].join("-"), parts.join("")])).toHaveLength(1);
  });

  it("takes two octets from index 127 on, three from 255 on", () => {
    const encoder = new HpackEncoder(65_536);
    encoder.setMaxDynamicTableSize(65_536);
    const decoder = new HpackDecoder(65_536);
    const pairs = Array.from({ length: 200 }, (_, i): Pair => [`x-${i}`, "v"]);
    expect(decodeBlock(decoder, encodeBlock(encoder, fieldsOf(pairs))).pairs).toEqual(pairs);
    const block = encodeBlock(encoder, fieldsOf(pairs));
    expect(decodeBlock(decoder, block).pairs).toEqual(pairs);
    // Indices 62 to 261.
    expect(block).toHaveLength(65 + 2 * 128 + 3 * 7);
  });

  it("of the static table is one octet at once", () => {
    const link = new Link();
    expect(link.send(["accept-encoding", "gzip, deflate"]).toString("hex")).toBe("90");
    expect(link.send([":method", "POST"], [":path", "/index.html"], [":status", "404"]).toString("hex")).toBe("83858d");
    expect(link.send(["www-authenticate", ""]).toString("hex")).toBe("bd");
    expect(link.table).toEqual([]);
  });

  it("stays found while the table turns over", () => {
    const link = new Link();
    for (let i = 0; i < 500; i++) link.send([`x-${i % 7}-${i}`, "v".repeat(i % 60)], ["x-fixed", "stays"]);
    expect(link.encoder.tableBytes).toBeGreaterThan(3900);
    expect(link.encoder.tableBytes).toBeLessThanOrEqual(4096);
  });
});

describe("what varies", () => {
  it("does not drive out what repeats: a name whose last value was of no use must show a value twice", () => {
    const link = new Link();
    link.send(["x-id", "id-0"], ["x-fixed", "f"]);
    for (let i = 1; i < 50; i++) link.send(["x-id", `id-${i}`], ["x-fixed", "f"]);
    expect(link.table).toEqual([
      ["x-fixed", "f"],
      ["x-id", "id-0"],
    ]);
    link.send(["x-id", "id-49"]);
    expect(link.table[0]).toEqual(["x-id", "id-49"]);
    expect(link.send(["x-id", "id-49"])).toHaveLength(1);
  });

  it("may change where the last value was of use: the date", () => {
    const link = new Link();
    for (const second of ["10", "11", "12"]) {
      const date: Pair = ["date", `Mon, 21 Oct 2013 20:13:${second} GMT`];
      expect(link.send(date).length).toBeGreaterThan(10);
      expect(link.send(date)).toHaveLength(1);
    }
  });

  it("a path enters at its second sight, and few wait there for their first use", () => {
    const link = new Link();
    link.send([":path", "/pkg.Service/Call"]);
    expect(link.table).toEqual([]);
    link.send([":path", "/pkg.Service/Call"]);
    expect(link.send([":path", "/pkg.Service/Call"])).toHaveLength(1);
    for (let i = 0; i < 20; i++) {
      link.send([":path", `/twice/${i}`]);
      link.send([":path", `/twice/${i}`]);
    }
    expect(link.table).toHaveLength(5);
  });

  it("ids and lengths never enter; of a name that the static table lacks one entry serves", () => {
    const link = new Link();
    for (let i = 0; i < 10; i++) {
      link.send(["content-length", "70"], ["set-cookie", "a=b; path=/; secure"], ["x-request-id", `id-${i}`]);
    }
    expect(link.table).toEqual([["x-request-id", "id-0"]]);
  });

  it("a large field does not enter", () => {
    const link = new Link();
    for (let i = 0; i < 3; i++) link.send(["x-large", "v".repeat(1000)], ["x-fits", "v".repeat(980)]);
    expect(link.table).toEqual([["x-fits", "v".repeat(980)]]);
  });
});

describe("secrets", () => {
  it("are never indexed, whoever asks or not", () => {
    const fields = [
      new HeaderField("authorization", "Bearer abcdefghijklmnopqrstuvwxyz"),
      new HeaderField("proxy-authorization", "Basic YTpi"),
      new HeaderField("cookie", "short=1"),
      new NeverIndexedField("x-asked", "for it"),
      new NeverIndexedField("accept", "*/*"),
    ];
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(4096);
    for (let i = 0; i < 3; i++) {
      const record = decodeBlock(decoder, encodeBlock(encoder, fields));
      expect(record.neverIndexed).toEqual([true, true, true, true, true]);
      expect(record.pairs).toEqual(fields.map(({ name, value }) => [name, value]));
    }
    expect(encoder.tableBytes).toBe(0);
  });

  it("are not found either, where the same field went in without the wish", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, encodeBlock(encoder, fieldsOf([["x-key", "abc"]])));
    const record = decodeBlock(decoder, encodeBlock(encoder, [new NeverIndexedField("x-key", "abc")]));
    expect(record.neverIndexed).toEqual([true]);
  });

  it("a longer cookie is indexed, as nghttp2 does", () => {
    const link = new Link();
    const cookie: Pair = ["cookie", "session=0123456789abcdef"];
    link.send(cookie);
    expect(link.send(cookie)).toHaveLength(1);
  });
});

describe("strings", () => {
  it("that enter the table are Huffman-coded where that is shorter, plain where it is not", () => {
    const link = new Link();
    expect(link.send(["server", "aaaaaaaa"])[1]).toBe(0x80 | 5);
    expect(link.send(["via", "\xff\xfe\xfd"])[1]).toBe(3);
    // As long either way.
    expect(link.send(["vary", "A"])[1]).toBe(1);
  });

  it("that enter no table are plain: they would be coded anew for every message", () => {
    const link = new Link();
    expect(link.send(["etag", "aaaaaaaa"])[2]).toBe(8);
    expect(link.send(["authorization", "aaaaaaaa"])[2]).toBe(8);
  });

  it("of any length come over, around the borders of the forms", () => {
    const link = new Link();
    for (const unit of ["a", "X", "\xff", "\t~"]) {
      for (const length of [0, 1, 63, 64, 65, 126, 127, 128, 202, 203, 204, 255, 256, 16_384, 70_000])
        link.send(["etag", unit.repeat(length)], [`n${"a".repeat(length % 300)}`, unit]);
    }
  });

  it("go behind what the sink holds already, which grows", () => {
    const out = new ByteSink(4);
    out.reserve(3);
    out.bytes.set([1, 2, 3]);
    out.length = 3;
    const encoder = new HpackEncoder();
    encoder.encode(fieldsOf([["etag", "x".repeat(5000)]]), out);
    expect([...out.view().subarray(0, 3)]).toEqual([1, 2, 3]);
    expect(decodeBlock(new HpackDecoder(4096), out.view().subarray(3)).pairs).toEqual([["etag", "x".repeat(5000)]]);
  });
});

describe("pseudo-headers", () => {
  it("have short ways that say the same as fields", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(4096);
    for (let i = 0; i < 3; i++) {
      const out = new ByteSink();
      encoder.begin(out);
      encoder.method("GET", out);
      encoder.method("POST", out);
      encoder.method("PURGE", out);
      encoder.scheme("http", out);
      encoder.scheme("https", out);
      encoder.scheme("wss", out);
      encoder.authority("a.example", out);
      encoder.path("/", out);
      encoder.path("/index.html", out);
      encoder.path("/x?y", out);
      encoder.pair(":protocol", "websocket", out);
      for (const status of [200, 204, 206, 304, 400, 404, 500, 201, 503]) encoder.status(status, out);
      expect(decodeBlock(decoder, out.view()).pairs).toEqual([
        [":method", "GET"],
        [":method", "POST"],
        [":method", "PURGE"],
        [":scheme", "http"],
        [":scheme", "https"],
        [":scheme", "wss"],
        [":authority", "a.example"],
        [":path", "/"],
        [":path", "/index.html"],
        [":path", "/x?y"],
        [":protocol", "websocket"],
        ...["200", "204", "206", "304", "400", "404", "500", "201", "503"].map((status): Pair => [":status", status]),
      ]);
      if (i === 2) expect(out.length).toBe(20);
    }
  });
});

describe("the table's size", () => {
  function updates(link: Link): string {
    return link.send([":method", "GET"]).toString("hex").slice(0, -2);
  }

  it("is not announced while it is what the peer takes it for", () => {
    const link = new Link();
    link.encoder.setMaxDynamicTableSize(4096);
    expect(updates(link)).toBe("");
    link.encoder.setMaxDynamicTableSize(65_536);
    expect(updates(link)).toBe("");
  });

  it("is announced once when the peer lowers it, and entries go", () => {
    const link = new Link();
    link.send(["x-a", "1"], ["x-b", "2"]);
    link.encoder.setMaxDynamicTableSize(40);
    expect(link.encoder.tableBytes).toBe(36);
    expect(updates(link)).toBe("3f09");
    expect(updates(link)).toBe("");
    expect(link.table).toEqual([["x-b", "2"]]);
  });

  it("is announced with its lowest value first where it went down and up between blocks", () => {
    const link = new Link();
    link.send(["x-a", "1"]);
    link.encoder.setMaxDynamicTableSize(1000);
    link.encoder.setMaxDynamicTableSize(0);
    link.encoder.setMaxDynamicTableSize(4096);
    expect(updates(link)).toBe("203fe11f");
    expect(link.table).toEqual([]);
    link.encoder.setMaxDynamicTableSize(100);
    link.encoder.setMaxDynamicTableSize(4096);
    expect(updates(link)).toBe("3f453fe11f");
  });

  it("never goes over what its owner wants to spend", () => {
    const link = new Link(1000);
    expect(updates(link)).toBe("3fc907");
    link.encoder.setMaxDynamicTableSize(4096);
    expect(updates(link)).toBe("");
    link.encoder.setMaxDynamicTableSize(500);
    expect(updates(link)).toBe("3fd503");
    link.encoder.setMaxDynamicTableSize(4096);
    expect(updates(link)).toBe("3fc907");
  });

  it("of 0 makes it work without a table", () => {
    const link = new Link(0);
    for (let i = 0; i < 3; i++) link.send(["x-a", "1"], [":status", "200"]);
    expect(link.encoder.tableBytes).toBe(0);
  });
});
