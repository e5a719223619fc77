/** Hot path. The key-value store of a filter, one for all workers, over a striped store. */
import type { KeyValue, KeyValueOptions, SetOptions, SharedValue } from "@sluice/sdk";
import type { TurnClock } from "../timing/clock.ts";
import { readText, writeText } from "./short-text.ts";
import type { SharedTable } from "./shared-table.ts";
import { StripedStore } from "./striped-store.ts";

const STRING = 1;
const NUMBER = 2;
const BYTES = 3;
const JSON_TEXT = 4;
const MAX_KEY_BYTES = 256;

export interface KeyValueSettings {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly ttlMs: number;
}

/** @throws RangeError for options that make no store. */
export function keyValueSettings(options: KeyValueOptions): KeyValueSettings {
  const { maxEntries = 10_000, ttlMs = 0 } = options;
  checkWhole("maxEntries", maxEntries, 1, 2 ** 24);
  const { maxBytes = maxEntries * 256 } = options;
  checkWhole("maxBytes", maxBytes, 64, 2 ** 31 - 1);
  checkTtl(ttlMs);
  return { maxEntries, maxBytes, ttlMs };
}

export class SharedKeyValue<Value extends SharedValue = SharedValue> implements KeyValue<Value> {
  readonly #store: StripedStore;
  readonly #clock: TurnClock;
  readonly #ttlMs: number;
  /** The value that a call brings, while the store's own place is used for what is there. */
  #given: Buffer;
  #givenBytes: number;
  #givenTag: number;

  constructor(table: SharedTable, name: string, settings: KeyValueSettings, clock: TurnClock) {
    const { maxEntries, maxBytes, ttlMs } = settings;
    this.#store = new StripedStore(table, `kv ${ttlMs} ${maxEntries} ${maxBytes} ${name}`, {
      maxEntries,
      maxBytes,
      maxKeyBytes: MAX_KEY_BYTES,
    });
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#given = Buffer.alloc(256);
    this.#givenBytes = 0;
    this.#givenTag = 0;
  }

  get(key: string): Value | undefined {
    const store = this.#store;
    store.open(key);
    try {
      const found = store.find(this.#clock.turnNow());
      if (found === 0) return undefined;
      store.read(found);
    } finally {
      store.close();
    }
    return decode(store.tag, store.value, store.valueBytes) as Value;
  }

  has(key: string): boolean {
    const store = this.#store;
    store.open(key);
    try {
      return store.find(this.#clock.turnNow()) !== 0;
    } finally {
      store.close();
    }
  }

  set(key: string, value: Value, options?: SetOptions): void {
    const end = this.#endOf(options);
    this.#encode(value);
    const store = this.#store;
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      this.#put(store.find(now), now, end);
    } finally {
      store.close();
    }
  }

  delete(key: string): boolean {
    const store = this.#store;
    store.open(key);
    try {
      const found = store.find(this.#clock.turnNow());
      if (found !== 0) store.remove(found);
      return found !== 0;
    } finally {
      store.close();
    }
  }

  increment(key: string, amount = 1, options?: SetOptions): number {
    const end = this.#endOf(options);
    const store = this.#store;
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      const found = store.find(now);
      if (found === 0) {
        this.#encode(amount);
        this.#put(0, now, end);
        return amount;
      }
      if (store.tag !== NUMBER) throw new TypeError(`the value of "${key}" is no number`);
      store.read(found);
      const sum = store.value.readDoubleLE(0) + amount;
      store.value.writeDoubleLE(sum, 0);
      store.overwrite(found);
      return sum;
    } finally {
      store.close();
    }
  }

  compareAndSet(key: string, expected: Value | undefined, next: Value | undefined, options?: SetOptions): boolean {
    const end = this.#endOf(options);
    const store = this.#store;
    // What is not legal throws before the lock is taken.
    if (next !== undefined) this.#encode(next);
    if (expected !== undefined) this.#encode(expected);
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      const found = store.find(now);
      if (expected === undefined ? found !== 0 : found === 0 || !this.#isGiven(found)) return false;
      if (next === undefined) {
        if (found !== 0) store.remove(found);
      } else {
        this.#encode(next);
        this.#put(found, now, end);
      }
      return true;
    } finally {
      store.close();
    }
  }

  get size(): number {
    return this.#store.size;
  }

  get maxValueBytes(): number {
    return this.#store.maxValueBytes;
  }

  release(): void {
    this.#store.release();
  }

  /** Stores what was given, in the place of `found` (0: there is none). */
  #put(found: number, now: number, end: number): void {
    const store = this.#store;
    const inPlace = found !== 0 && store.valueBytes === this.#givenBytes && store.tag === this.#givenTag;
    if (found !== 0 && !inPlace) store.remove(found);
    const own = store.value;
    store.value = this.#given;
    store.valueBytes = this.#givenBytes;
    store.tag = this.#givenTag;
    if (inPlace) {
      store.overwrite(found);
      store.setEnd(found, end);
    } else store.insert(now, end);
    store.value = own;
  }

  #isGiven(found: number): boolean {
    const store = this.#store;
    if (store.tag !== this.#givenTag || store.valueBytes !== this.#givenBytes) return false;
    store.read(found);
    return store.value.compare(this.#given, 0, this.#givenBytes, 0, this.#givenBytes) === 0;
  }

  #endOf(options: SetOptions | undefined): number {
    const ttlMs = options?.ttlMs ?? this.#ttlMs;
    if (ttlMs === 0) return 0;
    checkTtl(ttlMs);
    return this.#clock.turnNow() + ttlMs;
  }

  /** @throws RangeError, TypeError */
  #encode(value: SharedValue): void {
    if (typeof value === "number") {
      this.#given.writeDoubleLE(value, 0);
      this.#givenBytes = 8;
      this.#givenTag = NUMBER;
    } else if (value instanceof Uint8Array) {
      this.#reserve(value.length);
      this.#given.set(value);
      this.#givenBytes = value.length;
      this.#givenTag = BYTES;
    } else {
      const isText = typeof value === "string";
      const text = isText ? value : JSON.stringify(value);
      if (text === undefined) throw new TypeError("the value is no JSON");
      // No text has more than three bytes a character; where that may be too many they are counted.
      this.#reserve(text.length * 3 > this.#given.length ? Buffer.byteLength(text) : 0);
      this.#givenBytes = writeText(this.#given, text);
      this.#reserve(this.#givenBytes);
      this.#givenTag = isText ? STRING : JSON_TEXT;
    }
  }

  #reserve(bytes: number): void {
    const { maxValueBytes } = this.#store;
    if (bytes > maxValueBytes) throw new RangeError(`the value has ${bytes} bytes, expected at most ${maxValueBytes}`);
    if (this.#given.length < bytes) this.#given = Buffer.alloc(bytes * 2);
  }
}

function decode(tag: number, bytes: Buffer, length: number): SharedValue {
  switch (tag) {
    case NUMBER:
      return bytes.readDoubleLE(0);
    case STRING:
      return readText(bytes, length);
    case BYTES:
      return Uint8Array.from(bytes.subarray(0, length));
    default:
      return JSON.parse(readText(bytes, length)) as SharedValue;
  }
}

function checkTtl(ttlMs: number): void {
  if (!(ttlMs >= 0 && Number.isFinite(ttlMs)))
    throw new RangeError(`ttlMs is ${ttlMs}, expected milliseconds, or 0 for never`);
}

export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${name} is ${value}, expected a whole number from ${least} to ${most}`);
}
