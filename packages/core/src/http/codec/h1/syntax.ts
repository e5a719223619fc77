/** Character classes of RFC 9110 and 9112, as tests that see a whole string. What is not listed is refused. */

/** token (RFC 9110 section 5.6.2). */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What a field value may not hold: controls but HTAB. */
export const ILLEGAL_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** What a request target may not hold: space, controls, high bytes, and `#` (a fragment is never sent; RFC 9112 section 3.2). */
export const ILLEGAL_IN_TARGET = /[^\x21\x22\x24-\x7e]/;

/** uri-host with an optional port (RFC 3986 section 3.2.2), without user information. */
export const AUTHORITY =
  /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\]|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\])(?::[0-9]{0,5})?$/;

/** authority-form (RFC 9112 section 3.2.3): the port is there. */
export const AUTHORITY_WITH_PORT = /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/;

/** protocol (RFC 9110 section 7.8), one or a list of them. */
export const PROTOCOLS =
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?)*$/;

const TOKEN_BYTES = new Uint8Array(256);
for (let i = 0; i < 256; i++) TOKEN_BYTES[i] = TOKEN.test(String.fromCharCode(i)) ? 1 : 0;

export function isTokenByte(byte: number): boolean {
  return TOKEN_BYTES[byte] === 1;
}

/** 1*DIGIT that a number holds exactly; -1 for anything else. */
export function parseLength(value: string): number {
  if (value === "") return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  return length;
}
