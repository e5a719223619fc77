/** The decoder beyond the examples: forms, limits, updates, eviction, what it tells of fields, what it shares. */
import { describe, expect, it } from "vitest";
import { HeaderField } from "../../../headers/field.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import { FIELD_FAULT } from "./field-sink.ts";
import { HPACK_ERROR } from "./hpack-error.ts";
import { writeHuffman } from "./huffman.ts";
import { NeverIndexedField } from "./never-indexed-field.ts";
import { decodeBlock, encodeBlock, fieldsOf, hex, tableOf } from "./recorded-block.ts";
import { STATIC_FIELDS } from "./static-table.ts";

function errorOf(block: string | Uint8Array, tableSize = 4096): number {
  return decodeBlock(new HpackDecoder(tableSize), typeof block === "string" ? hex(block) : block).error;
}

/** A literal of one form (0x40 with indexing, 0x00 without, 0x10 never) without Huffman coding. */
function literal(form: number, name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.of(form, name.length),
    Buffer.from(name, "latin1"),
    Buffer.of(value.length),
    Buffer.from(value, "latin1"),
  ]);
}

function huffmanLiteral(form: number, name: string, value: string): Buffer {
  const parts: Buffer[] = [Buffer.of(form)];
  for (const text of [name, value]) {
    const bytes = Buffer.alloc(text.length * 4);
    const coded = bytes.subarray(0, writeHuffman(text, bytes, 0));
    parts.push(Buffer.of(0x80 | coded.length), coded);
  }
  return Buffer.concat(parts);
}

describe("indices", () => {
  it("1 to 61 give the static table", () => {
    const decoder = new HpackDecoder(4096);
    for (let index = 1; index <= 61; index++) {
      const { fields } = decodeBlock(decoder, Uint8Array.of(0x80 | index));
      expect(fields[0]).toBe(STATIC_FIELDS[index]);
    }
    expect(STATIC_FIELDS[1]!.name).toBe(":authority");
    expect(STATIC_FIELDS[16]).toMatchObject({ name: "accept-encoding", value: "gzip, deflate" });
    expect(STATIC_FIELDS[61]!.name).toBe("www-authenticate");
  });

  it("0 is refused, as a field and nowhere else", () => {
    expect(errorOf("80")).toBe(HPACK_ERROR.index);
    expect(errorOf(literal(0x40, "a", "b"))).toBe(HPACK_ERROR.ok);
  });

  it("beyond the dynamic table is refused, as a field and as a name", () => {
    expect(errorOf("be")).toBe(HPACK_ERROR.index);
    expect(errorOf("ff00")).toBe(HPACK_ERROR.index);
    for (const form of ["7e", "0f2f", "1f2f"]) expect(errorOf(`${form}0161`)).toBe(HPACK_ERROR.index);
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, literal(0x40, "a", "b"));
    expect(decodeBlock(decoder, hex("be")).error).toBe(HPACK_ERROR.ok);
    expect(decodeBlock(decoder, hex("bf")).error).toBe(HPACK_ERROR.index);
  });

  it("of several octets reach deep into the table", () => {
    const decoder = new HpackDecoder(65_536);
    decodeBlock(decoder, hex("3fe1ff03"));
    for (let i = 0; i < 300; i++) expect(decodeBlock(decoder, literal(0x40, "n", String(i))).error).toBe(0);
    // 361 is the oldest: 127 + 234.
    expect(decodeBlock(decoder, hex("ffea01")).pairs).toEqual([["n", "0"]]);
    expect(decodeBlock(decoder, hex("be")).pairs).toEqual([["n", "299"]]);
    expect(tableOf(decoder)).toHaveLength(300);
    expect(decodeBlock(decoder, hex("ffeb01")).error).toBe(HPACK_ERROR.index);
  });

  it("name a literal, from either table and in all three forms", () => {
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, literal(0x40, "x-own", "1"));
    // 62 is 63 - 1 behind six bits, 15 + 47 behind four.
    const record = decodeBlock(decoder, hex("7e0132 0f300133 1f300134 0f020135"));
    expect(record.pairs).toEqual([
      ["x-own", "2"],
      ["x-own", "3"],
      ["x-own", "4"],
      ["accept-language", "5"],
    ]);
    expect(record.neverIndexed).toEqual([false, false, true, false]);
  });
});

describe("integers", () => {
  it("end within the block", () => {
    for (const block of ["ff", "ff80", "7f", "0f", "1f", "3f", "3f80", "007f", "0001617f80"])
      expect(errorOf(block), block).toBe(HPACK_ERROR.truncated);
  });

  it("have at most 31 bits, and no endless octets", () => {
    expect(errorOf("ffffffffff0f")).toBe(HPACK_ERROR.integerOverflow);
    expect(errorOf("ff8080808008")).toBe(HPACK_ERROR.integerOverflow);
    expect(errorOf("ff80808080808000")).toBe(HPACK_ERROR.integerOverflow);
    expect(errorOf(`ff${"80".repeat(1000)}`)).toBe(HPACK_ERROR.integerOverflow);
    // 0x7fffffff and one more.
    expect(errorOf("3fe0ffffff07", 0x7fffffff)).toBe(HPACK_ERROR.ok);
    expect(errorOf("3fe1ffffff07", 0x7fffffff)).toBe(HPACK_ERROR.integerOverflow);
    expect(errorOf("7fffffffff7f0161")).toBe(HPACK_ERROR.integerOverflow);
    expect(errorOf("007fffffffff7f")).toBe(HPACK_ERROR.integerOverflow);
  });

  it("may be written with needless octets", () => {
    const decoder = new HpackDecoder(4096);
    expect(decodeBlock(decoder, hex("0f8080800001 78")).pairs).toEqual([["accept-charset", "x"]]);
  });
});

describe("strings", () => {
  it("end within the block", () => {
    for (const block of ["00", "0001", "000161", "00016102", "0001610262", "4001", "40ff", "7e"])
      expect(errorOf(block) !== HPACK_ERROR.ok, block).toBe(true);
    expect(errorOf("0001610262")).toBe(HPACK_ERROR.truncated);
  });

  it("longer than the block cost nothing but an error", () => {
    expect(errorOf("007fffffff03")).toBe(HPACK_ERROR.truncated);
  });

  it("of bad Huffman coding are refused, in names and values", () => {
    expect(errorOf("0081ff0161")).toBe(HPACK_ERROR.huffman);
    expect(errorOf("00016181ff")).toBe(HPACK_ERROR.huffman);
    expect(errorOf("00016184ffffffff")).toBe(HPACK_ERROR.huffman);
  });

  it("may be empty, and may mix codings", () => {
    expect(decodeBlock(new HpackDecoder(4096), hex("00 0161 80")).pairs).toEqual([["a", ""]]);
    expect(decodeBlock(new HpackDecoder(4096), hex("00 0161 00")).pairs).toEqual([["a", ""]]);
  });

  it("keep every octet as one character", () => {
    const all = Buffer.from(Array.from({ length: 120 }, (_, i) => 136 + i));
    const record = decodeBlock(new HpackDecoder(4096), literal(0, "a", all.toString("latin1")));
    expect(record.pairs).toEqual([["a", all.toString("latin1")]]);
    expect(record.faults).toEqual([FIELD_FAULT.none]);
  });
});

describe("the dynamic table", () => {
  it("drops the oldest to make room, by octets and 32 for each entry", () => {
    const decoder = new HpackDecoder(100);
    decodeBlock(decoder, literal(0x40, "a", "1"));
    decodeBlock(decoder, literal(0x40, "b", "2"));
    expect(decoder.tableBytes).toBe(68);
    decodeBlock(decoder, literal(0x40, "c", "3"));
    expect(tableOf(decoder)).toEqual([
      ["c", "3"],
      ["b", "2"],
    ]);
  });

  it("is emptied by an entry larger than it, which is no error", () => {
    const decoder = new HpackDecoder(100);
    decodeBlock(decoder, literal(0x40, "a", "1"));
    const record = decodeBlock(decoder, literal(0x40, "b", "2".repeat(68)));
    expect(record.pairs).toEqual([["b", "2".repeat(68)]]);
    expect(decoder.tableBytes).toBe(0);
    expect(decodeBlock(decoder, hex("be")).error).toBe(HPACK_ERROR.index);
  });

  it("holds an entry of exactly its size", () => {
    const decoder = new HpackDecoder(100);
    decodeBlock(decoder, literal(0x40, "b", "2".repeat(67)));
    expect(decoder.tableBytes).toBe(100);
  });

  it("gives a name from an entry that its own insertion drops (RFC 7541 section 4.4)", () => {
    const decoder = new HpackDecoder(64);
    decodeBlock(decoder, literal(0x40, "x-name", "old"));
    const record = decodeBlock(decoder, hex("7e 056e65 776572"));
    expect(record.pairs).toEqual([["x-name", "newer"]]);
    expect(tableOf(decoder)).toEqual([["x-name", "newer"]]);
  });

  it("may hold one field twice", () => {
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, Buffer.concat([literal(0x40, "a", "1"), literal(0x40, "a", "1")]));
    expect(tableOf(decoder)).toEqual([
      ["a", "1"],
      ["a", "1"],
    ]);
  });

  it("of size 0 takes nothing", () => {
    const decoder = new HpackDecoder(0);
    expect(decodeBlock(decoder, literal(0x40, "a", "1")).pairs).toEqual([["a", "1"]]);
    expect(decoder.tableBytes).toBe(0);
  });

  it("keeps its order over many laps of the ring", () => {
    const decoder = new HpackDecoder(4096);
    for (let i = 0; i < 1000; i++) decodeBlock(decoder, literal(0x40, "lap", String(i).padStart(4, "0")));
    const table = tableOf(decoder);
    expect(table).toHaveLength(Math.floor(4096 / 39));
    expect(table.map(([, value]) => Number(value))).toEqual(table.map((_, i) => 999 - i));
  });
});

describe("size updates", () => {
  it("drop what is too much, and may be raised up to the limit again", () => {
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, Buffer.concat([literal(0x40, "a", "1"), literal(0x40, "b", "2")]));
    expect(decodeBlock(decoder, hex("3f1d")).error).toBe(0);
    expect(tableOf(decoder)).toEqual([["b", "2"]]);
    expect(decodeBlock(decoder, hex("20")).error).toBe(0);
    expect(decoder.tableBytes).toBe(0);
    expect(decodeBlock(decoder, hex("3fe11f")).error).toBe(0);
    expect(decodeBlock(decoder, hex("3fe21f")).error).toBe(HPACK_ERROR.sizeUpdateBound);
  });

  it("stand only at the beginning, at most two of them", () => {
    expect(errorOf("8220")).toBe(HPACK_ERROR.sizeUpdatePosition);
    expect(errorOf("208220")).toBe(HPACK_ERROR.sizeUpdatePosition);
    expect(errorOf("203fe11f82")).toBe(HPACK_ERROR.ok);
    expect(errorOf("2020203fe11f82")).toBe(HPACK_ERROR.sizeUpdatePosition);
    expect(errorOf("20")).toBe(HPACK_ERROR.ok);
    expect(errorOf("")).toBe(HPACK_ERROR.ok);
  });

  it("are owed after the limit was lowered, with the lowest value first", () => {
    const lowered = (block: string): number => {
      const decoder = new HpackDecoder(4096);
      decoder.setMaxDynamicTableSize(100);
      decoder.setMaxDynamicTableSize(1000);
      return decodeBlock(decoder, hex(block)).error;
    };
    expect(lowered("82")).toBe(HPACK_ERROR.sizeUpdateMissing);
    expect(lowered("")).toBe(HPACK_ERROR.sizeUpdateMissing);
    expect(lowered("3fc90782")).toBe(HPACK_ERROR.sizeUpdateMissing);
    expect(lowered("3f4582")).toBe(HPACK_ERROR.ok);
    expect(lowered("3f453fc90782")).toBe(HPACK_ERROR.ok);
    expect(lowered("203fc90782")).toBe(HPACK_ERROR.ok);
    expect(lowered("203fca0782")).toBe(HPACK_ERROR.sizeUpdateBound);
  });

  it("are not owed where the limit is above what the peer uses", () => {
    const decoder = new HpackDecoder(4096);
    decodeBlock(decoder, hex("3f45"));
    decoder.setMaxDynamicTableSize(200);
    expect(decodeBlock(decoder, hex("82")).error).toBe(HPACK_ERROR.ok);
    decoder.setMaxDynamicTableSize(8192);
    expect(decodeBlock(decoder, hex("82")).error).toBe(HPACK_ERROR.ok);
    expect(decodeBlock(decoder, hex("3fe13f82")).error).toBe(HPACK_ERROR.ok);
  });
});

describe("what it tells of a field", () => {
  const cases: ReadonlyArray<readonly [string, string, number]> = [
    ["x-legal", "a b\tc~\xff", FIELD_FAULT.none],
    [":path", "/", FIELD_FAULT.none],
    ["", "a", FIELD_FAULT.name],
    [":", "a", FIELD_FAULT.name],
    ["X-Upper", "a", FIELD_FAULT.name],
    ["a b", "a", FIELD_FAULT.name],
    ["a:b", "a", FIELD_FAULT.name],
    ["::a", "a", FIELD_FAULT.name],
    ["a\r\nb", "a", FIELD_FAULT.name],
    ["a\x7f", "a", FIELD_FAULT.name],
    ["a\xe9", "a", FIELD_FAULT.name],
    ["x-nul", "a\0b", FIELD_FAULT.value],
    ["x-cr", "a\rb", FIELD_FAULT.value],
    ["x-lf", "a\nb", FIELD_FAULT.value],
    ["x-del", "a\x7fb", FIELD_FAULT.value],
    ["x-space", " a", FIELD_FAULT.whitespace],
    ["x-tab", "a\t", FIELD_FAULT.whitespace],
    ["x-blank", " ", FIELD_FAULT.whitespace],
    ["x-empty", "", FIELD_FAULT.none],
    ["X-All", " \0", FIELD_FAULT.name | FIELD_FAULT.value | FIELD_FAULT.whitespace],
  ];

  for (const [name, value, faults] of cases) {
    it(`${JSON.stringify(name)}: ${JSON.stringify(value)} has faults ${faults}, in any form, coding and repetition`, () => {
      for (const make of [literal, huffmanLiteral]) {
        const decoder = new HpackDecoder(4096);
        for (const form of [0x40, 0x00, 0x10, 0x00, 0x40]) {
          const record = decodeBlock(decoder, make(form, name, value));
          expect(record.error).toBe(0);
          expect(record.pairs).toEqual([[name, value]]);
          expect(record.faults).toEqual([faults]);
        }
        // From the table, as a field and as a name.
        expect(decodeBlock(decoder, hex("be")).faults).toEqual([faults]);
        expect(decodeBlock(decoder, hex("7e0161")).faults).toEqual([faults & FIELD_FAULT.name]);
      }
    });
  }
});

describe("the sink", () => {
  it("that has enough is left in peace, and the table stays right", () => {
    const decoder = new HpackDecoder(4096);
    const block = Buffer.concat([
      literal(0x40, "a", "1"),
      literal(0x40, "b", "2"),
      hex("82"),
      literal(0x10, "c", "3"),
      hex("be"),
    ]);
    const record = decodeBlock(decoder, block, 1);
    expect(record.error).toBe(0);
    expect(record.pairs).toEqual([["a", "1"]]);
    expect(tableOf(decoder)).toEqual([
      ["b", "2"],
      ["a", "1"],
    ]);
  });

  it("hears what stands before an error; after it the decoder says the same for ever", () => {
    const decoder = new HpackDecoder(4096);
    const record = decodeBlock(decoder, hex("8280"));
    expect(record.pairs).toEqual([[":method", "GET"]]);
    expect(record.error).toBe(HPACK_ERROR.index);
    const after = decodeBlock(decoder, hex("82"));
    expect(after.pairs).toEqual([]);
    expect(after.error).toBe(HPACK_ERROR.index);
  });
});

describe("shared fields", () => {
  it("are one object for all connections from their second sight on", () => {
    const block = literal(0x40, "x-shared", "the same for all");
    const seen = [1, 2, 3, 4].map(() => decodeBlock(new HpackDecoder(4096), block).fields[0]!);
    expect(seen[2]).toBe(seen[1]);
    expect(seen[3]).toBe(seen[1]);
    expect(seen[0]).toEqual(seen[1]);
  });

  it("of the table are the objects that went in", () => {
    const decoder = new HpackDecoder(4096);
    const first = decodeBlock(decoder, literal(0x40, "x-once", "kept by the table")).fields[0];
    expect(decodeBlock(decoder, hex("be")).fields[0]).toBe(first);
  });

  it("are told apart by name, by value and by every octet", () => {
    for (let round = 0; round < 4; round++) {
      for (const name of ["x-one", "x-two"]) {
        for (let i = 0; i < 64; i++) {
          const value = `${"v".repeat(i)}w${"v".repeat(63 - i)}`;
          expect(decodeBlock(new HpackDecoder(4096), literal(0, name, value)).pairs).toEqual([[name, value]]);
        }
      }
    }
  });

  it("are neither secrets nor never-indexed ones", () => {
    for (const [form, name] of [
      [0x00, "authorization"],
      [0x40, "cookie"],
      [0x00, "x-api-key"],
      [0x10, "x-plain"],
    ] as const) {
      const block = literal(form, name, "hidden value");
      const seen = [1, 2, 3].map(() => decodeBlock(new HpackDecoder(4096), block).fields[0]!);
      expect(new Set(seen).size).toBe(3);
    }
  });

  it("do not make a never-indexed one of the same octets lose its mark, or the other way round", () => {
    for (let i = 0; i < 3; i++) {
      const plain = decodeBlock(new HpackDecoder(4096), literal(0x00, "x-both", "ways"));
      const never = decodeBlock(new HpackDecoder(4096), literal(0x10, "x-both", "ways"));
      expect(plain.fields[0]).not.toBeInstanceOf(NeverIndexedField);
      expect(never.fields[0]).toBeInstanceOf(NeverIndexedField);
    }
  });
});

describe("never indexed", () => {
  it("goes through a proxy: decoder, header map, encoder, decoder", () => {
    const decoder = new HpackDecoder(4096);
    const { fields } = decodeBlock(decoder, literal(0x10, "x-api", "s3cret"));
    const block = encodeBlock(new HpackEncoder(), [...fields, ...fieldsOf([["x-free", "a"]])]);
    const record = decodeBlock(new HpackDecoder(4096), block);
    expect(record.pairs).toEqual([
      ["x-api", "s3cret"],
      ["x-free", "a"],
    ]);
    expect(record.neverIndexed).toEqual([true, false]);
    expect(record.fields[0]).toBeInstanceOf(HeaderField);
  });
});
