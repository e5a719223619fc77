/**
 * Sets of code points as flat sorted lists of inclusive ranges, `[lo, hi, lo, hi, …]`, neither
 * overlapping nor adjacent; and the sets that RE2 has names for. Used when patterns are compiled only.
 */
export type CharSet = readonly number[];

const MAX_CODE_POINT = 0x10ffff;

export const NOTHING: CharSet = [];
export const ANYTHING: CharSet = [0, MAX_CODE_POINT];
export const NOT_NEWLINE: CharSet = [0, 0x09, 0x0b, MAX_CODE_POINT];

/** Sorts and merges ranges that are in any order and may overlap. */
export function charSet(ranges: readonly number[]): CharSet {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i] as number, ranges[i + 1] as number]);
  pairs.sort((a, b) => a[0] - b[0]);
  const merged: number[] = [];
  for (const [lo, hi] of pairs) {
    const last = merged.length - 1;
    if (last > 0 && lo <= (merged[last] as number) + 1) {
      if (hi > (merged[last] as number)) merged[last] = hi;
    } else merged.push(lo, hi);
  }
  return merged;
}

export function union(a: CharSet, b: CharSet): CharSet {
  if (a.length === 0) return b;
  return b.length === 0 ? a : charSet([...a, ...b]);
}

export function complement(set: CharSet): CharSet {
  const rest: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (next < (set[i] as number)) rest.push(next, (set[i] as number) - 1);
    next = (set[i + 1] as number) + 1;
  }
  if (next <= MAX_CODE_POINT) rest.push(next, MAX_CODE_POINT);
  return rest;
}

export function overlaps(a: CharSet, b: CharSet): boolean {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if ((a[i + 1] as number) < (b[j] as number)) i += 2;
    else if ((b[j + 1] as number) < (a[i] as number)) j += 2;
    else return true;
  }
  return false;
}

/**
 * Adds the other case of every letter, as RE2's `(?i)` does: by Unicode's simple folding, which gives
 * `k` and `s` a third form outside ASCII. Null when the set leaves ASCII: those tables are re2js's.
 */
export function foldAscii(set: CharSet): CharSet | null {
  const folded = [...set];
  for (let i = 0; i < set.length; i += 2) {
    const lo = set[i] as number;
    const hi = set[i + 1] as number;
    if (hi > 0x7f) return null;
    for (let code = lo; code <= hi; code++) {
      if (!isAsciiLetter(code)) continue;
      folded.push(code ^ 0x20, code ^ 0x20);
      if ((code | 0x20) === 0x6b) folded.push(0x212a, 0x212a);
      if ((code | 0x20) === 0x73) folded.push(0x17f, 0x17f);
    }
  }
  return charSet(folded);
}

function isAsciiLetter(code: number): boolean {
  return (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
}

/** A set by what it spells: pairs of characters, each an inclusive range. */
function spelled(pairs: string): CharSet {
  return charSet([...pairs].map((char) => char.codePointAt(0) as number));
}

const DIGIT = spelled("09");
const WORD = spelled("09AZaz__");

/** `\d`, `\s` and `\w` by their letter. RE2's are ASCII, and its `\s` has no vertical tab. */
export const PERL_SETS: ReadonlyMap<string, CharSet> = new Map([
  ["d", DIGIT],
  ["s", spelled("\t\n\f\r  ")],
  ["w", WORD],
]);

/** The insides of `[[:name:]]`. */
export const POSIX_SETS: ReadonlyMap<string, CharSet> = new Map([
  ["alnum", spelled("09AZaz")],
  ["alpha", spelled("AZaz")],
  ["ascii", [0, 0x7f]],
  ["blank", spelled("\t\t  ")],
  ["cntrl", [0, 0x1f, 0x7f, 0x7f]],
  ["digit", DIGIT],
  ["graph", spelled("!~")],
  ["lower", spelled("az")],
  ["print", spelled(" ~")],
  ["punct", spelled("!/:@[`{~")],
  ["space", spelled("\t\r  ")],
  ["upper", spelled("AZ")],
  ["word", WORD],
  ["xdigit", spelled("09AFaf")],
]);
