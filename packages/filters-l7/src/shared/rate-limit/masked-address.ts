/** The network that an address is in: `10.1.2.3` in 16 bits is `10.1.0.0/16`. IPv6 is written as RFC 5952 says. */

/** Empty for what is no address. */
export function maskedAddress(ip: string, v4Bits: number, v6Bits: number): string {
  if (!ip.includes(":")) return maskedV4(ip, v4Bits);
  const groups = groupsOf(ip);
  if (groups === null) return "";
  for (let i = 0; i < 8; i++) {
    const bits = Math.min(16, Math.max(0, v6Bits - 16 * i));
    groups[i] = groups[i]! & (0xffff << (16 - bits)) & 0xffff;
  }
  return `${written(groups)}/${v6Bits}`;
}

const MAPPED = /^::ffff:(?=[0-9.]+$)/i;

/** The same as a key: a whole address without its bits, IPv4 that is mapped into IPv6 as IPv4, and what is no address as it is. */
export function networkOf(ip: string, v4Bits: number, v6Bits: number): string {
  const network = maskedAddress(ip.replace(MAPPED, ""), v4Bits, v6Bits);
  if (network === "") return ip;
  const whole = network.includes(":") ? "/128" : "/32";
  return network.endsWith(whole) ? network.slice(0, -whole.length) : network;
}

function maskedV4(ip: string, bits: number): string {
  const value = v4Of(ip);
  if (value < 0) return "";
  // A shift by 32 is one by 0.
  const kept = bits === 0 ? 0 : (value & (0xffff_ffff << (32 - bits))) >>> 0;
  return `${kept >>> 24}.${(kept >>> 16) & 255}.${(kept >>> 8) & 255}.${kept & 255}/${bits}`;
}

/** -1: it is none. */
function v4Of(ip: string): number {
  const parts = /^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(ip);
  if (parts === null) return -1;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = Number(parts[i]);
    if (byte > 255) return -1;
    value = value * 256 + byte;
  }
  return value;
}

function groupsOf(ip: string): number[] | null {
  const zone = ip.indexOf("%");
  const [before = "", after, more] = (zone < 0 ? ip : ip.slice(0, zone)).split("::");
  if (more !== undefined) return null;
  const head = listOf(before);
  const tail = after === undefined ? [] : listOf(after);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (after === undefined ? missing !== 0 : missing < 1) return null;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function listOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      // An IPv4 address may stand at the end.
      const v4 = v4Of(part);
      if (v4 < 0) return null;
      groups.push(Math.floor(v4 / 65_536), v4 % 65_536);
    }
  }
  return groups;
}

/** The longest run of zeros, the first of equal ones, is `::`. */
function written(groups: readonly number[]): string {
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
