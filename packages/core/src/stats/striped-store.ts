/**
 * Hot path: docs/extending/hot-path-rules.md. Entries by key in a region of shared memory: the ground under key-value stores and keyed token buckets. The region
 * is cut into stripes, each with its lock, its table and its blocks; an entry is a chain of blocks of 64 bytes. A stripe that is full forgets what was not
 * used for longest. What is never used of it is never touched, and takes no memory.
 */
import { hash as digestOf, randomFillSync } from "node:crypto";
import { Remnants } from "./remnants.ts";
import { seededHash } from "./seeded-hash.ts";
import { lock, unlock } from "./shared-lock.ts";
import { writeText } from "./short-text.ts";
import type { SharedTable, SharedRegion } from "./shared-table.ts";
import {
  MAGIC,
  HEADER,
  BLOCK,
  STRIPES,
  STRIDE,
  TABLE,
  BLOCKS,
  ENTRIES,
  HASH_KEY,
  COUNT,
  FREE,
  RECENT,
  OLDEST,
  FREE_COUNT,
  FRESH,
  NEXT,
  MORE,
  HASH,
  NEWER,
  OLDER,
  KEY,
  VALUE,
  END,
  FIRST_BYTES,
  KEY_LENGTH,
  DIGESTED,
  TAG_SHIFT,
  type StoreSize,
  blocksFor,
  capacityOf,
  shapeOf,
} from "./striped-layout.ts";

/** How many of the least recent are looked at for one whose time is over before one that is alive is forgotten. */
const LOOK_BACK = 8;

export class StripedStore {
  /** Bytes of the largest value. */
  readonly maxValueBytes: number;
  /** The value that `read` found, and that `write` stores: `valueBytes` of it. Of this thread. */
  value: Buffer;
  valueBytes: number;
  /** Kind of the value, 0 to 15, the caller's. */
  tag: number;
  /** When the entry found ends (monotonic milliseconds); 0: never. */
  end: number;
  readonly #region: SharedRegion;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #owner: number;
  readonly #base: number;
  readonly #stripeShift: number;
  readonly #stride: number;
  readonly #tableMask: number;
  readonly #blocks: number;
  readonly #entries: number;
  /** null: ends are not remembered. */
  readonly #remnants: Remnants | null;
  readonly #hashKey0: number;
  readonly #hashKey1: number;
  readonly #maxKeyBytes: number;
  readonly #key: Buffer;
  #keyWord: number;
  #keyBytes: number;
  #hash: number;
  /** Word index of the stripe that is locked. */
  #at: number;
  #released: boolean;

  /** The store of that name and size. @throws RangeError where there is no room. */
  constructor(table: SharedTable, name: string, size: StoreSize) {
    const shape = shapeOf(size);
    this.#region = table.claimRegion(`store ${name}`, shape.bytes, (region) => {
      const words = new Int32Array(region.memory, region.byteOffset, HEADER);
      words[0] = MAGIC;
      words[STRIPES] = shape.stripes;
      words[STRIDE] = shape.stride;
      words[TABLE] = shape.table;
      words[BLOCKS] = shape.blocks;
      words[ENTRIES] = shape.entries;
      words.set(randomFillSync(new Int32Array(2)), HASH_KEY);
    });
    const { memory, byteOffset } = this.#region;
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#owner = table.thread + 1;
    this.#base = byteOffset / 4;
    this.#stripeShift = 32 - Math.log2(shape.stripes);
    this.#stride = shape.stride;
    this.#tableMask = shape.table - 1;
    this.#blocks = shape.blocks;
    this.#entries = shape.entries;
    const remnantsAt = shape.stride - shape.remnants * 2;
    this.#remnants = shape.remnants === 0 ? null : new Remnants(this.#doubles, remnantsAt, shape.remnants);
    this.#hashKey0 = this.#words[this.#base + HASH_KEY]!;
    this.#hashKey1 = this.#words[this.#base + HASH_KEY + 1]!;
    this.#maxKeyBytes = size.maxKeyBytes;
    this.#key = Buffer.alloc(size.maxKeyBytes * 3);
    this.#keyWord = 0;
    this.#keyBytes = 0;
    this.#hash = 0;
    this.#at = 0;
    this.#released = false;
    this.maxValueBytes = capacityOf(shape.entryBlocks) - size.maxKeyBytes;
    this.value = Buffer.alloc(256);
    this.valueBytes = 0;
    this.tag = 0;
    this.end = 0;
  }

  /** Locks the key's stripe. `close` MUST follow, whatever happens between. @throws Error where another thread holds it for too long. */
  open(key: string): void {
    // The memory may be another's by now.
    if (this.#released) throw new Error("shared state is used after the end of its filter");
    this.#encode(key);
    const hash = seededHash(this.#key, this.#keyBytes, this.#hashKey0, this.#hashKey1);
    this.#hash = hash;
    const stripe = this.#stripeShift === 32 ? 0 : hash >>> this.#stripeShift;
    const at = this.#base + HEADER + stripe * this.#stride;
    lock(this.#words, at, this.#owner);
    this.#at = at;
  }

  close(): void {
    unlock(this.#words, this.#at, this.#owner);
  }

  /** The key's entry, now the most recent; 0 where there is none. One whose time was over at `nowMs` is removed. Reads `tag`, `end` and `valueBytes`. */
  find(nowMs: number): number {
    const words = this.#words;
    for (let block = words[this.#bucket()]!; block !== 0; ) {
      const at = this.#blockAt(block);
      if (words[at + HASH] === this.#hash && this.#hasKey(at)) {
        const end = this.#doubles[(at + END) >> 1]!;
        if (end !== 0 && end <= nowMs) {
          this.remove(block);
          return 0;
        }
        this.end = end;
        this.tag = words[at + KEY]! >>> TAG_SHIFT;
        this.valueBytes = words[at + VALUE]!;
        this.#use(block, at);
        return block;
      }
      block = words[at + NEXT]!;
    }
    return 0;
  }

  /** Copies the value of an entry that `find` found to `value`. */
  read(block: number): void {
    if (this.value.length < this.valueBytes) this.value = Buffer.alloc(this.valueBytes * 2);
    this.#copy(block, this.#keyBytes, this.value, this.valueBytes, false);
  }

  /** Overwrites the value of an entry that has as many bytes, from `value`. */
  overwrite(block: number): void {
    this.#copy(block, this.#keyBytes, this.value, this.valueBytes, true);
  }

  setEnd(block: number, endMs: number): void {
    this.#doubles[(this.#blockAt(block) + END) >> 1] = endMs;
  }

  /** Adds an entry for the key, which has none, with `tag` and `valueBytes` of `value`; forgets others until it fits. It MUST NOT be larger than fits. */
  insert(nowMs: number, endMs: number): void {
    const words = this.#words;
    const blocks = blocksFor(this.#keyBytes + this.valueBytes);
    while (words[this.#at + COUNT]! >= this.#entries || this.#room() < blocks) this.#forgetOne(nowMs);
    const first = this.#takeBlock();
    const at = this.#blockAt(first);
    let last = at;
    for (let i = 1; i < blocks; i++) {
      const more = this.#takeBlock();
      words[last + (last === at ? MORE : NEXT)] = more;
      last = this.#blockAt(more);
    }
    words[last + (last === at ? MORE : NEXT)] = 0;
    words[at + HASH] = this.#hash;
    words[at + KEY] = this.#keyWord | (this.tag << TAG_SHIFT);
    words[at + VALUE] = this.valueBytes;
    this.#doubles[(at + END) >> 1] = endMs;
    this.#copy(first, 0, this.#key, this.#keyBytes, true);
    this.#copy(first, this.#keyBytes, this.value, this.valueBytes, true);
    const bucket = this.#bucket();
    words[at + NEXT] = words[bucket]!;
    words[bucket] = first;
    this.#link(first, at);
    words[this.#at + COUNT]!++;
  }

  /** Removes an entry of the open stripe. */
  remove(block: number): void {
    const words = this.#words;
    const at = this.#blockAt(block);
    let link = this.#at + HEADER + (words[at + HASH]! & this.#tableMask);
    while (words[link] !== block) link = this.#blockAt(words[link]!) + NEXT;
    words[link] = words[at + NEXT]!;
    this.#unlink(at);
    words[this.#at + COUNT]!--;
    let more = words[at + MORE]!;
    this.#giveBack(block, at);
    while (more !== 0) {
      const moreAt = this.#blockAt(more);
      const next = words[moreAt + NEXT]!;
      this.#giveBack(more, moreAt);
      more = next;
    }
  }

  /** When an entry of the open key that had to be forgotten would have ended, or later; 0 where none had to be, or ends are not remembered. */
  remnant(): number {
    return this.#remnants === null ? 0 : this.#remnants.of(this.#at, this.#hash);
  }

  /** Entries of all stripes. */
  get size(): number {
    if (this.#released) return 0;
    let size = 0;
    const stripes = this.#words[this.#base + STRIPES]!;
    for (let i = 0; i < stripes; i++) size += this.#words[this.#base + HEADER + i * this.#stride + COUNT]!;
    return size;
  }

  release(): void {
    this.#released = true;
    this.#region.release();
  }

  #encode(key: string): void {
    const buffer = this.#key;
    // A UTF-16 unit is at most three bytes of UTF-8.
    let bytes = key.length <= this.#maxKeyBytes ? writeText(buffer, key) : Infinity;
    this.#keyWord = 0;
    if (bytes > this.#maxKeyBytes) {
      bytes = Math.min(32, this.#maxKeyBytes);
      digestOf("sha256", key, "buffer").copy(buffer, 0, 0, bytes);
      this.#keyWord = DIGESTED;
    }
    this.#keyBytes = bytes;
    this.#keyWord |= bytes;
  }

  #bucket(): number {
    return this.#at + HEADER + (this.#hash & this.#tableMask);
  }

  #blockAt(block: number): number {
    return this.#at + HEADER + this.#tableMask + 1 + (block - 1) * BLOCK;
  }

  #hasKey(at: number): boolean {
    const words = this.#words;
    if ((words[at + KEY]! & (KEY_LENGTH | DIGESTED)) !== this.#keyWord) return false;
    const bytes = this.#bytes;
    const key = this.#key;
    const length = this.#keyBytes;
    let from = (at + BLOCK) * 4 - FIRST_BYTES;
    let end = (at + BLOCK) * 4;
    let more = words[at + MORE]!;
    for (let i = 0; i < length; i++, from++) {
      if (from === end) {
        const moreAt = this.#blockAt(more);
        from = moreAt * 4 + 4;
        end = (moreAt + BLOCK) * 4;
        more = words[moreAt + NEXT]!;
      }
      if (bytes[from] !== key[i]) return false;
    }
    return true;
  }

  /** Copies `length` bytes from `offset` on of the entry's bytes, key and value, to or from `other`. */
  #copy(block: number, offset: number, other: Buffer, length: number, isWrite: boolean): void {
    const words = this.#words;
    const bytes = this.#bytes;
    const at = this.#blockAt(block);
    let from = (at + BLOCK) * 4 - FIRST_BYTES;
    let end = (at + BLOCK) * 4;
    let more = words[at + MORE]!;
    let skip = offset;
    let done = 0;
    while (done < length) {
      const here = end - from;
      if (skip >= here) skip -= here;
      else {
        const start = from + skip;
        const count = Math.min(end - start, length - done);
        if (isWrite) for (let i = 0; i < count; i++) bytes[start + i] = other[done + i]!;
        else for (let i = 0; i < count; i++) other[done + i] = bytes[start + i]!;
        done += count;
        skip = 0;
      }
      if (done === length) return;
      const moreAt = this.#blockAt(more);
      from = moreAt * 4 + 4;
      end = (moreAt + BLOCK) * 4;
      more = words[moreAt + NEXT]!;
    }
  }

  // ---- who was used when --------------------------------------------------------------------------------------------------------------------

  #use(block: number, at: number): void {
    if (this.#words[this.#at + RECENT] === block) return;
    this.#unlink(at);
    this.#link(block, at);
  }

  #link(block: number, at: number): void {
    const words = this.#words;
    const recent = words[this.#at + RECENT]!;
    words[at + NEWER] = 0;
    words[at + OLDER] = recent;
    if (recent === 0) words[this.#at + OLDEST] = block;
    else words[this.#blockAt(recent) + NEWER] = block;
    words[this.#at + RECENT] = block;
  }

  #unlink(at: number): void {
    const words = this.#words;
    const newer = words[at + NEWER]!;
    const older = words[at + OLDER]!;
    if (newer === 0) words[this.#at + RECENT] = older;
    else words[this.#blockAt(newer) + OLDER] = older;
    if (older === 0) words[this.#at + OLDEST] = newer;
    else words[this.#blockAt(older) + NEWER] = newer;
  }

  #forgetOne(nowMs: number): void {
    const words = this.#words;
    const oldest = words[this.#at + OLDEST]!;
    let block = oldest;
    for (let i = 0; i < LOOK_BACK && block !== 0; i++) {
      const at = this.#blockAt(block);
      const end = this.#doubles[(at + END) >> 1]!;
      if (end !== 0 && end <= nowMs) {
        this.remove(block);
        return;
      }
      block = words[at + NEWER]!;
    }
    const at = this.#blockAt(oldest);
    this.#remnants?.leave(this.#at, words[at + HASH]!, this.#doubles[(at + END) >> 1]!);
    this.remove(oldest);
  }

  // ---- blocks -------------------------------------------------------------------------------------------------------------------------------

  #room(): number {
    return this.#words[this.#at + FREE_COUNT]! + this.#blocks - this.#words[this.#at + FRESH]!;
  }

  #takeBlock(): number {
    const words = this.#words;
    const free = words[this.#at + FREE]!;
    if (free === 0) return ++words[this.#at + FRESH]!;
    words[this.#at + FREE] = words[this.#blockAt(free) + NEXT]!;
    words[this.#at + FREE_COUNT]!--;
    return free;
  }

  #giveBack(block: number, at: number): void {
    const words = this.#words;
    words[at + NEXT] = words[this.#at + FREE]!;
    words[this.#at + FREE] = block;
    words[this.#at + FREE_COUNT]!++;
  }
}
