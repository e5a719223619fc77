/** Arbitrary header lists: names that repeat, values that repeat, vary or are odd, some of them never to be indexed. */
import fc from "fast-check";
import { NeverIndexedField } from "../../../packages/core/src/http/codec/h2/hpack/never-indexed-field.ts";
import { HeaderField } from "../../../packages/core/src/http/headers/field.ts";

const name = fc.oneof(
  fc.constantFrom(
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "cookie",
    "date",
    "etag",
    "set-cookie",
    "user-agent",
    "vary",
    "x-forwarded-for",
    "x-request-id",
    "x-a",
    "x-b",
    "x-long-name-that-costs-more-octets-than-most-others-do",
  ),
  fc.string({ unit: fc.constantFrom(..."abcxyz019-_.!#$%&'*+^`|~"), minLength: 1, maxLength: 12 }).map((s) => `x-${s}`),
);

const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
const HIGH = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i));
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...VISIBLE, ...VISIBLE, ...HIGH, " ", "\t"), maxLength }).map((s) => s.trim());
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("", "a", "gzip, deflate", "*/*", "no-cache", "0123456789".repeat(4)) },
  { weight: 3, arbitrary: fc.nat(99).map((n) => `value-${n}`) },
  { weight: 3, arbitrary: text(80) },
  { weight: 1, arbitrary: text(400) },
  { weight: 1, arbitrary: fc.nat(1200).map((n) => "v".repeat(n)) },
);

export interface ArbitraryField {
  readonly name: string;
  readonly value: string;
  readonly never: boolean;
}

export const field: fc.Arbitrary<ArbitraryField> = fc.record({
  name,
  value,
  never: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
});

export const fieldList = fc.array(field, { maxLength: 14 });

export const tableSize = fc.oneof(fc.constantFrom(0, 1, 31, 64, 128, 256, 1000, 4096, 8192, 65_536), fc.nat(5000));

export function made({ name: fieldName, value: fieldValue, never }: ArbitraryField): HeaderField {
  return never ? new NeverIndexedField(fieldName, fieldValue) : new HeaderField(fieldName, fieldValue);
}
