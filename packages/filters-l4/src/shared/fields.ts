/** Fields of configurations that are protobuf messages in proto3 JSON: types are checked again, since a control plane or a program may hand over anything. */
import { ConfigError } from "@sluice/sdk";

export type Fields = Readonly<Record<string, unknown>>;
type Path = ReadonlyArray<string | number>;

/** The message's fields; an absent message has none. */
export function fieldsOf(value: unknown, path: Path = []): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new ConfigError("expected a mapping", path);
  return value as Fields;
}

export function refuseUnknown(fields: Fields, known: readonly string[], path: Path = []): void {
  for (const key of Object.keys(fields)) {
    if (known.includes(key)) continue;
    const expected = known.length === 0 ? "none" : `one of ${known.join(", ")}`;
    throw new ConfigError(`unknown field, expected ${expected}`, [...path, key]);
  }
}

export function textOf(fields: Fields, key: string, path: Path = []): string {
  const value = fields[key] ?? "";
  if (typeof value !== "string") throw new ConfigError("expected text", [...path, key]);
  return value;
}

/** false where the field is absent. */
export function booleanOf(fields: Fields, key: string, path: Path = []): boolean {
  const value = fields[key] ?? false;
  if (typeof value !== "boolean") throw new ConfigError("expected true or false", [...path, key]);
  return value;
}

/** A whole number of 32 bits, not negative; undefined where the field is absent. */
export function countOf(fields: Fields, key: string, path: Path = []): number | undefined {
  const value = fields[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new ConfigError("expected a whole number from 0 to 4294967295", [...path, key]);
  }
  return value;
}

const DURATION = /^(\d{1,12})(?:\.(\d{1,9}))?s$/;

/** Milliseconds of a duration as proto3 JSON writes it (`1.5s`); undefined where the field is absent. */
export function millisecondsOf(fields: Fields, key: string, path: Path = []): number | undefined {
  const value = fields[key] ?? undefined;
  if (value === undefined) return undefined;
  const match = typeof value === "string" ? DURATION.exec(value) : null;
  if (match === null)
    throw new ConfigError('expected a duration in seconds, not negative, such as "1.5s"', [...path, key]);
  return Number(match[1]) * 1000 + Number(`0.${match[2] ?? "0"}`) * 1000;
}
