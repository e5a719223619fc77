/**
 * Runtime values of one thread: what main says holds now, and the handles that filters read. Reading a handle is a field; a change writes the handles of
 * the keys, which are few and rarely change.
 */
import type { FractionalPercent, Random, Runtime, RuntimeFraction, RuntimeValue } from "@sluice/sdk";
import { type RuntimeEntries, readBoolean, readFraction, readNumber, readText } from "./runtime-entry.ts";

/** A handle: knows how to read its key's entry. */
interface Handle {
  update(entries: RuntimeEntries): void;
}

export class RuntimeStore {
  readonly #handles = new Set<Handle>();
  #entries: RuntimeEntries = {};

  /** What holds from now on: final values by key. */
  update(entries: RuntimeEntries): void {
    this.#entries = entries;
    for (const handle of this.#handles) handle.update(entries);
  }

  add(handle: Handle): void {
    handle.update(this.#entries);
    this.#handles.add(handle);
  }

  delete(handle: Handle): void {
    this.#handles.delete(handle);
  }

  /** Handles that are kept up to date. */
  get size(): number {
    return this.#handles.size;
  }
}

/** A filter's access to the store; its handles end with it. */
export class FilterRuntime implements Runtime {
  readonly #store: RuntimeStore;
  readonly #random: Random;
  readonly #handles = new Map<string, Handle>();
  #released = false;

  constructor(store: RuntimeStore, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  key(key: string, defaultValue: number): RuntimeValue<number>;
  key(key: string, defaultValue: boolean): RuntimeValue<boolean>;
  key(key: string, defaultValue: string): RuntimeValue<string>;
  key(key: string, defaultValue: number | boolean | string): RuntimeValue<number | boolean | string> {
    if (typeof defaultValue === "number") return this.number(key, defaultValue);
    if (typeof defaultValue === "boolean") return this.boolean(key, defaultValue);
    if (typeof defaultValue !== "string")
      throw new TypeError(`the default of runtime key "${key}" is none of number, boolean, string`);
    return this.#handle(
      `text ${JSON.stringify(defaultValue)} ${key}`,
      () => new ValueHandle(key, defaultValue, readText),
    );
  }

  number(key: string, defaultValue: number): RuntimeValue<number> {
    return this.#handle(`number ${defaultValue} ${key}`, () => new ValueHandle(key, defaultValue, readNumber));
  }

  boolean(key: string, defaultValue: boolean): RuntimeValue<boolean> {
    return this.#handle(`boolean ${defaultValue} ${key}`, () => new ValueHandle(key, defaultValue, readBoolean));
  }

  fraction(key: string, defaultValue: FractionalPercent): RuntimeFraction {
    const { numerator, denominator = 100 } = defaultValue;
    return this.#handle(
      `fraction ${numerator} ${denominator} ${key}`,
      () => new FractionHandle(key, numerator, denominator, this.#random),
    );
  }

  release(): void {
    this.#released = true;
    for (const handle of this.#handles.values()) this.#store.delete(handle);
    this.#handles.clear();
  }

  #handle<H extends Handle>(name: string, make: () => H): H {
    let handle = this.#handles.get(name) as H | undefined;
    if (handle !== undefined) return handle;
    handle = make();
    this.#store.add(handle);
    if (this.#released) this.#store.delete(handle);
    else this.#handles.set(name, handle);
    return handle;
  }
}

class ValueHandle<Value> implements Handle, RuntimeValue<Value> {
  value: Value;
  readonly #key: string;
  readonly #default: Value;
  readonly #read: (entries: RuntimeEntries, key: string) => Value | undefined;

  constructor(key: string, defaultValue: Value, read: (entries: RuntimeEntries, key: string) => Value | undefined) {
    this.#key = key;
    this.#default = defaultValue;
    this.#read = read;
    this.value = defaultValue;
  }

  update(entries: RuntimeEntries): void {
    this.value = this.#read(entries, this.#key) ?? this.#default;
  }
}

class FractionHandle implements Handle, RuntimeFraction {
  numerator: number;
  denominator: number;
  readonly #key: string;
  readonly #numerator: number;
  readonly #denominator: number;
  readonly #random: Random;

  constructor(key: string, numerator: number, denominator: number, random: Random) {
    this.#key = key;
    this.#numerator = numerator;
    this.#denominator = denominator;
    this.#random = random;
    this.numerator = numerator;
    this.denominator = denominator;
  }

  includes(hash = -1): boolean {
    const { numerator, denominator } = this;
    if (numerator >= denominator) return true;
    if (numerator === 0) return false;
    return (hash < 0 ? this.#random.below(denominator) : hash % denominator) < numerator;
  }

  update(entries: RuntimeEntries): void {
    const set = readFraction(entries, this.#key);
    this.numerator = set?.numerator ?? this.#numerator;
    this.denominator = set?.denominator ?? this.#denominator;
  }
}
