/** Which HTTP the first line of a client says it speaks (RFC 9112 3, RFC 9113 3.4). It goes on where it stopped, so that bytes are looked at once. */
export type Spoken = "http/1.0" | "http/1.1" | "h2c";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const VERSION = Buffer.from("HTTP/1.", "latin1");
const SPACE = 32;
const CR = 13;
const LF = 10;

/** RFC 9110 5.6.2 */
const TOKEN = new Set(Buffer.from("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"));

type Part = "method" | "target" | "version";

export class RequestLine {
  #at = 0;
  #part: Part = "method";
  #partStart = 0;

  /** `data`: all bytes so far. The protocol; null where it is none of HTTP; "more" where that cannot be said yet. */
  look(data: Uint8Array): Spoken | null | "more" {
    const preface = Math.min(data.length, PREFACE.length);
    if (PREFACE.compare(data, 0, preface, 0, preface) === 0) return preface === PREFACE.length ? "h2c" : "more";
    for (; this.#at < data.length; this.#at++) {
      const byte = data[this.#at]!;
      if (this.#part === "version") {
        const found = versionAt(data, this.#partStart);
        if (found !== "more") return found;
        return "more";
      }
      if (byte === SPACE) {
        if (this.#at === this.#partStart) return null;
        this.#part = this.#part === "method" ? "target" : "version";
        this.#partStart = this.#at + 1;
      } else if (this.#part === "method") {
        // A client may send an empty line before (RFC 9112 2.2).
        const isEmptyLine = this.#at === this.#partStart && (byte === CR || byte === LF) && this.#at < 2;
        if (isEmptyLine) this.#partStart = this.#at + 1;
        else if (!TOKEN.has(byte)) return null;
      } else if (byte <= SPACE || byte === 127) return null;
    }
    return "more";
  }
}

function versionAt(data: Uint8Array, at: number): Spoken | null | "more" {
  const length = Math.min(data.length - at, VERSION.length);
  if (VERSION.compare(data, at, at + length, 0, length) !== 0) return null;
  const digit = data[at + VERSION.length];
  if (digit === undefined) return "more";
  const end = data[at + VERSION.length + 1];
  if (digit !== 48 && digit !== 49) return null;
  if (end === undefined) return "more";
  if (end !== CR && end !== LF) return null;
  return digit === 48 ? "http/1.0" : "http/1.1";
}
