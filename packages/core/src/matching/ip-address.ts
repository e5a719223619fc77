/**
 * Hot path (docs/extending/hot-path-rules.md). Reads the text of an IP address into numbers without
 * allocating. An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`), as dual-stack sockets report their IPv4
 * peers, is an IPv4 address here. Reads what sockets and inet_ntop write and every RFC 4291 form.
 */

export const NOT_AN_ADDRESS = 0;
export const IPV4 = 4;
export const IPV6 = 6;
export type IpFamily = typeof NOT_AN_ADDRESS | typeof IPV4 | typeof IPV6;

/** Its result stands in its fields until the next call. */
export class IpReader {
  /** The address, when it is IPv4; as an unsigned 32-bit number. */
  ipv4 = 0;
  /** The address, when it is IPv6; four unsigned 32-bit numbers, the first ones first. */
  readonly ipv6 = new Uint32Array(4);
  readonly #groups = new Uint16Array(8);

  /** The family of the address; a zone (`%eth0`) is read over, as ranges have none. */
  read(text: string): IpFamily {
    return text.includes(":") ? this.#readIpv6(text) : this.#readIpv4(text, 0, text.length) ? IPV4 : NOT_AN_ADDRESS;
  }

  /** Four decimal numbers without leading zeros, which some readers take for octal. */
  #readIpv4(text: string, from: number, end: number): boolean {
    if (end - from < 7 || end - from > 15) return false;
    let address = 0;
    let parts = 0;
    let at = from;
    while (parts < 4) {
      let part = 0;
      const start = at;
      for (; at < end; at++) {
        const digit = text.charCodeAt(at) - 0x30;
        if (digit < 0 || digit > 9) break;
        part = part * 10 + digit;
      }
      const digits = at - start;
      if (digits === 0 || digits > 3 || part > 255 || (digits > 1 && text.charCodeAt(start) === 0x30)) return false;
      address = address * 256 + part;
      parts++;
      if (parts < 4 && text.charCodeAt(at++) !== 0x2e) return false;
    }
    this.ipv4 = address;
    return at === end;
  }

  #readIpv6(text: string): IpFamily {
    const zone = text.indexOf("%");
    if (zone === text.length - 1 || zone !== text.lastIndexOf("%")) return NOT_AN_ADDRESS;
    const end = zone < 0 ? text.length : zone;
    const groups = this.#groups;
    let count = 0;
    let gap = -1;
    let at = 0;
    if (text.startsWith("::")) {
      gap = 0;
      at = 2;
    }
    while (at < end) {
      if (count === 8) return NOT_AN_ADDRESS;
      let group = 0;
      const start = at;
      for (; at < end; at++) {
        const digit = hexDigit(text.charCodeAt(at));
        if (digit < 0) break;
        group = group * 16 + digit;
      }
      if (at < end && text.charCodeAt(at) === 0x2e) {
        if (count > 6 || !this.#readIpv4(text, start, end)) return NOT_AN_ADDRESS;
        groups[count++] = this.ipv4 >>> 16;
        groups[count++] = this.ipv4 & 0xffff;
        break;
      }
      if (at === start || at - start > 4) return NOT_AN_ADDRESS;
      groups[count++] = group;
      if (at === end) break;
      if (text.charCodeAt(at++) !== 0x3a || at === end) return NOT_AN_ADDRESS;
      if (text.charCodeAt(at) === 0x3a) {
        if (gap >= 0) return NOT_AN_ADDRESS;
        gap = count;
        at++;
      }
    }
    if (gap < 0 ? count !== 8 : count === 8) return NOT_AN_ADDRESS;
    return this.#settle(count, gap < 0 ? count : gap);
  }

  /** Widens the gap and packs the groups. */
  #settle(count: number, gap: number): IpFamily {
    const groups = this.#groups;
    const moved = count - gap;
    groups.copyWithin(8 - moved, gap, count);
    groups.fill(0, gap, 8 - moved);
    const ipv6 = this.ipv6;
    for (let i = 0; i < 4; i++) ipv6[i] = (groups[2 * i] as number) * 0x10000 + (groups[2 * i + 1] as number);
    if (ipv6[0] !== 0 || ipv6[1] !== 0 || ipv6[2] !== 0xffff) return IPV6;
    this.ipv4 = ipv6[3] as number;
    return IPV4;
  }
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
