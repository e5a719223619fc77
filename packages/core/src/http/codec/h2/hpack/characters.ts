/** Classes of bytes in fields (RFC 9113 section 8.2.1, RFC 9110 sections 5.1 and 5.5). They judge; who refuses is the stream. */
import { FIELD_FAULT } from "./field-sink.ts";

const IN_NAME = 1;
const ILLEGAL_IN_VALUE = 2;

const classes = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isInName = /[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(byte));
  const isControl = (byte < 0x20 && byte !== 9) || byte === 0x7f;
  classes[byte] = (isInName ? IN_NAME : 0) | (isControl ? ILLEGAL_IN_VALUE : 0);
}

const TAB = 9;
const SPACE = 32;
const COLON = 58;

/** A control but HTAB, or DEL. */
export function isIllegalInValue(byte: number): boolean {
  return (classes[byte]! & ILLEGAL_IN_VALUE) !== 0;
}

/** Faults of a name. A pseudo-header's colon is no fault. */
export function nameFaults(bytes: Uint8Array, start: number, end: number): number {
  const first = end - start > 1 && bytes[start] === COLON ? start + 1 : start;
  let all = IN_NAME;
  for (let i = first; i < end; i++) all &= classes[bytes[i]!]!;
  return first === end || (all & IN_NAME) === 0 ? FIELD_FAULT.name : FIELD_FAULT.none;
}

/** Faults of a value's ends. */
export function edgeFaults(bytes: Uint8Array, start: number, end: number): number {
  return start !== end && (isBlank(bytes[start]!) || isBlank(bytes[end - 1]!))
    ? FIELD_FAULT.whitespace
    : FIELD_FAULT.none;
}

/** Faults of a value. */
export function valueFaults(bytes: Uint8Array, start: number, end: number): number {
  let any = 0;
  for (let i = start; i < end; i++) any |= classes[bytes[i]!]!;
  const faults = (any & ILLEGAL_IN_VALUE) === 0 ? FIELD_FAULT.none : FIELD_FAULT.value;
  return faults | edgeFaults(bytes, start, end);
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
