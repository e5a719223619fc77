/**
 * Hot path: docs/extending/hot-path-rules.md. HPACK encoder (RFC 7541): fields in, octets appended to a buffer that is used again. A field that the peer's table holds is
 * found by a hash of a few of its characters and costs one or two octets; no text is built for anything.
 */
import type { HeaderField } from "../../../headers/field.ts";
import type { ByteSink } from "./byte-sink.ts";
import { type EncoderEntry, EncoderTable, pairHash } from "./encoder-table.ts";
import { huffmanLength, writeHuffman } from "./huffman.ts";
import { INDEXING, IS_NEVER_FOUND, type NamePolicy, SHORT_COOKIE, namePolicy } from "./indexing-policy.ts";
import { NeverIndexedField } from "./never-indexed-field.ts";
import { DEFAULT_TABLE_BYTES, ENTRY_OVERHEAD, STATIC_FIELDS, STATIC_SIZE } from "./static-table.ts";

interface NativeBytes {
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number;
}
const { latin1Write } = Buffer.prototype as unknown as NativeBytes;

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const WITHOUT = 0x00;
const NEVER = 0x10;
const SIZE_UPDATE = 0x20;
const HUFFMAN = 0x80;

/** An integer of 31 bits behind its prefix. */
const INTEGER_OCTETS = 6;
/** How many varying entries may wait for their first use. */
const MOST_UNPROVEN = 4;
/** Copied by a loop up to here: a native call costs more. */
const LONGEST_LOOP = 48;

const POSITIONS = 32;
const NO_FIELDS: readonly (HeaderField | null)[] = Array.from({ length: POSITIONS }, () => null);
const NO_ENTRIES: readonly (EncoderEntry | null)[] = Array.from({ length: POSITIONS }, () => null);
/** A longer value may be a slice that keeps the head of a message; HTTP/1's cache of lines gives shorter ones a text of their own. */
const LONGEST_REMEMBERED = 96;

const METHOD = 2;
const PATH = 4;
const SCHEME = 6;

const STATUSES = new Map<number, number>();
for (let index = 8; index <= 14; index++) STATUSES.set(Number(STATIC_FIELDS[index]!.value), index);

/**
 * A block is `begin`, then pseudo-headers and fields in order; `encode` is begin and fields in one. Octets are appended at `out.length`, so that a frame's head
 * can stand before them. Names are lower-case and all characters latin1: the caller vouches. What was encoded MUST be sent, in order: the peer's table follows it.
 */
export class HpackEncoder {
  readonly #table: EncoderTable;
  readonly #mostBytes: number;
  /** Smallest size since the last block, where the peer must be told of one; else -1. */
  #smallest: number;
  /** How many fields the block has so far. */
  #position: number;
  /** By position: the field that was found in the table last, and its entry. Connections carry much the same list over and over. */
  readonly #lastFields: (HeaderField | null)[];
  readonly #lastEntries: (EncoderEntry | null)[];

  /** `maxDynamicTableSize`: how much of what the peer allows is used, in octets. Until its SETTINGS come the protocol's 4096 hold. */
  constructor(maxDynamicTableSize: number = DEFAULT_TABLE_BYTES) {
    this.#table = new EncoderTable();
    this.#mostBytes = maxDynamicTableSize;
    this.#smallest = -1;
    this.#position = 0;
    this.#lastFields = NO_FIELDS.slice();
    this.#lastEntries = NO_ENTRIES.slice();
    if (maxDynamicTableSize < DEFAULT_TABLE_BYTES) this.#resize(maxDynamicTableSize);
  }

  /** Octets that the dynamic table holds, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins with the updates that follow from it. */
  setMaxDynamicTableSize(bytes: number): void {
    this.#resize(Math.min(bytes, this.#mostBytes));
  }

  begin(out: ByteSink): void {
    this.#position = 0;
    if (this.#smallest === -1) return;
    const { maxBytes } = this.#table;
    out.reserve(2 * INTEGER_OCTETS);
    if (this.#smallest < maxBytes) writeInteger(out, SIZE_UPDATE, 0x1f, this.#smallest);
    writeInteger(out, SIZE_UPDATE, 0x1f, maxBytes);
    this.#smallest = -1;
  }

  encode(fields: readonly HeaderField[], out: ByteSink): void {
    this.begin(out);
    this.fields(fields, out);
  }

  fields(fields: readonly HeaderField[], out: ByteSink): void {
    for (let i = 0; i < fields.length; i++) this.field(fields[i]!, out);
  }

  field(field: HeaderField, out: ByteSink): void {
    const table = this.#table;
    const position = this.#position++ & (POSITIONS - 1);
    if (this.#lastFields[position] === field) {
      const entry = this.#lastEntries[position]!;
      if (table.has(entry)) {
        writeIndex(out, table.index(entry));
        return;
      }
    }
    const { name, value } = field;
    if (field instanceof NeverIndexedField) {
      this.#literal(out, NEVER, namePolicy(name).staticIndex, name, value);
      return;
    }
    if (IS_NEVER_FOUND[field.known] === 1) {
      this.#absent(0, name, value, out);
      return;
    }
    const hash = pairHash(name, value);
    const entry = table.findPair(hash, name, value);
    if (entry === null) {
      this.#absent(hash, name, value, out);
      return;
    }
    writeIndex(out, table.index(entry));
    if (value.length > LONGEST_REMEMBERED) return;
    this.#lastFields[position] = field;
    this.#lastEntries[position] = entry;
  }

  /** A pair that is no field of a header map: pseudo-headers that have no method of their own. */
  pair(name: string, value: string, out: ByteSink): void {
    const hash = pairHash(name, value);
    const entry = this.#table.findPair(hash, name, value);
    if (entry === null) this.#absent(hash, name, value, out);
    else writeIndex(out, this.#table.index(entry));
  }

  /** `:status`. */
  status(status: number, out: ByteSink): void {
    if (status === 200) {
      writeOctet(out, INDEXED | 8);
      return;
    }
    const index = STATUSES.get(status);
    if (index === undefined) this.pair(":status", String(status), out);
    else writeOctet(out, INDEXED | index);
  }

  /** `:method`. */
  method(method: string, out: ByteSink): void {
    if (method === "GET") writeOctet(out, INDEXED | METHOD);
    else if (method === "POST") writeOctet(out, INDEXED | (METHOD + 1));
    else this.pair(":method", method, out);
  }

  /** `:scheme`. */
  scheme(scheme: string, out: ByteSink): void {
    if (scheme === "http") writeOctet(out, INDEXED | SCHEME);
    else if (scheme === "https") writeOctet(out, INDEXED | (SCHEME + 1));
    else this.pair(":scheme", scheme, out);
  }

  /** `:authority`. */
  authority(authority: string, out: ByteSink): void {
    this.pair(":authority", authority, out);
  }

  /** `:path`. */
  path(path: string, out: ByteSink): void {
    if (path === "/") writeOctet(out, INDEXED | PATH);
    else this.pair(":path", path, out);
  }

  #resize(bytes: number): void {
    const table = this.#table;
    if (bytes === table.maxBytes) return;
    table.resize(bytes);
    if (this.#smallest === -1 || bytes < this.#smallest) this.#smallest = bytes;
  }

  /** A pair that is not in the dynamic table. */
  #absent(hash: number, name: string, value: string, out: ByteSink): void {
    const policy = namePolicy(name);
    const { staticIndex, indexing } = policy;
    if (staticIndex !== 0) {
      const index = findStatic(staticIndex, name, value);
      if (index !== 0) {
        writeOctet(out, INDEXED | index);
        return;
      }
    }
    if (indexing === INDEXING.never || (name === "cookie" && value.length < SHORT_COOKIE)) {
      this.#literal(out, NEVER, staticIndex, name, value);
      return;
    }
    const table = this.#table;
    const newest = table.findName(name);
    const index = staticIndex !== 0 || newest === null ? staticIndex : table.index(newest);
    // A value of a quarter of the table would drive out too much.
    if (
      (name.length + value.length + ENTRY_OVERHEAD) * 4 <= table.maxBytes &&
      this.#isWorthIndexing(name, value, newest, policy)
    ) {
      this.#literal(out, INCREMENTAL, index, name, value);
      table.add(hash, name, value, indexing === INDEXING.varying);
      return;
    }
    this.#literal(out, WITHOUT, index, name, value);
  }

  #isWorthIndexing(
    name: string,
    value: string,
    newest: EncoderEntry | null,
    { indexing, staticIndex }: NamePolicy,
  ): boolean {
    const table = this.#table;
    switch (indexing) {
      case INDEXING.plain:
        return staticIndex === 0 && newest === null;
      case INDEXING.varying:
        return table.wasSeen(name, value) && table.unproven < MOST_UNPROVEN;
      default:
        return newest === null || newest.isUsed || table.wasSeen(name, value);
    }
  }

  #literal(out: ByteSink, form: number, nameIndex: number, name: string, value: string): void {
    out.reserve(3 * INTEGER_OCTETS + most(name) + most(value));
    if (nameIndex === 0) {
      out.bytes[out.length++] = form;
      writeString(out, name);
    } else {
      writeInteger(out, form, form === INCREMENTAL ? 0x3f : 0x0f, nameIndex);
    }
    if (form === INCREMENTAL) writeString(out, value);
    else writePlain(out, value);
  }
}

/** Index of a pair in the static table, where names stand together; 0 where it is not there. */
function findStatic(first: number, name: string, value: string): number {
  for (let index = first; index <= STATIC_SIZE; index++) {
    const field = STATIC_FIELDS[index]!;
    if (field.name !== name) return 0;
    if (field.value === value) return index;
  }
  return 0;
}

function writeOctet(out: ByteSink, octet: number): void {
  out.reserve(1);
  out.bytes[out.length++] = octet;
}

function writeIndex(out: ByteSink, index: number): void {
  out.reserve(INTEGER_OCTETS);
  if (index < 0x7f) out.bytes[out.length++] = INDEXED | index;
  else writeInteger(out, INDEXED, 0x7f, index);
}

/** There MUST be room. */
function writeInteger(out: ByteSink, form: number, mask: number, value: number): void {
  const { bytes } = out;
  if (value < mask) {
    bytes[out.length++] = form | value;
    return;
  }
  bytes[out.length++] = form | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes[out.length++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  bytes[out.length++] = rest;
}

/** Octets that `writeString` may touch. */
function most(text: string): number {
  return text.length < 0x7f ? 4 * text.length : text.length;
}

/** A string literal, Huffman-coded where that is shorter. There MUST be room: `most`. */
function writeString(out: ByteSink, text: string): void {
  const { bytes } = out;
  const { length } = text;
  const start = out.length + 1;
  if (length < 0x7f) {
    // One octet holds the length, whatever the form: coded first, measured after.
    const end = writeHuffman(text, bytes, start);
    if (end - start < length) {
      bytes[start - 1] = HUFFMAN | (end - start);
      out.length = end;
      return;
    }
    bytes[start - 1] = length;
    out.length = start;
    writeRaw(out, text);
    return;
  }
  const coded = huffmanLength(text);
  if (coded < length) {
    writeInteger(out, HUFFMAN, 0x7f, coded);
    out.length = writeHuffman(text, bytes, out.length);
    return;
  }
  writeInteger(out, 0, 0x7f, length);
  writeRaw(out, text);
}

/** What enters no table is written anew each time: a quarter of its octets is not worth coding, here and at the next hop. There MUST be room. */
function writePlain(out: ByteSink, text: string): void {
  writeInteger(out, 0, 0x7f, text.length);
  writeRaw(out, text);
}

function writeRaw(out: ByteSink, text: string): void {
  const { length } = text;
  if (length > LONGEST_LOOP) {
    out.length += latin1Write.call(out.bytes, text, out.length, length);
    return;
  }
  const { bytes } = out;
  let at = out.length;
  for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
  out.length = at;
}
