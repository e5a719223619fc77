/** Arbitrary header blocks: instructions that are mostly legal, then perhaps cut or with an octet changed. */
import fc from "fast-check";
import { writeHuffman } from "../../../packages/core/src/http/codec/h2/hpack/huffman.ts";

export function integer(form: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.of(form | value);
  const octets = [form | mask];
  let rest = value - mask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push(0x80 | (rest & 0x7f));
  return Buffer.from([...octets, rest]);
}

export function plain(text: string): Buffer {
  return Buffer.concat([integer(0, 0x7f, text.length), Buffer.from(text, "latin1")]);
}

export function huffman(text: string): Buffer {
  const bytes = Buffer.alloc(text.length * 4);
  const end = writeHuffman(text, bytes, 0);
  return Buffer.concat([integer(0x80, 0x7f, end), bytes.subarray(0, end)]);
}

const octets = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
const text = fc.oneof(
  fc.constantFrom("", "a", "x-name", "X-Upper", ":path", "some value", "z".repeat(130), "a\0\r\n", "\xff\x80"),
  fc.string({ maxLength: 12 }),
);
const string = fc.oneof(
  { weight: 6, arbitrary: text.map((s) => plain(Buffer.from(s).toString("latin1"))) },
  { weight: 6, arbitrary: text.map((s) => huffman(Buffer.from(s).toString("latin1"))) },
  // Huffman or not, whatever comes.
  { weight: 2, arbitrary: octets.map((bytes) => Buffer.concat([Buffer.of(0x80 | bytes.length), bytes])) },
  { weight: 1, arbitrary: octets.map((bytes) => Buffer.concat([Buffer.of(bytes.length), bytes])) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("81ff", "82fffe", "84ffffffff", "ffff", "ffffffffff0f")
      .map((s) => Buffer.from(s, "hex")),
  },
);
const index = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 63 }) }, fc.nat(300), fc.constant(0x7fffffff));
const FORMS: ReadonlyArray<readonly [number, number]> = [
  [0x40, 0x3f],
  [0x40, 0x3f],
  [0x00, 0x0f],
  [0x10, 0x0f],
];
const literal = fc
  .tuple(fc.constantFrom(...FORMS), fc.oneof(index, string), string)
  .map(([[form, mask], name, value]) =>
    Buffer.concat([
      typeof name === "number" ? integer(form, mask, name) : Buffer.concat([Buffer.of(form), name]),
      value,
    ]),
  );

const instruction = fc.oneof(
  { weight: 8, arbitrary: literal },
  { weight: 6, arbitrary: index.map((i) => integer(0x80, 0x7f, i)) },
  { weight: 1, arbitrary: octets },
);

const change = fc.oneof(
  { weight: 6, arbitrary: fc.constant((block: Buffer) => block) },
  { weight: 1, arbitrary: fc.nat(200).map((at) => (block: Buffer) => block.subarray(0, at)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(200), fc.nat(255)).map(([at, octet]) => (block: Buffer) => {
      if (at < block.length) block[at] = octet;
      return block;
    }),
  },
);

/** Fields only: no size update is meant, though a change may make one. */
export const instructions = fc
  .tuple(fc.array(instruction, { maxLength: 8 }), change)
  .map(([parts, apply]) => apply(Buffer.concat(parts)));

export const sizeUpdates = fc
  .array(fc.oneof(fc.nat(4096), fc.constantFrom(0, 4096, 4097, 0x7fffffff)), { maxLength: 2 })
  .map((sizes) => Buffer.concat(sizes.map((size) => integer(0x20, 0x1f, size))));
