/** Test support: what a decoder made of a block, as plain values; and blocks written as hex. */
import { HeaderField } from "../../../headers/field.ts";
import { ByteSink } from "./byte-sink.ts";
import type { HpackDecoder } from "./decoder.ts";
import type { HpackEncoder } from "./encoder.ts";
import type { FieldSink } from "./field-sink.ts";
import type { HpackError } from "./hpack-error.ts";

export type Pair = readonly [name: string, value: string];

export class RecordedBlock implements FieldSink {
  readonly fields: HeaderField[] = [];
  readonly neverIndexed: boolean[] = [];
  readonly faults: number[] = [];
  error: HpackError = 0;
  readonly #limit: number;

  /** `limit`: how many fields are wanted. */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  onField(field: HeaderField, neverIndexed: boolean, faults: number): boolean {
    if (this.fields.length >= this.#limit) throw new Error("called after it had enough");
    this.fields.push(field);
    this.neverIndexed.push(neverIndexed);
    this.faults.push(faults);
    return this.fields.length < this.#limit;
  }

  get pairs(): Pair[] {
    return this.fields.map(({ name, value }) => [name, value]);
  }
}

export function decodeBlock(decoder: HpackDecoder, block: Uint8Array, limit?: number): RecordedBlock {
  const record = new RecordedBlock(limit);
  record.error = decoder.decode(block, record);
  return record;
}

/** White space is ignored. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

export function encodeBlock(encoder: HpackEncoder, fields: readonly HeaderField[]): Buffer {
  const out = new ByteSink(16);
  encoder.encode(fields, out);
  return Buffer.from(out.view());
}

export function fieldsOf(pairs: readonly Pair[]): HeaderField[] {
  return pairs.map(([name, value]) => new HeaderField(name, value));
}

/** The dynamic table, newest first, as its indices give it. */
export function tableOf(decoder: HpackDecoder): Pair[] {
  const pairs: Pair[] = [];
  for (let size = decoder.tableBytes, index = 62; size > 0; index++) {
    const octets = index < 127 ? [0x80 | index] : [0xff, ((index - 127) & 0x7f) | 0x80, (index - 127) >> 7];
    const { fields } = decodeBlock(decoder, Uint8Array.from(octets));
    const { name, value } = fields[0]!;
    pairs.push([name, value]);
    size -= name.length + value.length + 32;
  }
  return pairs;
}
