/**
 * Hot path: docs/extending/hot-path-rules.md. The few byte operations that the HTTP/1 codec needs, on any Uint8Array, by Node's native routines.
 */

interface NativeBytes {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  indexOf(this: Uint8Array, value: Uint8Array, from: number): number;
}
const native = Buffer.prototype as unknown as NativeBytes;
const slice = native.latin1Slice;
const indexOf = native.indexOf;

export const CR = 13;
export const LF = 10;

export const EMPTY: Uint8Array = new Uint8Array(0);

const HEAD_END = Buffer.from("\r\n\r\n", "latin1");

/** One character per byte. */
export function latin1(data: Uint8Array, start: number, end: number): string {
  return slice.call(data, start, end);
}

/** Index of the empty line that ends a head, or -1. */
export function findHeadEnd(data: Uint8Array, from: number): number {
  return indexOf.call(data, HEAD_END, from);
}

/** A string of its own: a slice would keep the head that it came from alive for as long as somebody keeps the slice. */
export function detached(text: string): string {
  return latin1(Buffer.from(text, "latin1"), 0, text.length);
}

/** The part of `data`; `data` itself where it is all of it. */
export function view(data: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === data.length ? data : data.subarray(start, end);
}
