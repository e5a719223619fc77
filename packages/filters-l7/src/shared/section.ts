/**
 * Reads a configuration in proto3 JSON with the proto's own field names. Messages were checked against their descriptors before they get here;
 * a TypedStruct was not, so wrong types and unknown keys are refused by path.
 */
import { ConfigError } from "@sluice/sdk";

type Path = ReadonlyArray<string | number>;

export class Section {
  readonly path: Path;
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws ConfigError */
  constructor(value: unknown, known: readonly string[], path: Path = []) {
    this.path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new ConfigError("expected a mapping", path);
    this.#values = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(value)) {
      if (!known.includes(key))
        throw new ConfigError(`unknown field ${key}, expected one of ${known.join(", ")}`, [...path, key]);
    }
  }

  has(key: string): boolean {
    const value = this.get(key);
    return value !== undefined && value !== null;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  string(key: string, fallback = ""): string {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "string") throw this.wrong(key, "expected a text");
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "boolean") throw this.wrong(key, "expected true or false");
    return value;
  }

  integer(key: string, fallback: number, min: number, max = 0xffff_ffff): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
      throw this.wrong(key, `expected a whole number from ${min} to ${max}`);
    return value;
  }

  /** Milliseconds; -1 where it is absent. */
  durationMs(key: string): number {
    const value = this.get(key);
    if (value === undefined || value === null) return -1;
    const parts = typeof value === "string" ? /^([0-9]{1,12}(?:\.[0-9]{1,9})?)s$/.exec(value) : null;
    if (parts === null) throw this.wrong(key, 'expected a duration ("1.5s")');
    return Number(parts[1]) * 1000;
  }

  /** null where it is absent. */
  section(key: string, known: readonly string[]): Section | null {
    const value = this.get(key);
    return value === undefined || value === null ? null : new Section(value, known, [...this.path, key]);
  }

  list(key: string, known: readonly string[]): Section[] {
    const value = this.get(key) ?? [];
    if (!Array.isArray(value)) throw this.wrong(key, "expected a list");
    return value.map((element, i) => new Section(element, known, [...this.path, key, i]));
  }

  wrong(key: string, message: string): ConfigError {
    return new ConfigError(message, [...this.path, key]);
  }
}
