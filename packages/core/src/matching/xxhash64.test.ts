import fc from "fast-check";
import { expect, test } from "vitest";
import { XxHash64 } from "./xxhash64.ts";

function hash(text: string, seed = 0n): bigint {
  const made = new XxHash64(seed).update(text);
  return (BigInt(made.high) << 32n) | BigInt(made.low);
}

// Published with the algorithm and its libraries.
test.each([
  ["", 0n, 0xef46db3751d8e999n],
  ["a", 0n, 0xd24ec4f1a98c6e5bn],
  ["abc", 0n, 0x44bc2cf5ad770999n],
  ["Nobody inspects the spammish repetition", 0n, 0xfbcea83c8a378bf1n],
  ["xxhash", 20141025n, 13067679811253438005n],
])("%j with seed %d", (text, seed, expected) => {
  expect(hash(text, seed)).toBe(expected);
});

const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const rotate = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (64n - bits))) & MASK;
const mix = (accumulator: bigint, lane: bigint): bigint => (rotate((accumulator + lane * P2) & MASK, 31n) * P1) & MASK;

/** The specification, in big integers. */
function specified(bytes: Buffer, seed: bigint): bigint {
  let at = 0;
  let result: bigint;
  if (bytes.length >= 32) {
    const lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map((lane) => lane & MASK);
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = mix(lanes[i]!, bytes.readBigUInt64LE(at + 8 * i));
    result = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => (sum + rotate(lanes[i]!, bits)) & MASK, 0n);
    for (const lane of lanes) result = ((result ^ mix(0n, lane)) * P1 + P4) & MASK;
  } else result = (seed + P5) & MASK;
  result = (result + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8)
    result = (rotate(result ^ mix(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
  if (at + 4 <= bytes.length) {
    result = (rotate(result ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) result = (rotate(result ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK;
  result = ((result ^ (result >> 33n)) * P2) & MASK;
  result = ((result ^ (result >> 29n)) * P3) & MASK;
  return result ^ (result >> 32n);
}

test("it is what the specification says, for all lengths and seeds", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.bigInt({ min: 0n, max: MASK }), (bytes, seed) => {
      const buffer = Buffer.from(bytes);
      expect(hash(buffer.toString("latin1"), seed)).toBe(specified(buffer, seed));
    }),
  );
});

test("texts beyond latin1 are hashed as UTF-8", () => {
  expect(hash("grüße €")).toBe(specified(Buffer.from("grüße €"), 0n));
});

test("the modulus is exact", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 32 - 1 }), (text, divisor) => {
      expect(BigInt(new XxHash64(7n).update(text).modulo(divisor))).toBe(hash(text, 7n) % BigInt(divisor));
    }),
  );
});
