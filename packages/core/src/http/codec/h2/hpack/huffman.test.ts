/** The Huffman code against itself, and against a decoder that goes bit by bit through the list of codes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODES, CODE_LENGTHS, EOS } from "./huffman-codes.ts";
import { HuffmanDecoder, huffmanLength, writeHuffman } from "./huffman.ts";

const decoder = new HuffmanDecoder();

function coded(text: string): Buffer {
  const bytes = Buffer.alloc(text.length * 4);
  return bytes.subarray(0, writeHuffman(text, bytes, 0));
}

function decoded(bytes: Uint8Array): string | null {
  const length = decoder.decode(bytes, 0, bytes.length);
  return length === -1 ? null : decoder.bytes.toString("latin1", 0, length);
}

/** Bits as text, most significant first, filled up with ones. */
function fromBits(bits: string): Buffer {
  const filled = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from((filled.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}

function bitsOf(symbol: number): string {
  return CODES[symbol]!.toString(2).padStart(CODE_LENGTHS[symbol]!, "0");
}

const symbolByBits = new Map<string, number>();
for (let symbol = 0; symbol <= EOS; symbol++) symbolByBits.set(bitsOf(symbol), symbol);

function slowlyDecoded(bytes: Uint8Array): string | null {
  let text = "";
  let bits = "";
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, "0")) {
      bits += bit;
      const symbol = symbolByBits.get(bits);
      if (symbol === undefined) continue;
      if (symbol === EOS) return null;
      text += String.fromCharCode(symbol);
      bits = "";
    }
  }
  return bits.length < 8 && !bits.includes("0") ? text : null;
}

const ALL = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
const latin1 = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

describe("the code", () => {
  it("is a whole prefix code", () => {
    let kraft = 0;
    for (const length of CODE_LENGTHS) kraft += 2 ** -length;
    expect(kraft).toBe(1);
    expect(symbolByBits.size).toBe(257);
  });

  it("has the values of RFC 7541 appendix B", () => {
    const values: ReadonlyArray<readonly [number | string, string]> = [
      [0, "1ff8"],
      [1, "7fffd8"],
      [9, "ffffea"],
      [10, "3ffffffc"],
      [13, "3ffffffd"],
      [22, "3ffffffe"],
      [" ", "14"],
      ["0", "0"],
      ["9", "1f"],
      ["A", "21"],
      ["X", "fc"],
      ["\\", "7fff0"],
      ["z", "7b"],
      ["~", "1ffd"],
      [127, "ffffffc"],
      [128, "fffe6"],
      [203, "7ffffde"],
      [249, "ffffffe"],
      [255, "3ffffee"],
      [EOS, "3fffffff"],
    ];
    for (const [symbol, value] of values)
      expect(CODES[typeof symbol === "string" ? symbol.charCodeAt(0) : symbol]!.toString(16)).toBe(value);
  });
});

describe("strings", () => {
  it("come back, whatever characters they have", () => {
    expect(decoded(coded(ALL))).toBe(ALL);
    expect(decoded(coded(""))).toBe("");
    fc.assert(
      fc.property(latin1, (text) => {
        const bytes = coded(text);
        expect(bytes.length).toBe(huffmanLength(text));
        expect(decoded(bytes)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it("are coded as the list of codes says", () => {
    fc.assert(
      fc.property(latin1, (text) => {
        let bits = "";
        for (const byte of Buffer.from(text, "latin1")) bits += bitsOf(byte);
        expect(coded(text).equals(fromBits(bits))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("of arbitrary octets are judged and read as bit by bit", () => {
    // Ones make the long codes and EOS, which random octets hardly hit.
    const octets = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0xff, 0xfe, 0xfc, 0x7f, 0xf8)), { maxLength: 24 });
    fc.assert(
      fc.property(octets, (bytes) => {
        expect(decoded(Uint8Array.from(bytes))).toBe(slowlyDecoded(Uint8Array.from(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  it("are read from the middle of a buffer, and may be longer than any before", () => {
    const text = "abc/123 ".repeat(1000);
    const bytes = coded(text);
    const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]);
    const length = decoder.decode(around, 3, 3 + bytes.length);
    expect(decoder.bytes.toString("latin1", 0, length)).toBe(text);
  });
});

describe("padding and EOS (RFC 7541 section 5.2)", () => {
  it("accepts up to seven ones", () => {
    for (let extra = 0; extra < 8; extra++) {
      // Codes of five bits until `extra` bits are left of the octet.
      let bits = "";
      while ((8 - (bits.length % 8)) % 8 !== extra) bits += bitsOf(48);
      expect(decoded(fromBits(bits))).toBe("0".repeat(bits.length / 5));
    }
  });

  it("refuses eight ones, which a whole octet of padding is", () => {
    expect(decoded(Buffer.from([0xff]))).toBeNull();
    expect(decoded(Buffer.concat([coded("www"), Buffer.from([0xff])]))).toBeNull();
  });

  it("refuses padding with a zero in it", () => {
    // "0" is 00000: three bits are left.
    expect(decoded(Buffer.from([0b00000_111]))).toBe("0");
    for (const padding of [0b000, 0b011, 0b101, 0b110]) expect(decoded(Buffer.from([padding]))).toBeNull();
  });

  it("refuses EOS wherever it stands", () => {
    expect(decoded(fromBits(bitsOf(EOS)))).toBeNull();
    expect(decoded(fromBits(bitsOf(97) + bitsOf(EOS) + bitsOf(97)))).toBeNull();
    expect(decoded(fromBits(bitsOf(97) + bitsOf(EOS)))).toBeNull();
  });

  it("refuses a code that is cut off", () => {
    const bytes = coded("\u0001");
    expect(decoded(bytes.subarray(0, bytes.length - 1))).toBeNull();
  });
});

describe("what no value may hold", () => {
  it("is noticed on the way", () => {
    for (let symbol = 0; symbol < 256; symbol++) {
      const bytes = coded(`ab${String.fromCharCode(symbol)}cd`);
      decoder.decode(bytes, 0, bytes.length);
      expect(decoder.hasIllegal, String(symbol)).toBe((symbol < 32 && symbol !== 9) || symbol === 127);
    }
  });
});
