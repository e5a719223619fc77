/** Where decoded fields go, and what the decoder already knows about them. */
import type { HeaderField } from "../../../headers/field.ts";

/** Bits of `faults`. The decoder finds them once per literal, and remembers them with the entries of its table: a repeated field costs no check. */
export const FIELD_FAULT = {
  none: 0,
  /** Not a lower-case token, or empty; after the colon of a pseudo-header too (RFC 9113 section 8.2.1). Such a field MUST NOT enter a header map. */
  name: 1,
  /** A control but HTAB, or DEL: CR, LF and NUL among them. */
  value: 2,
  /** White space first or last in the value. */
  whitespace: 4,
} as const;

export interface FieldSink {
  /**
   * One field, in order; a pseudo-header's name starts with ":". The object is shared and immutable. `neverIndexed`: whoever forwards it must keep that; the object
   * is a `NeverIndexedField` then, so that the encoder knows without being told. `faults`: bits of {@link FIELD_FAULT}, 0 for a legal field.
   * False: nothing more is wanted of this block; decoding goes on without calls, so that the table stays right.
   */
  onField(field: HeaderField, neverIndexed: boolean, faults: number): boolean;
}
