/**
 * Addresses of hosts as sessions carry them: in base64, and in cookies as Envoy's message of an address and when it expires. What clients send is anybody's text: it is bounded
 * here, and only compared with the addresses of hosts afterwards.
 */

/** Of base64; an address is a host's, or a socket's path of 108 bytes at most. */
const MOST_CHARACTERS = 1024;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function encode(text: string): string {
  return Buffer.from(text, "latin1").toString("base64");
}

/** The bytes, one a character; empty where it is none, or too long. */
export function decode(base64: string, mostCharacters = MOST_CHARACTERS): string {
  if (base64.length > mostCharacters || base64.length % 4 !== 0 || !BASE64.test(base64)) return "";
  return Buffer.from(base64, "base64").toString("latin1");
}

/** Keys of the message: address, a string; expires, a varint. */
const ADDRESS = 0x0a;
const EXPIRES = 0x10;

/**
 * Envoy reckons from the start of its machine, which says nothing elsewhere: below this the time is such a one. In seconds since 1970 it is 2001.
 */
const LEAST_WALL_S = 1_000_000_000;

/** `expiresS`: seconds since 1970; 0: never. */
export function encodeCookie(address: string, expiresS: number): string {
  const bytes = [ADDRESS, ...varint(address.length), ...Buffer.from(address, "latin1")];
  if (expiresS !== 0) bytes.push(EXPIRES, ...varint(expiresS));
  return Buffer.from(bytes).toString("base64");
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** null: it names no host, or not any more. What is no message is the address itself, as older proxies wrote it. */
export function decodeCookie(base64: string, nowS: number): string | null {
  const text = decode(base64);
  if (text.charCodeAt(0) !== ADDRESS) return text === "" ? null : text;
  const reader = new Reader(text, 1);
  const length = reader.varint();
  const end = reader.at + length;
  if (length < 1 || end > text.length) return null;
  const address = text.slice(reader.at, end);
  reader.at = end;
  if (text.charCodeAt(end) === EXPIRES) {
    reader.at++;
    const expiresS = reader.varint();
    if (expiresS < 0 || (expiresS >= LEAST_WALL_S && expiresS < nowS)) return null;
  }
  return reader.at === text.length ? address : null;
}

class Reader {
  at: number;
  readonly #text: string;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** -1: there is none, or none that a double holds. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
      const byte = this.#text.charCodeAt(this.at++);
      if (Number.isNaN(byte)) return -1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return -1;
  }
}
