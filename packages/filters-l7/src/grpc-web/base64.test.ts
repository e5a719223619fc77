import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { Base64Decoder, Base64Encoder } from "./base64.ts";

const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });

function decoded(text: string, size = text.length): Buffer | null {
  const decoder = new Base64Decoder();
  const bytes: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += size) {
    const some = decoder.decode(Buffer.from(text.slice(at, at + size), "latin1"));
    if (some === null) return null;
    bytes.push(new Uint8Array(some));
  }
  return decoder.isWhole ? Buffer.concat(bytes) : null;
}

describe("the encoder", () => {
  it("writes what Node does, in any pieces", () => {
    fc.assert(
      fc.property(pieces, (list) => {
        const encoder = new Base64Encoder();
        let text = "";
        for (const piece of list) text += encoder.encode(piece, 0, piece.length);
        expect(text + encoder.flush()).toBe(Buffer.concat(list).toString("base64"));
      }),
    );
  });
});

describe("the decoder", () => {
  it("reads what was encoded at once or message by message, in any pieces", () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 9 }), (list, size) => {
        const all = Buffer.concat(list);
        expect(decoded(all.toString("base64"), size)).toEqual(all);
        expect(decoded(list.map((piece) => Buffer.from(piece).toString("base64")).join(""), size)).toEqual(all);
      }),
    );
  });

  test.each(["AAA", "AA", "A", "AAA*", "AAA\n", "AA=A", "A===", "====", "=AAA", "AB==", "AAB=", "AA-_", "AAAA="])(
    "%j is none",
    (text) => {
      for (const size of [1, 3, 4]) expect(decoded(text, size)).toBeNull();
    },
  );
});
