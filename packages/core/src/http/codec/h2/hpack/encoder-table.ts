/**
 * Hot path: docs/extending/hot-path-rules.md. The encoder's dynamic table: entries from oldest to newest, and two hash indices into them, by pair and by name. A chain goes
 * from newer to older entries and ends at the first that has left the table, so that leaving costs nothing.
 */
import { detached } from "../../h1/bytes.ts";
import { DEFAULT_TABLE_BYTES, ENTRY_OVERHEAD, STATIC_SIZE } from "./static-table.ts";

/** Of each index; about as many as a table of 4096 octets has entries. */
const BUCKETS = 64;
/** V8 copies shorter slices; a longer one keeps the text that it was cut from. */
const SHORTEST_SLICE = 13;

/** Not 0. Cheap, and enough to spread pairs: all of them is compared after it. */
export function pairHash(name: string, value: string): number {
  const { length } = value;
  let hash = Math.imul(nameHash(name) ^ (length << 16), 0x85ebca6b);
  if (length !== 0) {
    hash ^=
      Math.imul(value.charCodeAt(length - 1), 0x9e3779b1) ^
      Math.imul(value.charCodeAt(length >> 1), 0xc2b2ae35) ^
      (value.charCodeAt((length * 3) >> 2) << 8);
  }
  return (hash ^ (hash >>> 15)) | 1;
}

/** Of every character: unlike pairs with one hash would pass for seen, and nothing is compared after it. Not 0. */
function wholeHash(name: string, value: string): number {
  let hash = nameHash(name);
  for (let i = 0; i < value.length; i++) hash = ((hash << 5) - hash + value.charCodeAt(i)) | 0;
  hash = Math.imul(hash, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) | 1;
}

function nameHash(name: string): number {
  const { length } = name;
  return (length << 4) ^ (name.charCodeAt(length - 1) << 1) ^ (name.charCodeAt(length >> 1) << 6);
}

export class EncoderEntry {
  readonly name: string;
  value: string;
  readonly hash: number;
  /** Counts up from 1 over the table's life. */
  readonly number: number;
  readonly isVarying: boolean;
  isUsed: boolean;
  newer: EncoderEntry | null;
  /** The next older entry of the same bucket; it may have left the table, and leads no further then. */
  pairNext: EncoderEntry | null;
  nameNext: EncoderEntry | null;

  constructor(
    name: string,
    value: string,
    hash: number,
    number: number,
    isVarying: boolean,
    pairNext: EncoderEntry | null,
    nameNext: EncoderEntry | null,
  ) {
    this.name = name;
    this.value = value;
    this.hash = hash;
    this.number = number;
    this.isVarying = isVarying;
    this.isUsed = false;
    this.newer = null;
    this.pairNext = pairNext;
    this.nameNext = nameNext;
  }
}

const NO_HEADS: readonly (EncoderEntry | null)[] = Array.from({ length: BUCKETS }, () => null);
const NO_HASHES: readonly number[] = Array.from({ length: BUCKETS }, () => 0);

export class EncoderTable {
  maxBytes: number;
  bytes: number;
  /** Varying entries that have not been used yet. */
  unproven: number;
  #oldest: EncoderEntry | null;
  #newest: EncoderEntry | null;
  /** Numbers of the oldest and the newest entry; the first is greater where the table is empty. */
  #first: number;
  #last: number;
  readonly #pairs: (EncoderEntry | null)[];
  readonly #names: (EncoderEntry | null)[];
  /** Hashes of pairs that were not taken in at first sight. */
  readonly #seen: number[];

  constructor() {
    this.maxBytes = DEFAULT_TABLE_BYTES;
    this.bytes = 0;
    this.unproven = 0;
    this.#oldest = null;
    this.#newest = null;
    this.#first = 1;
    this.#last = 0;
    this.#pairs = NO_HEADS.slice();
    this.#names = NO_HEADS.slice();
    this.#seen = NO_HASHES.slice();
  }

  has(entry: EncoderEntry): boolean {
    return entry.number >= this.#first;
  }

  /** Index of an entry that is there, as it goes on the wire. */
  index(entry: EncoderEntry): number {
    return STATIC_SIZE + 1 + this.#last - entry.number;
  }

  /** The entry of the pair; null where there is none. */
  findPair(hash: number, name: string, value: string): EncoderEntry | null {
    let entry: EncoderEntry | null = this.#pairs[hash & (BUCKETS - 1)]!;
    while (entry !== null && entry.number >= this.#first) {
      if (entry.hash === hash && entry.name === name && entry.value === value) {
        if (!entry.isUsed) this.#prove(entry);
        return entry;
      }
      entry = entry.pairNext;
    }
    return null;
  }

  /** The newest entry of that name; null where there is none. */
  findName(name: string): EncoderEntry | null {
    let entry: EncoderEntry | null = this.#names[nameHash(name) & (BUCKETS - 1)]!;
    while (entry !== null && entry.number >= this.#first) {
      if (entry.name === name) return entry;
      entry = entry.nameNext;
    }
    return null;
  }

  /** Whether the pair was seen a short while ago; it is from now on. */
  wasSeen(name: string, value: string): boolean {
    const hash = wholeHash(name, value);
    const slot = (hash >>> 6) & (BUCKETS - 1);
    if (this.#seen[slot] === hash) return true;
    this.#seen[slot] = hash;
    return false;
  }

  /** The caller has seen to it that the entry is not larger than the table. */
  add(hash: number, name: string, value: string, isVarying: boolean): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.maxBytes - size);
    const pairBucket = hash & (BUCKETS - 1);
    const nameBucket = nameHash(name) & (BUCKETS - 1);
    const entry = new EncoderEntry(
      name,
      value.length < SHORTEST_SLICE ? value : detached(value),
      hash,
      ++this.#last,
      isVarying,
      this.#pairs[pairBucket]!,
      this.#names[nameBucket]!,
    );
    this.#pairs[pairBucket] = entry;
    this.#names[nameBucket] = entry;
    if (this.#oldest === null) this.#oldest = entry;
    else this.#newest!.newer = entry;
    this.#newest = entry;
    this.bytes += size;
    if (isVarying) this.unproven++;
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #prove(entry: EncoderEntry): void {
    entry.isUsed = true;
    if (entry.isVarying) this.unproven--;
  }

  #evict(allowed: number): void {
    while (this.bytes > allowed && this.#oldest !== null) {
      const entry: EncoderEntry = this.#oldest;
      this.bytes -= entry.name.length + entry.value.length + ENTRY_OVERHEAD;
      if (entry.isVarying && !entry.isUsed) this.unproven--;
      // Chains may still come here: what is behind it must not live on for that.
      entry.pairNext = null;
      entry.nameNext = null;
      this.#oldest = entry.newer;
      entry.newer = null;
      this.#first++;
    }
    if (this.#oldest === null) this.#newest = null;
  }
}
