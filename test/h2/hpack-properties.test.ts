/**
 * HPACK by itself: what the encoder writes the decoder reads, whatever the lists and table sizes; whatever octets come, the decoder answers with a code, within bounds, and
 * leaves a table that is as large as it says. `SLUICE_FUZZ_RUNS` searches longer.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../../packages/core/src/http/codec/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../packages/core/src/http/codec/h2/hpack/encoder.ts";
import { HPACK_ERROR } from "../../packages/core/src/http/codec/h2/hpack/hpack-error.ts";
import {
  decodeBlock,
  encodeBlock,
  fieldsOf,
  tableOf,
} from "../../packages/core/src/http/codec/h2/hpack/recorded-block.ts";
import { instructions, sizeUpdates } from "./support/blocks.ts";
import { type ArbitraryField, fieldList, made, tableSize } from "./support/fields.ts";

const runs = Number(process.env["SLUICE_FUZZ_RUNS"] ?? 400);
const ERRORS = new Set<number>(Object.values(HPACK_ERROR));

type Step = readonly ArbitraryField[] | number;

describe("encoder and decoder", () => {
  it("agree on every list, on what is never indexed and on the table, while its limit moves", () => {
    fc.assert(
      fc.property(
        tableSize,
        fc.array(fc.oneof<fc.Arbitrary<Step>[]>(fieldList, fieldList, fieldList, tableSize), { maxLength: 30 }),
        (most, steps) => {
          const encoder = new HpackEncoder(most);
          const decoder = new HpackDecoder(4096);
          for (const one of steps) {
            if (typeof one === "number") {
              encoder.setMaxDynamicTableSize(one);
              decoder.setMaxDynamicTableSize(one);
              continue;
            }
            const { error, pairs, neverIndexed, faults } = decodeBlock(decoder, encodeBlock(encoder, one.map(made)));
            expect(error).toBe(HPACK_ERROR.ok);
            expect(pairs).toEqual(one.map(({ name, value }) => [name, value]));
            expect(faults.every((bits) => bits === 0)).toBe(true);
            for (const [i, { never }] of one.entries()) if (never) expect(neverIndexed[i]).toBe(true);
            expect(decoder.tableBytes).toBe(encoder.tableBytes);
            expect(encoder.tableBytes).toBeLessThanOrEqual(most);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it("carry lists over two hops: the objects of the first decoder go into the second encoder, again and again", () => {
    fc.assert(
      fc.property(
        fc.array(fieldList, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(3), fc.option(tableSize)), { maxLength: 40 }),
        (lists, turns) => {
          const first = new HpackEncoder();
          const middle = new HpackDecoder(4096);
          const second = new HpackEncoder();
          const last = new HpackDecoder(4096);
          for (const [which, size] of turns) {
            if (size !== null) {
              second.setMaxDynamicTableSize(size);
              last.setMaxDynamicTableSize(size);
            }
            const list = lists[which % lists.length]!;
            const { fields } = decodeBlock(middle, encodeBlock(first, list.map(made)));
            const { error, pairs, neverIndexed } = decodeBlock(last, encodeBlock(second, fields));
            expect(error).toBe(HPACK_ERROR.ok);
            expect(pairs).toEqual(list.map(({ name, value }) => [name, value]));
            for (const [i, { never }] of list.entries()) if (never) expect(neverIndexed[i]).toBe(true);
            expect(last.tableBytes).toBe(second.tableBytes);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it("need no more octets than a literal of every field would", () => {
    fc.assert(
      fc.property(fc.array(fieldList, { maxLength: 10 }), (lists) => {
        const encoder = new HpackEncoder();
        for (const list of lists) {
          let most = 0;
          for (const { name, value } of list) most += 1 + 3 + name.length + 3 + value.length;
          expect(encodeBlock(encoder, list.map(made)).length).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("the decoder", () => {
  it("answers any octets with a code, and goes on only after legal ones", () => {
    const codes = new Map<number, number>();
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 60 }),
            instructions,
            fc.tuple(sizeUpdates, instructions).map(Buffer.concat),
          ),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        tableSize,
        (blocks, size) => {
          const decoder = new HpackDecoder(size);
          let failed: number = HPACK_ERROR.ok;
          for (const block of blocks) {
            // As a part of a larger buffer, as it comes from a socket.
            const around = Buffer.concat([Buffer.alloc(5, 0xff), block, Buffer.alloc(5, 0x82)]);
            const { error, fields } = decodeBlock(decoder, around.subarray(5, 5 + block.length));
            expect(ERRORS).toContain(error);
            if (failed !== HPACK_ERROR.ok) {
              expect(error).toBe(failed);
              expect(fields).toEqual([]);
            }
            failed = error;
            codes.set(error, (codes.get(error) ?? 0) + 1);
            // An octet makes one field at most.
            expect(fields.length).toBeLessThanOrEqual(block.length);
            expect(decoder.tableBytes).toBeLessThanOrEqual(size);
          }
          if (failed === HPACK_ERROR.ok) tableOf(decoder);
        },
      ),
      { numRuns: runs * 5 },
    );
    for (const code of ERRORS)
      if (code !== HPACK_ERROR.sizeUpdateMissing) expect(codes.get(code) ?? 0, String(code)).toBeGreaterThan(0);
  });

  it("says of a block in two pieces what it says of the whole, where both pieces are legal", () => {
    fc.assert(
      fc.property(fieldList, fieldList, (first, second) => {
        const encoder = new HpackEncoder();
        const head = encodeBlock(encoder, first.map(made));
        const tail = encodeBlock(encoder, second.map(made));
        const apart = new HpackDecoder(4096);
        const together = new HpackDecoder(4096);
        const pairs = [...decodeBlock(apart, head).pairs, ...decodeBlock(apart, tail).pairs];
        expect(decodeBlock(together, Buffer.concat([head, tail])).pairs).toEqual(pairs);
        expect(tableOf(together)).toEqual(tableOf(apart));
      }),
      { numRuns: 100 },
    );
  });

  it("forgets the block: what is written over it afterwards changes no field", () => {
    fc.assert(
      fc.property(fieldList, (list) => {
        const block = encodeBlock(new HpackEncoder(), list.map(made));
        const decoder = new HpackDecoder(4096);
        const record = decodeBlock(decoder, block);
        const table = tableOf(decoder);
        block.fill(0xee);
        expect(record.pairs).toEqual(
          fieldsOf(list.map(({ name, value }) => [name, value] as const)).map((f) => [f.name, f.value]),
        );
        expect(tableOf(decoder)).toEqual(table);
      }),
      { numRuns: 100 },
    );
  });
});
