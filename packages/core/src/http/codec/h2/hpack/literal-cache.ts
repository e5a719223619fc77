/**
 * Hot path: docs/extending/hot-path-rules.md. From the octets of a literal, as they are on the wire, to the name or field that they mean: what this thread has seen
 * before is neither decoded nor judged again, and is one object for all connections, which the encoder and header maps profit from. Direct-mapped and of fixed
 * size; only legal names and fields enter. A field enters at its second sight; secrets and values that are unique by nature never do.
 */
import { HeaderField } from "../../../headers/field.ts";
import type { BlockReader } from "./block-reader.ts";

const FIELD_SLOTS = 1024;
const NAME_SLOTS = 256;
const MAX_FIELD_OCTETS = 64;
const MAX_NAME_OCTETS = 32;

/** Names whose values are secrets, or never come twice. */
const PRIVATE =
  /auth|cookie|token|secret|key|session|passw|credential|signature|nonce|csrf|xsrf|request-id|correlation|trace|span|sentry|^b3$|^x-b3|^x-amzn/;

const COLON = 58;

/** Octets by slot, and what they were. */
class Octets {
  readonly #most: number;
  readonly #octets: Uint8Array;
  /** Twice the length, odd for Huffman; -1 for an empty slot. */
  readonly #forms: Int16Array;

  constructor(slots: number, most: number) {
    this.#most = most;
    this.#octets = new Uint8Array(slots * most);
    this.#forms = new Int16Array(slots).fill(-1);
  }

  isAt(slot: number, { bytes, start, length, isHuffman }: BlockReader): boolean {
    if (this.#forms[slot] !== length * 2 + (isHuffman ? 1 : 0)) return false;
    const octets = this.#octets;
    const base = slot * this.#most;
    for (let i = 0; i < length; i++) {
      if (octets[base + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  put(slot: number, { bytes, start, length, isHuffman }: BlockReader): void {
    this.#forms[slot] = length * 2 + (isHuffman ? 1 : 0);
    this.#octets.set(bytes.subarray(start, start + length), slot * this.#most);
  }
}

function hashOf(bytes: Uint8Array, start: number, length: number, seed: number): number {
  let hash = seed ^ length;
  for (let i = start; i < start + length; i++) hash = ((hash << 5) - hash + bytes[i]!) | 0;
  hash = Math.imul(hash, 0x9e3779b1);
  // Never 0, which is what no literal has.
  return (hash ^ (hash >>> 15)) | 0x40000000;
}

export class LiteralCache {
  readonly #nameOctets: Octets;
  readonly #names: string[];
  #nameSlot: number;
  readonly #fieldOctets: Octets;
  readonly #fields: (HeaderField | null)[];
  /** Hash of the literal that missed last in each slot. */
  readonly #missed: Int32Array;
  #fieldSlot: number;
  #hash: number;

  constructor() {
    this.#nameOctets = new Octets(NAME_SLOTS, MAX_NAME_OCTETS);
    this.#names = Array.from({ length: NAME_SLOTS }, () => "");
    this.#nameSlot = -1;
    this.#fieldOctets = new Octets(FIELD_SLOTS, MAX_FIELD_OCTETS);
    this.#fields = Array.from({ length: FIELD_SLOTS }, () => null);
    this.#missed = new Int32Array(FIELD_SLOTS);
    this.#fieldSlot = -1;
    this.#hash = 0;
  }

  /** The name whose octets the reader is at; "" where it is not known. */
  name(reader: BlockReader): string {
    const { length } = reader;
    if (length > MAX_NAME_OCTETS) {
      this.#nameSlot = -1;
      return "";
    }
    const slot = hashOf(reader.bytes, reader.start, length, 0) & (NAME_SLOTS - 1);
    if (this.#nameOctets.isAt(slot, reader)) return this.#names[slot]!;
    this.#nameSlot = slot;
    return "";
  }

  /** After a miss, with the reader where it was: a legal name. */
  keepName(reader: BlockReader, name: string): void {
    const slot = this.#nameSlot;
    if (slot === -1) return;
    this.#nameOctets.put(slot, reader);
    this.#names[slot] = name;
  }

  /** The field of that name whose value's octets the reader is at; null where it is not known. */
  field(reader: BlockReader, name: string): HeaderField | null {
    const { length } = reader;
    if (length > MAX_FIELD_OCTETS) {
      this.#fieldSlot = -1;
      return null;
    }
    const seed = (name.length << 8) ^ (name.charCodeAt(name.length - 1) << 16);
    const hash = hashOf(reader.bytes, reader.start, length, seed);
    const slot = hash & (FIELD_SLOTS - 1);
    const field = this.#fields[slot]!;
    if (field !== null && field.name === name && this.#fieldOctets.isAt(slot, reader)) return field;
    this.#fieldSlot = slot;
    this.#hash = hash;
    return null;
  }

  /** After a miss, with the reader where it was: a legal field. */
  keepField(reader: BlockReader, field: HeaderField): void {
    const slot = this.#fieldSlot;
    if (slot === -1) return;
    if (this.#missed[slot] !== this.#hash) {
      this.#missed[slot] = this.#hash;
      return;
    }
    if (isPrivate(field.name)) return;
    this.#fieldOctets.put(slot, reader);
    this.#fields[slot] = field;
  }
}

function isPrivate(name: string): boolean {
  return name.charCodeAt(0) !== COLON && PRIVATE.test(name);
}
