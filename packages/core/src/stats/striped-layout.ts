/**
 * How a striped store lies in its region of shared memory, and how large its parts are. Everything in words of 32 bits.
 *
 *     region   magic | stripes | words of a stripe | table size of a stripe (a power of 2) | blocks of a stripe | entries of a stripe | hash key (2 words)
 *     stripe   lock | entries | first free block | most recent | least recent | free blocks | blocks ever used | - …(16) | table | blocks
 *     block    next in the table's list | next of the entry | hash | more recent | less recent | key bytes, flags | value bytes | - | end (f64) | 24 bytes
 *     further  next of the entry | 60 bytes                                                     numbers of blocks are from 1; 0: none
 *     remnants behind the blocks of a stripe, where the store has them: ends (f64) of entries that were forgotten before their time
 */
import { holderOf, unlock } from "./shared-lock.ts";

export const MAGIC = 0x51_0c_e5;
export const HEADER = 16;
export const BLOCK = 16;
export const STRIPES = 1;
export const STRIDE = 2;
export const TABLE = 3;
export const BLOCKS = 4;
export const ENTRIES = 5;
export const HASH_KEY = 6;

export const COUNT = 1;
export const FREE = 2;
export const RECENT = 3;
export const OLDEST = 4;
export const FREE_COUNT = 5;
export const FRESH = 6;

export const NEXT = 0;
export const MORE = 1;
export const HASH = 2;
export const NEWER = 3;
export const OLDER = 4;
export const KEY = 5;
export const VALUE = 6;
export const END = 8;
export const FIRST_BYTES = 24;
export const MORE_BYTES = 60;

export const KEY_LENGTH = 0xffff;
/** The key is the digest of a longer one. */
export const DIGESTED = 1 << 16;
export const TAG_SHIFT = 20;

const ENTRIES_PER_STRIPE = 1024;
const MAX_STRIPES = 64;
const MIN_BLOCKS = 16;
const REMNANTS_PER_ENTRY = 4;
/** Of a stripe, 8 KB: with fewer a few hundred made up keys would leave nothing to those who come new. */
const LEAST_REMNANTS = 1024;

export interface StoreSize {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Longer keys are kept as their SHA-256, cut to this: 16 to 256. */
  readonly maxKeyBytes: number;
  /** Whether the ends of entries that had to be forgotten are remembered: up to 32 bytes an entry more, 8 KB at least. */
  readonly remembersEnds?: boolean;
}

/** Empties the stripes that a dead thread was in the middle of, and opens their locks. `base`: the region's first word. */
export function repairStore(words: Int32Array, base: number, owner: number): void {
  if (words[base] !== MAGIC) return;
  const stride = words[base + STRIDE]!;
  for (let i = 0; i < words[base + STRIPES]!; i++) {
    const at = base + HEADER + i * stride;
    if (holderOf(words, at) !== owner) continue;
    words.fill(0, at + COUNT, at + HEADER + words[base + TABLE]!);
    unlock(words, at, owner);
  }
}

export function blocksFor(bytes: number): number {
  return bytes <= FIRST_BYTES ? 1 : 1 + Math.ceil((bytes - FIRST_BYTES) / MORE_BYTES);
}

export function capacityOf(blocks: number): number {
  return FIRST_BYTES + (blocks - 1) * MORE_BYTES;
}

export function shapeOf({ maxEntries, maxBytes, remembersEnds = false }: StoreSize) {
  const stripes = Math.min(MAX_STRIPES, powerOfTwo(Math.floor(maxEntries / ENTRIES_PER_STRIPE)));
  const entries = Math.floor(maxEntries / stripes);
  const blocks = Math.max(MIN_BLOCKS, Math.floor(maxBytes / (BLOCK * 4) / stripes));
  const table = Math.max(16, powerOfTwo(entries));
  const remnants = remembersEnds ? Math.max(LEAST_REMNANTS, powerOfTwo(entries * REMNANTS_PER_ENTRY)) : 0;
  const stride = HEADER + table + blocks * BLOCK + remnants * 2;
  // An entry takes at most an eighth of its stripe, so that one cannot push out all others.
  const entryBlocks = Math.max(MIN_BLOCKS / 2, Math.floor(blocks / 8));
  return { stripes, entries, blocks, table, remnants, stride, entryBlocks, bytes: (HEADER + stripes * stride) * 4 };
}

/** The largest that is not larger, at least 1. */
function powerOfTwo(value: number): number {
  return value < 2 ? 1 : 2 ** Math.floor(Math.log2(value));
}
