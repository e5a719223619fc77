/**
 * Hot path (docs/extending/hot-path-rules.md). Lists of IP ranges (Envoy's core.v3.CidrRange lists). Read by
 * ipaddr.js once, then sorted numbers: ranges of addresses nest or are apart, so those inside others
 * are dropped and one binary search answers.
 */
import { createRequire } from "node:module";
import { IPV4, IPV6, IpReader } from "./ip-address.ts";
import { MatchProblem } from "./match-problem.ts";

/** Loaded by the first list: few configurations hold one. */
let ipaddr: typeof import("ipaddr.js") | null = null;

/** One for the thread: reading is synchronous and its result is used at once. */
const reader = new IpReader();

/** A range's first and last address; each a list of unsigned 32-bit numbers, one for IPv4 and four for IPv6. */
interface Range {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** Made by {@link compileCidrs}. */
export class CidrSet {
  /** First address, last address, first address, and so on: sorted and apart. */
  readonly #ipv4: Uint32Array;
  /** The same, four numbers an address. */
  readonly #ipv6: Uint32Array;

  constructor(ipv4: readonly Range[], ipv6: readonly Range[]) {
    this.#ipv4 = flatten(ipv4);
    this.#ipv6 = flatten(ipv6);
  }

  get isEmpty(): boolean {
    return this.#ipv4.length === 0 && this.#ipv6.length === 0;
  }

  /**
   * Whether an address, as sockets report it, is in one of the ranges; false for what is no address. An
   * IPv4-mapped IPv6 address is an IPv4 address: it is in IPv4 ranges, and in none of IPv6 such as `::/0`.
   */
  contains(ip: string): boolean {
    const family = reader.read(ip);
    if (family === IPV4) return this.containsIpv4(reader.ipv4);
    return family === IPV6 && this.#containsIpv6(reader.ipv6);
  }

  /** For an IPv4 address as an unsigned 32-bit number. */
  containsIpv4(address: number): boolean {
    const ranges = this.#ipv4;
    let low = 0;
    let high = ranges.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (address < (ranges[2 * middle] as number)) high = middle;
      else if (address > (ranges[2 * middle + 1] as number)) low = middle + 1;
      else return true;
    }
    return false;
  }

  #containsIpv6(address: Uint32Array): boolean {
    const ranges = this.#ipv6;
    let low = 0;
    let high = ranges.length >> 3;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareAt(address, ranges, 8 * middle) < 0) high = middle;
      else if (compareAt(address, ranges, 8 * middle + 4) > 0) low = middle + 1;
      else return true;
    }
    return false;
  }
}

/**
 * Compiles ranges as `10.0.0.0/8` or `2001:db8::/32`, or single addresses. Bits beyond the prefix are
 * ignored, as in Envoy. Ranges of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) are IPv4 ranges. All
 * problems come at once, each with its index in the list.
 */
export function compileCidrs(ranges: readonly string[]): CidrSet | MatchProblem[] {
  const problems: MatchProblem[] = [];
  const ipv4: Range[] = [];
  const ipv6: Range[] = [];
  ranges.forEach((text, index) => {
    const range = parseRange(text);
    if (range === null) {
      const expected = "a range such as 10.0.0.0/8 or 2001:db8::/32, or an address";
      problems.push(new MatchProblem(`${JSON.stringify(text)} is not a range of IP addresses`, expected, index));
    } else (range.first.length === 1 ? ipv4 : ipv6).push(range);
  });
  return problems.length > 0 ? problems : new CidrSet(withoutNested(ipv4), withoutNested(ipv6));
}

/** @throws TypeError for ranges that the configuration's check would not have let pass. */
export function checkedCidrs(ranges: readonly string[]): CidrSet {
  const made = compileCidrs(ranges);
  if (made instanceof CidrSet) return made;
  throw new TypeError(made[0]!.message);
}

/** A range as its address, in unsigned 32-bit numbers (one for IPv4, four for IPv6), and the number of bits that count. */
export interface Cidr {
  readonly words: readonly number[];
  readonly bits: number;
}

function parseRange(text: string): Range | null {
  const cidr = parseCidr(text);
  return cidr === null ? null : rangeOf(cidr);
}

/** One range as {@link compileCidrs} takes it; null for what is none. */
export function parseCidr(text: string): Cidr | null {
  const [, address, prefix] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  if (address === undefined) return null;
  ipaddr ??= createRequire(import.meta.url)("ipaddr.js") as typeof import("ipaddr.js");
  const isDotted = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isDotted && !ipaddr.IPv6.isValid(address)) return null;
  const parsed = ipaddr.parse(address);
  const bits = isDotted ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (length > bits) return null;
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && length >= 96) {
    return { words: wordsOf(parsed.toIPv4Address().toByteArray()), bits: length - 96 };
  }
  return { words: wordsOf(parsed.toByteArray()), bits: length };
}

function wordsOf(bytes: readonly number[]): number[] {
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4)
    words.push(bytes.slice(i, i + 4).reduce((sum, byte) => sum * 256 + byte, 0));
  return words;
}

function rangeOf({ words, bits }: Cidr): Range {
  const first: number[] = [];
  const last: number[] = [];
  for (const [i, word] of words.entries()) {
    const hostBits = Math.min(32, Math.max(0, 32 - (bits - 32 * i)));
    const size = 2 ** hostBits;
    first.push(Math.floor(word / size) * size);
    last.push((first.at(-1) as number) + size - 1);
  }
  return { first, last };
}

function withoutNested(ranges: readonly Range[]): Range[] {
  const sorted = ranges.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
  const kept: Range[] = [];
  for (const range of sorted) {
    const before = kept.at(-1);
    if (before === undefined || compare(range.first, before.last) > 0) kept.push(range);
  }
  return kept;
}

function flatten(ranges: readonly Range[]): Uint32Array {
  return Uint32Array.from(ranges.flatMap((range) => [...range.first, ...range.last]));
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return 0;
}

function compareAt(address: Uint32Array, ranges: Uint32Array, at: number): number {
  for (let i = 0; i < 4; i++) {
    if (address[i] !== ranges[at + i]) return (address[i] as number) - (ranges[at + i] as number);
  }
  return 0;
}
