/**
 * Which slot of the shared table has which key, and which are free: a hash table of slot numbers with linear probing, and a stack, in the table's own memory and under its lock.
 * A slot stays in the hash table until it is taken for another key.
 *
 *     hash table (a power of two, twice the slots or more): 0 or a slot's number | free slots | their numbers
 */

export const SLOT_WORDS = 16;
/** Words of a key, at the beginning of a slot. The first has bits with a meaning of their own. */
const KEY_WORDS = 4;
const HASH = 1;

export class SlotIndex {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #mask: number;
  readonly #freeAt: number;

  static wordsFor(slots: number): number {
    return capacityFor(slots) + 1 + slots;
  }

  /** Slots are numbered from 1: number `n` is at `words[n * SLOT_WORDS]`. */
  constructor(words: Int32Array, at: number, slots: number) {
    this.#words = words;
    this.#at = at;
    this.#mask = capacityFor(slots) - 1;
    this.#freeAt = at + capacityFor(slots);
  }

  /** The slot with that key that `isHeld`; 0: there is none. */
  find(key: readonly number[], isHeld: (slot: number) => boolean): number {
    const words = this.#words;
    for (let i = key[HASH]! & this.#mask; ; i = (i + 1) & this.#mask) {
      const slot = words[this.#at + i]!;
      if (slot === 0 || (this.#hasKey(slot, key) && isHeld(slot))) return slot;
    }
  }

  /** A free slot has another key from now on. */
  rename(slot: number, key: readonly number[]): void {
    this.#remove(slot);
    for (let i = 0; i < KEY_WORDS; i++) this.#words[slot * SLOT_WORDS + i] = key[i]!;
    this.#add(slot);
  }

  /** 0: none. */
  takeFree(): number {
    const words = this.#words;
    const count = words[this.#freeAt]!;
    if (count === 0) return 0;
    words[this.#freeAt] = count - 1;
    return words[this.#freeAt + count]!;
  }

  giveFree(slot: number): void {
    const words = this.#words;
    const count = words[this.#freeAt]! + 1;
    words[this.#freeAt] = count;
    words[this.#freeAt + count] = slot;
  }

  /** From what the slots say, where whoever changed it died meanwhile. */
  rebuild(used: number, isHeld: (slot: number) => boolean): void {
    this.#words.fill(0, this.#at, this.#freeAt + 1);
    for (let slot = used; slot >= 1; slot--) {
      this.#add(slot);
      if (!isHeld(slot)) this.giveFree(slot);
    }
  }

  #add(slot: number): void {
    const words = this.#words;
    let i = this.#home(slot);
    while (words[this.#at + i] !== 0) i = (i + 1) & this.#mask;
    words[this.#at + i] = slot;
  }

  /** Those behind it that it was in the way of move up. */
  #remove(slot: number): void {
    const words = this.#words;
    const mask = this.#mask;
    let hole = this.#home(slot);
    while (words[this.#at + hole] !== slot) {
      if (words[this.#at + hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    for (let i = (hole + 1) & mask; words[this.#at + i] !== 0; i = (i + 1) & mask) {
      const other = words[this.#at + i]!;
      if (((i - this.#home(other)) & mask) < ((i - hole) & mask)) continue;
      words[this.#at + hole] = other;
      hole = i;
    }
    words[this.#at + hole] = 0;
  }

  #home(slot: number): number {
    return this.#words[slot * SLOT_WORDS + HASH]! & this.#mask;
  }

  #hasKey(slot: number, key: readonly number[]): boolean {
    const at = slot * SLOT_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) if (this.#words[at + i] !== key[i]) return false;
    return true;
  }
}

function capacityFor(slots: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, 2 * slots)));
}
