/**
 * What all threads of the process share by name: one block of memory, slots of 64 bytes claimed by key. Claims are rare and
 * take a lock; what a slot holds is used with atomics alone. A slot is free again when no thread holds it; what a dead thread held, main frees.
 * What needs more than a slot claims a region behind the slots, which a slot stands for; pages of it that nobody uses take no memory.
 *
 *     header   lock | slots in use up to here | slots | units of the regions that were ever used
 *     slot     key (4 words) | holders, one bit a thread (4 words) | values (8 words, or 4 of 64 bits)
 *     ledger   bit 1 of its key is set; values: what one thread has added to another slot (shared-tally.ts)
 *     region   its slot's key is odd; values: first unit | units (of 64 bytes)
 *     index    behind the slots (slot-index.ts)
 */
import { createHash } from "node:crypto";
import { settle } from "./shared-tally.ts";
import { SLOT_WORDS, SlotIndex } from "./slot-index.ts";
import { repairStore } from "./striped-layout.ts";

/** Breakers take one for each cluster and priority that is used, and one more in each thread. Those that nobody uses take no memory. */
const DEFAULT_SLOTS = 131_072;
const HOLDERS = 4;
const VALUES = 8;
const LOCK = 0;
const USED = 1;
const SLOTS = 2;
const TOUCHED = 3;
const UNIT_BYTES = SLOT_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** Address space, not memory: 128 MiB for the usual number of slots. */
const REGION_BYTES_PER_SLOT = 1024;
const LEAST_REGION_BYTES = 8 * 2 ** 20;
const MAIN = 0;
/** Nothing holds the lock so long but a dead thread, or a machine that stands still. */
const MAIN_WAIT_MS = 500;
const FORGET_WAIT_MS = 5;
/** Kinds of slots, as bits of their keys. */
const REGION = 1;
const LEDGER = 2;
/** The header takes the room of one slot. */
const FIRST = SLOT_WORDS;

/** A claimed slot: `words[at]` to `words[at + 7]`, or `longs[longAt]` to `longs[longAt + 3]`, all zero at the first claim. */
export interface SharedSlot {
  readonly words: Int32Array;
  readonly at: number;
  readonly longs: BigInt64Array;
  readonly longAt: number;
  /** Gives this claim back; harmless when done twice. */
  release(): void;
}

/** A claimed region: zero at the first claim but for what `init` wrote. */
export interface SharedRegion {
  readonly memory: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Gives this claim back; harmless when done twice. */
  release(): void;
}

export class SharedTable {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #slots: number;
  readonly #thread: number;
  readonly #index: SlotIndex;
  /** Claims of this thread by slot. */
  readonly #claims = new Map<number, number>();
  /** Slots that it has given back, for when it has the lock. */
  readonly #late: number[] = [];
  /** Called for whoever found no slot and goes on alone. */
  onFull: (() => void) | null = null;

  /** Memory for a table, made once in main. */
  static allocate(
    slots: number = DEFAULT_SLOTS,
    regionBytes: number = Math.max(LEAST_REGION_BYTES, slots * REGION_BYTES_PER_SLOT),
  ): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((regionsFrom(slots) + Math.ceil(regionBytes / UNIT_BYTES)) * UNIT_BYTES);
    new Int32Array(memory)[SLOTS] = slots;
    return memory;
  }

  /** @param thread 0 to 127, another one in every thread. */
  constructor(memory: SharedArrayBuffer, thread: number) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#longs = new BigInt64Array(memory);
    this.#slots = this.#words[SLOTS]!;
    this.#index = new SlotIndex(this.#words, FIRST + this.#slots * SLOT_WORDS, this.#slots);
    this.#thread = thread;
  }

  get thread(): number {
    return this.#thread;
  }

  /**
   * The slot of that key, the same in all threads; `init` fills it when it is new, before any other thread sees it.
   * @throws Error when every slot is taken.
   */
  claim(key: string, init?: (slot: SharedSlot) => void): SharedSlot {
    const digest = createHash("sha256").update(key).digest();
    digest[0]! &= ~(REGION | LEDGER);
    return this.#claim(digest, init);
  }

  /** The same for what one thread adds to a slot: main settles it when the thread dies. */
  claimLedger(key: string, init: (slot: SharedSlot) => void): SharedSlot {
    const digest = createHash("sha256").update(key).digest();
    digest[0]! = (digest[0]! & ~REGION) | LEDGER;
    return this.#claim(digest, init);
  }

  /**
   * The region of that key and size, the same in all threads; `init` fills it when it is new, before any other thread sees it.
   * @throws RangeError when there is no room for it.
   */
  claimRegion(key: string, bytes: number, init?: (region: SharedRegion) => void): SharedRegion {
    const units = Math.ceil(bytes / UNIT_BYTES);
    const digest = createHash("sha256").update(`${units} ${key}`).digest();
    digest[0]! = (digest[0]! & ~LEDGER) | REGION;
    const slot = this.#claim(digest, (made) => {
      const first = this.#place(units);
      made.words[made.at] = first;
      made.words[made.at + 1] = units;
      init?.(this.#region(made));
    });
    return this.#region(slot);
  }

  #region(slot: SharedSlot): SharedRegion {
    return {
      memory: this.memory,
      byteOffset: slot.words[slot.at]! * UNIT_BYTES,
      byteLength: slot.words[slot.at + 1]! * UNIT_BYTES,
      release: slot.release,
    };
  }

  /** The first gap of so many units, zeroed. */
  #place(units: number): number {
    const words = this.#words;
    const taken: { first: number; end: number }[] = [];
    for (let i = 0; i < words[USED]!; i++) {
      const at = FIRST + i * SLOT_WORDS;
      if ((words[at]! & REGION) === 0 || !this.#isHeld(at)) continue;
      taken.push({ first: words[at + VALUES]!, end: words[at + VALUES]! + words[at + VALUES + 1]! });
    }
    taken.sort((a, b) => a.first - b.first);
    const from = regionsFrom(this.#slots);
    let first = from;
    for (const region of taken) {
      if (region.first - first >= units) break;
      first = region.end;
    }
    const end = words.length / SLOT_WORDS;
    if (first + units > end) {
      const free = end - from - taken.reduce((sum, region) => sum + region.end - region.first, 0);
      throw new RangeError(
        `shared state of ${mebibytes(units)} MiB does not fit: of ${mebibytes(end - from)} MiB, ${mebibytes(free)} MiB are free`,
      );
    }
    // What was never used is zero, and untouched it takes no memory.
    const touched = Math.max(from, words[TOUCHED]!);
    if (first < touched) words.fill(0, first * SLOT_WORDS, Math.min(touched, first + units) * SLOT_WORDS);
    words[TOUCHED] = Math.max(touched, first + units);
    return first;
  }

  #claim(digest: Buffer, init: ((slot: SharedSlot) => void) | undefined): SharedSlot {
    const key = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), digest.readInt32LE(12)] as const;
    this.#lock();
    try {
      const found = this.#index.find(key, this.#isNumberHeld);
      const at = (found === 0 ? this.#takeFree() : found) * SLOT_WORDS;
      const slot = this.#slotAt(at);
      if (found === 0) this.#fill(slot, at, key, init);
      const claims = this.#claims.get(at) ?? 0;
      this.#claims.set(at, claims + 1);
      this.#words[at + HOLDERS + (this.#thread >>> 5)]! |= 1 << (this.#thread & 31);
      return slot;
    } finally {
      this.#unlock();
    }
  }

  /** A slot for another key than it had. What is not held is free: `init` may throw. */
  #fill(slot: SharedSlot, at: number, key: readonly number[], init: ((slot: SharedSlot) => void) | undefined): void {
    let isFilled = false;
    this.#words.fill(0, at + HOLDERS, at + SLOT_WORDS);
    try {
      init?.(slot);
      this.#index.rename(at / SLOT_WORDS, key);
      isFilled = true;
    } finally {
      if (!isFilled) this.#index.giveFree(at / SLOT_WORDS);
    }
  }

  /**
   * Frees what a thread held that died, its lock included. Called by main. False where it could not: another thread holds the lock, and where that one is dead, too,
   * main hears of it only when it is asked in a later turn.
   */
  forget(thread: number): boolean {
    // Taken over, not opened: what it left half done is nobody else's to see.
    const diedInside = Atomics.compareExchange(this.#words, LOCK, thread + 1, this.#thread + 1) === thread + 1;
    if (!diedInside && !this.#lockWithin(FORGET_WAIT_MS)) return false;
    try {
      const used = this.#words[USED]!;
      for (let i = 0; i < used; i++) {
        const at = FIRST + i * SLOT_WORDS;
        if ((this.#words[at]! & LEDGER) !== 0 && this.#isHeldBy(at, thread)) settle(this.#words, at + VALUES);
      }
      for (let i = 0; i < used; i++) {
        const at = FIRST + i * SLOT_WORDS;
        this.#leave(at, thread);
        if ((this.#words[at]! & REGION) !== 0 && this.#isHeld(at))
          repairStore(this.#words, this.#words[at + VALUES]! * SLOT_WORDS, thread + 1);
      }
      if (diedInside) this.#index.rebuild(used, this.#isNumberHeld);
    } finally {
      this.#unlock();
    }
    return true;
  }

  /** Slots that a thread holds. */
  get size(): number {
    let held = 0;
    for (let i = 0; i < this.#words[USED]!; i++) if (this.#isHeld(FIRST + i * SLOT_WORDS)) held++;
    return held;
  }

  /** The number of a slot that nobody holds. */
  #takeFree(): number {
    const free = this.#index.takeFree();
    if (free !== 0) return free;
    const used = this.#words[USED]!;
    if (used === this.#slots) throw new Error(`all ${this.#slots} slots of shared state are taken`);
    this.#words[USED] = used + 1;
    return used + 1;
  }

  /** The thread holds the slot no more; whoever was the last frees it. */
  #leave(at: number, thread: number): void {
    if (!this.#isHeldBy(at, thread)) return;
    this.#words[at + HOLDERS + (thread >>> 5)]! &= ~(1 << (thread & 31));
    if (!this.#isHeld(at)) this.#index.giveFree(at / SLOT_WORDS);
  }

  readonly #isNumberHeld = (slot: number): boolean => this.#isHeld(slot * SLOT_WORDS);

  #isHeldBy(at: number, thread: number): boolean {
    return (this.#words[at + HOLDERS + (thread >>> 5)]! & (1 << (thread & 31))) !== 0;
  }

  #isHeld(at: number): boolean {
    const words = this.#words;
    return (
      (words[at + HOLDERS]! | words[at + HOLDERS + 1]! | words[at + HOLDERS + 2]! | words[at + HOLDERS + 3]!) !== 0
    );
  }

  #slotAt(at: number): SharedSlot {
    let held = true;
    return {
      words: this.#words,
      at: at + VALUES,
      longs: this.#longs,
      longAt: (at + VALUES) / 2,
      release: () => {
        if (held) this.#release(at);
        held = false;
      },
    };
  }

  #release(at: number): void {
    const claims = (this.#claims.get(at) ?? 0) - 1;
    if (claims > 0) {
      this.#claims.set(at, claims);
      return;
    }
    this.#claims.delete(at);
    const isFirst = this.#late.push(at) === 1;
    if (this.#lockWithin(this.#thread !== MAIN ? Infinity : isFirst ? FORGET_WAIT_MS : 0)) this.#unlock();
  }

  /**
   * Main must not wait for a dead thread, whose lock only main can take over. Others do: main will.
   * @throws Error in main when it does not come free within half a second.
   */
  #lock(): void {
    if (this.#lockWithin(this.#thread === MAIN ? MAIN_WAIT_MS : Infinity)) return;
    const holder = Atomics.load(this.#words, LOCK) - 1;
    throw new Error(`shared state is busy: thread ${holder} holds it, and ${MAIN_WAIT_MS} ms are over`);
  }

  /** The lock holds the number of its thread, so that main can take it over when that thread is dead. */
  #lockWithin(ms: number): boolean {
    const words = this.#words;
    const until = performance.now() + ms;
    for (;;) {
      const holder = Atomics.compareExchange(words, LOCK, 0, this.#thread + 1);
      if (holder === 0) break;
      if (performance.now() > until) return false;
      Atomics.wait(words, LOCK, holder, 1);
    }
    for (const at of this.#late.splice(0)) if (!this.#claims.has(at)) this.#leave(at, this.#thread);
    return true;
  }

  #unlock(): void {
    Atomics.store(this.#words, LOCK, 0);
    Atomics.notify(this.#words, LOCK, 1);
  }
}

/** The unit where regions begin: behind header, slots and index. */
function regionsFrom(slots: number): number {
  return 1 + slots + Math.ceil(SlotIndex.wordsFor(slots) / SLOT_WORDS);
}

function mebibytes(units: number): string {
  return ((units * UNIT_BYTES) / 2 ** 20).toFixed(1);
}
