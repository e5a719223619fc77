/**
 * Hot path: docs/extending/hot-path-rules.md. HPACK decoder (RFC 7541): a header block in, interned fields out. An indexed field costs an array read and a call. It judges
 * the encoding alone: what is wrong with a field itself is handed over as bits, for the stream to act on.
 */
import { HeaderField } from "../../../headers/field.ts";
import { latin1 } from "../../h1/bytes.ts";
import { BlockReader } from "./block-reader.ts";
import { edgeFaults, nameFaults, valueFaults } from "./characters.ts";
import { DecoderTable } from "./decoder-table.ts";
import { FIELD_FAULT, type FieldSink } from "./field-sink.ts";
import { HPACK_ERROR, type HpackError } from "./hpack-error.ts";
import { HuffmanDecoder } from "./huffman.ts";
import { LiteralCache } from "./literal-cache.ts";
import { NeverIndexedField } from "./never-indexed-field.ts";
import { STATIC_FIELDS, STATIC_SIZE } from "./static-table.ts";

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER = 0x10;

/** One per thread: modules are. */
const huffman = new HuffmanDecoder();
const cache = new LiteralCache();

export class HpackDecoder {
  readonly #table: DecoderTable;
  readonly #reader: BlockReader;
  /** What an update may set. */
  #maxBytes: number;
  /** Our limit was lowered: the next block must begin with an update to this or less. -1: it need not. */
  #owedBytes: number;
  #error: HpackError;
  /** Of the literal that is being read. */
  #nameFaults: number;
  #faults: number;

  /** `maxDynamicTableSize`: SETTINGS_HEADER_TABLE_SIZE as the peer knows it now, in octets. */
  constructor(maxDynamicTableSize: number) {
    this.#table = new DecoderTable();
    this.#reader = new BlockReader();
    this.#maxBytes = maxDynamicTableSize;
    this.#owedBytes = -1;
    this.#error = HPACK_ERROR.ok;
    this.#nameFaults = 0;
    this.#faults = 0;
    if (maxDynamicTableSize < this.#table.maxBytes) this.#table.resize(maxDynamicTableSize);
  }

  /** Octets that the dynamic table holds, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * Our SETTINGS_HEADER_TABLE_SIZE has another value. MUST be called when the peer acknowledged it, not when it was sent: until then the peer encodes by the
   * old one. A lowered one obliges the peer to begin its next block with an update.
   */
  setMaxDynamicTableSize(bytes: number): void {
    this.#maxBytes = bytes;
    if (bytes < this.#table.maxBytes && (this.#owedBytes === -1 || bytes < this.#owedBytes)) this.#owedBytes = bytes;
  }

  /**
   * A whole header block, which stands in `bytes` from `from` to `to`; every field of it goes to `sink`, also those before an error. Nothing of `bytes` is kept.
   * After an error the decoder is dead: its table is no longer the peer's, and it returns the same error for ever.
   */
  decode(bytes: Uint8Array, sink: FieldSink, from = 0, to: number = bytes.length): HpackError {
    if (this.#error !== HPACK_ERROR.ok) return this.#error;
    this.#reader.open(bytes, from, to);
    let error = this.#sizeUpdates();
    if (error === HPACK_ERROR.ok) error = this.#fields(sink);
    this.#reader.close();
    this.#error = error;
    return error;
  }

  #fields(sink: FieldSink): HpackError {
    const reader = this.#reader;
    const table = this.#table;
    const { bytes, end } = reader;
    let { at } = reader;
    let isWanted = true;
    while (at < end) {
      const first = bytes[at++]!;
      if (first >= INDEXED) {
        let index = first & 0x7f;
        if (index === 0x7f) {
          reader.at = at;
          index = reader.integer(0x7f);
          if (index < 0) return -index as HpackError;
          at = reader.at;
        }
        if (index <= STATIC_SIZE) {
          if (index === 0) return HPACK_ERROR.index;
          if (isWanted) isWanted = sink.onField(STATIC_FIELDS[index]!, false, FIELD_FAULT.none);
          continue;
        }
        const slot = table.slot(index);
        if (slot === -1) return HPACK_ERROR.index;
        if (isWanted) isWanted = sink.onField(table.fields[slot]!, false, table.faults[slot]!);
        continue;
      }
      reader.at = at;
      if (first >= INCREMENTAL) {
        const field = this.#literal(first, 0x3f, false);
        if (field === null) return this.#error;
        table.add(field, this.#faults);
        if (isWanted) isWanted = sink.onField(field, false, this.#faults);
      } else if (first >= SIZE_UPDATE) {
        return HPACK_ERROR.sizeUpdatePosition;
      } else {
        const isNever = first >= NEVER;
        const field = this.#literal(first, 0x0f, isNever);
        if (field === null) return this.#error;
        if (isWanted) isWanted = sink.onField(field, isNever, this.#faults);
      }
      at = reader.at;
    }
    return HPACK_ERROR.ok;
  }

  /** The one or two updates that a block may begin with. */
  #sizeUpdates(): HpackError {
    const reader = this.#reader;
    for (let updates = 0; ; updates++) {
      const first = reader.at < reader.end ? reader.bytes[reader.at]! : 0;
      if ((first & 0xe0) !== SIZE_UPDATE) {
        return this.#owedBytes === -1 ? HPACK_ERROR.ok : HPACK_ERROR.sizeUpdateMissing;
      }
      // The smallest size since the last block and the final one: there is no third (RFC 7541 section 4.2).
      if (updates === 2) return HPACK_ERROR.sizeUpdatePosition;
      reader.at++;
      let size = first & 0x1f;
      if (size === 0x1f) {
        size = reader.integer(0x1f);
        if (size < 0) return -size as HpackError;
      }
      if (size > this.#maxBytes) return HPACK_ERROR.sizeUpdateBound;
      if (this.#owedBytes !== -1) {
        if (size > this.#owedBytes) return HPACK_ERROR.sizeUpdateMissing;
        this.#owedBytes = -1;
      }
      this.#table.resize(size);
    }
  }

  /** The literal whose first octet was read; null after an error. Its faults are in `#faults`. */
  #literal(first: number, mask: number, isNever: boolean): HeaderField | null {
    const name = this.#name(first & mask, mask);
    if (name === null) return null;
    const reader = this.#reader;
    const error = reader.string();
    if (error !== HPACK_ERROR.ok) return this.#fail(error);
    if (!isNever && this.#nameFaults === FIELD_FAULT.none) {
      const known = cache.field(reader, name);
      if (known !== null) {
        this.#faults = FIELD_FAULT.none;
        return known;
      }
    }
    const value = this.#value();
    if (value === null) return null;
    this.#faults |= this.#nameFaults;
    if (isNever) return new NeverIndexedField(name, value);
    const field = new HeaderField(name, value);
    if (this.#faults === FIELD_FAULT.none) cache.keepField(reader, field);
    return field;
  }

  /** The literal's name; null after an error. Its faults are in `#nameFaults`. */
  #name(prefix: number, mask: number): string | null {
    const reader = this.#reader;
    this.#nameFaults = FIELD_FAULT.none;
    if (prefix !== 0) {
      const index = prefix === mask ? reader.integer(mask) : prefix;
      if (index < 0) return this.#fail(-index as HpackError);
      if (index <= STATIC_SIZE) return STATIC_FIELDS[index]!.name;
      const slot = this.#table.slot(index);
      if (slot === -1) return this.#fail(HPACK_ERROR.index);
      this.#nameFaults = this.#table.faults[slot]! & FIELD_FAULT.name;
      return this.#table.fields[slot]!.name;
    }
    const error = reader.string();
    if (error !== HPACK_ERROR.ok) return this.#fail(error);
    const known = cache.name(reader);
    if (known !== "") return known;
    const { bytes, start, length } = reader;
    let name: string;
    if (reader.isHuffman) {
      const decoded = huffman.decode(bytes, start, start + length);
      if (decoded === -1) return this.#fail(HPACK_ERROR.huffman);
      this.#nameFaults = nameFaults(huffman.bytes, 0, decoded);
      name = latin1(huffman.bytes, 0, decoded);
    } else {
      this.#nameFaults = nameFaults(bytes, start, start + length);
      name = latin1(bytes, start, start + length);
    }
    if (this.#nameFaults === FIELD_FAULT.none) cache.keepName(reader, name);
    return name;
  }

  /** The literal's value, which the reader is at; null after an error. Its faults are in `#faults`. */
  #value(): string | null {
    const { bytes, start, length, isHuffman } = this.#reader;
    if (!isHuffman) {
      this.#faults = valueFaults(bytes, start, start + length);
      return latin1(bytes, start, start + length);
    }
    const decoded = huffman.decode(bytes, start, start + length);
    if (decoded === -1) return this.#fail(HPACK_ERROR.huffman);
    this.#faults = edgeFaults(huffman.bytes, 0, decoded) | (huffman.hasIllegal ? FIELD_FAULT.value : FIELD_FAULT.none);
    return latin1(huffman.bytes, 0, decoded);
  }

  #fail(error: HpackError): null {
    this.#error = error;
    return null;
  }
}
