// Properties of the regular expressions over random patterns and texts: what runs on RegExp answers as
// re2js does, and an engine that only backtracks stays within the cost that the proof states.
import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { ANYTHING, type CharSet } from "./char-set.ts";
import { compileRegex, LinearRegex } from "./linear-regex.ts";
import { emitFullMatch } from "./regex-emit.ts";
import { fullMatchCost, searchCost } from "./regex-proof.ts";
import { type Node, parseRegex } from "./regex-syntax.ts";

const CHARS = ["a", "b", "c", "A", "B", "k", "K", "s", "/", ".", "-", "_", "0", "7", " ", "\n", "\r", "\v", "\t", "]"];
const WIDE_CHARS = [
  "é",
  "ß",
  "\xff",
  "\x80",
  "ſ",
  "\u212a",
  "\u2028",
  "\ud83d\ude00",
  "\ud83d",
  "\ude00",
  "\0",
  "\x7f",
];

const text = fc.string({ unit: fc.constantFrom(...CHARS, ...WIDE_CHARS), maxLength: 12 });
/** Short, as even a RegExp that explodes must answer. */
const shortText = fc.string({ unit: fc.constantFrom(...CHARS, ...WIDE_CHARS, ..."aaabbb"), maxLength: 5 });
const plainText = fc.string({ unit: fc.constantFrom("a", "b", "a", "b", "c", "/", "\n"), maxLength: 14 });

const pathText = fc
  .array(fc.constantFrom("/", "a", "b", "/a", "/b", "/k", "ab", "K", "7", ".", "x-", " "), { maxLength: 7 })
  .map((parts) => parts.join(""));
const subjects = fc.array(fc.oneof(text, plainText, pathText, pathText), { minLength: 8, maxLength: 8 });

const literal = fc.constantFrom("a", "a", "b", "b", "c", "/", "k", "S", "-", "é", "😀", "]", "}", "{", "{,2}", "a{x");
const classItem = fc.constantFrom(
  ..."abcAB/k-".split(""),
  ..."a-c a-b A-Z 0-9 --/ \\d \\D \\s \\S \\w \\W \\n \\] \\\\ \\x41 \\x{1F600} \\101 é-ÿ".split(" "),
  ..."[:alpha:] [:^alpha:] [:space:] [:word:] [:punct:] [:xdigit:] [:print:] [:cntrl:] [:blank:] [:graph:]".split(" "),
);
const charClass = fc
  .tuple(
    fc.constantFrom("", "", "^"),
    fc.constantFrom("", "", "]"),
    fc.array(classItem, { minLength: 1, maxLength: 3 }),
  )
  .map(([not, first, items]) => `[${not}${first}${items.join("")}]`);
const escape = fc.constantFrom(
  ..."\\d \\D \\s \\S \\w \\W \\. \\/ \\- \\n \\t \\v \\x61 \\x{62} \\141 \\07 \\Qa.b\\E \\Q*\\E \\b \\B \\pL \\A \\z".split(
    " ",
  ),
);
const quantifier = fc.constantFrom(
  "",
  "",
  "",
  "*",
  "+",
  "?",
  "*?",
  "+?",
  "??",
  "{2}",
  "{1,3}",
  "{0,2}?",
  "{2,}",
  "{0}",
);

/** Whole patterns by a grammar, weighted towards those that have a chance of being decided. */
const { pattern } = fc.letrec<{ pattern: string; branch: string; item: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: tie("branch"), weight: 3 },
    { arbitrary: fc.tuple(tie("branch"), tie("branch")).map(([a, b]) => `${a}|${b}`), weight: 1 },
  ),
  branch: fc.array(tie("item"), { maxLength: 4 }).map((items) => items.join("")),
  item: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: fc.tuple(literal, quantifier).map(([a, q]) => a + q), weight: 6 },
    { arbitrary: fc.tuple(charClass, quantifier).map(([a, q]) => a + q), weight: 2 },
    { arbitrary: fc.tuple(escape, quantifier).map(([a, q]) => a + q), weight: 2 },
    { arbitrary: fc.tuple(fc.constantFrom(".", ".", "[^/]", "^", "$"), quantifier).map(([a, q]) => a + q), weight: 2 },
    {
      arbitrary: fc
        .tuple(
          fc.constantFrom("(", "(", "(?:", "(?i:", "(?s:", "(?U:", "(?m:", "(?P<n>", "(?-i:"),
          tie("pattern"),
          quantifier,
        )
        .map(([open, inner, q]) => `${open}${inner})${q}`),
      weight: 3,
    },
    { arbitrary: fc.constantFrom("(?i)", "(?s)", "(?U)", "(?m)", "(?-s)"), weight: 1 },
  ),
}));

/** Loops over choices and groups of few characters: where ambiguity, empty rounds and forgotten groups live. */
const body = fc.constantFrom(
  ..."(a)|b a|(b) (a)?b a(b)? (a*)b (a|b) (a)(b) |a a| a?? (a?) (|a) a|a ab|a a|ab ab?|b a*|b (a+)|c [ab]|c (?:(a)|b)c".split(
    " ",
  ),
);
const tight = fc
  .tuple(
    fc.constantFrom("", "^", "^", "^b?", "^(a)?"),
    body,
    fc.constantFrom("", "*", "+", "?", "*?", "??", "{2}", "{1,2}", "{2,}"),
    fc.oneof(
      body.map((inner) => `(?:${inner})`),
      fc.constantFrom("", "", "$", "b", "a*", "(c)?", ".*", "[^b]+"),
    ),
  )
  .map(([head, inner, quantify, tail]) => `${head}(?:${inner})${quantify}${tail}`);

/** What people write in routes: mostly decided. */
const usual = fc
  .tuple(
    fc.constantFrom("^", "^", "", "(?i)", "(?i)^"),
    fc.array(
      fc.constantFrom(
        ..."/ /a /b (a|b) (?P<v>[^/]+) [^/]* /(a+) /([abk]+) /(\\d+) (/b)? (?:/k(b)?)? \\. (a|ab|c)/ [a-c]{2} (\\w)- (\\s+)".split(
          " ",
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.constantFrom("", "", "$", "(/.*)?", ".*", "(.*)$", "/?", "[^/]+?", ".*?b"),
  )
  .map(([head, middle, tail]) => head + middle.join("") + tail);

/** Anything that looks like a piece of a pattern, in any order: mostly refused, the rest read oddly. */
const soup = fc
  .array(
    fc.constantFrom(
      ..."( (?: (?i) (?P<x> ) | * + ? { } {1 {2} , [ [^ ] - ^ $ . \\ \\d \\Q \\E [: :] a b 1 é".split(" "),
    ),
    {
      maxLength: 9,
    },
  )
  .map((pieces) => pieces.join(""));

const anyPattern = fc.oneof(
  { arbitrary: pattern, weight: 3 },
  { arbitrary: tight, weight: 3 },
  { arbitrary: usual, weight: 3 },
  { arbitrary: soup, weight: 1 },
);
const template = fc
  .array(fc.constantFrom("\\0", "\\1", "\\2", "\\\\", "$", "$1", "$&", "x", "3"), { maxLength: 4 })
  .map((parts) => parts.join(""));

function tryOracle(source: string): RE2JS | null {
  try {
    return RE2JS.compile(source);
  } catch {
    return null;
  }
}

/** RE2::GlobalReplace, written down a second time: over all matches, by a reading of its documentation. */
function globalReplace(oracle: RE2JS, subject: string, rewrite: string): string {
  const matcher = oracle.matcher(subject);
  let result = "";
  let copied = 0;
  let lastEnd = -1;
  while (matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()];
    if (start === end && start === lastEnd) continue;
    result += subject.slice(copied, start);
    result += rewrite.replace(/\\([0-9\\])/g, (_, what: string) =>
      what === "\\" ? "\\" : (matcher.group(Number(what)) ?? ""),
    );
    copied = lastEnd = end;
  }
  return result + subject.slice(copied);
}

function highestGroup(rewrite: string): number {
  return Math.max(0, ...Array.from(rewrite.matchAll(/\\([0-9\\])/g), ([, what]) => Number(what === "\\" ? 0 : what)));
}

function isBetweenCodePoints(subject: string, at: number): boolean {
  return at <= subject.length && !/^[\ud800-\udbff][\udc00-\udfff]/.test(subject.slice(Math.max(0, at - 1), at + 1));
}

describe("patterns that run on RegExp", () => {
  it("match the same whole texts as re2js", () => {
    let native = 0;
    let matched = 0;
    fc.assert(
      fc.property(anyPattern, subjects, (source, texts) => {
        const oracle = tryOracle(source);
        const regex = compileRegex(source);
        expect(regex instanceof LinearRegex).toBe(oracle !== null);
        if (oracle === null || !(regex instanceof LinearRegex)) return;
        if (regex.engine === "regexp") native++;
        for (const subject of texts) {
          const expected = oracle.testExact(subject);
          if (expected && regex.engine === "regexp") matched++;
          expect(regex.fullMatch(subject)).toBe(expected);
        }
      }),
      { numRuns: 4000 },
    );
    expect(native).toBeGreaterThan(1000);
    expect(matched).toBeGreaterThan(400);
  });

  it("find the same matches with the same groups, and replace them alike", () => {
    let native = 0;
    let matched = 0;
    fc.assert(
      fc.property(anyPattern, subjects, template, fc.nat(3), (source, texts, rewrite, from) => {
        const oracle = tryOracle(source);
        if (oracle === null) return;
        const regex = compileRegex(source) as LinearRegex;
        if (regex.searchEngine === "regexp") native++;
        const refused = highestGroup(rewrite) > oracle.groupCount();
        for (const subject of texts) {
          expect(regex.replaceAll(subject, rewrite)).toBe(refused ? subject : globalReplace(oracle, subject, rewrite));
          if (!isBetweenCodePoints(subject, from)) continue;
          const found = oracle.matcher(subject);
          if (!found.find(from)) expect(regex.find(subject, from)).toBeNull();
          else {
            if (regex.searchEngine === "regexp") matched++;
            const groups = Array.from({ length: oracle.groupCount() + 1 }, (_, i) => found.group(i) ?? "");
            expect(regex.find(subject, from)).toEqual({ start: found.start(), end: found.end(), groups });
          }
        }
      }),
      { numRuns: 4000 },
    );
    expect(native).toBeGreaterThan(700);
    expect(matched).toBeGreaterThan(300);
  });

  it("are translated with the same meaning even where the proof refuses them", () => {
    let translated = 0;
    fc.assert(
      fc.property(anyPattern, fc.array(shortText, { minLength: 8, maxLength: 8 }), (source, texts) => {
        const oracle = tryOracle(source);
        const tree = oracle === null ? null : parseRegex(source);
        if (oracle === null || tree === null) return;
        translated++;
        const regexp = new RegExp(emitFullMatch(tree), "u");
        for (const subject of texts) expect(regexp.test(subject)).toBe(oracle.testExact(subject));
      }),
      { numRuns: 4000 },
    );
    expect(translated).toBeGreaterThan(2000);
  });
});

/** The most naive engine there is: tries everything in order, remembers nothing, and counts its tests. */
class Backtracker {
  tests = 0;
  readonly #codes: readonly number[];
  readonly #limit: number;

  constructor(subject: string, limit: number) {
    this.#codes = Array.from(subject, (char) => char.codePointAt(0) as number);
    this.#limit = limit;
  }

  fullMatch(root: Node): boolean {
    return this.#run(root, 0, (at) => this.#count() && at === this.#codes.length);
  }

  /** Every match in turn, from its end on, as a replacement would ask for them. */
  searchAll(root: Node): void {
    for (let at = 0; at <= this.#codes.length; ) {
      let end = -1;
      const found = this.#run(root, at, (position) => {
        end = position;
        return true;
      });
      at = found && end > at ? end : at + 1;
    }
  }

  #count(): boolean {
    if (++this.tests > this.#limit) throw new Error(`more than ${this.#limit} tests`);
    return true;
  }

  #run(node: Node, at: number, then: (at: number) => boolean): boolean {
    switch (node.kind) {
      case "char":
        return this.#count() && isIn(this.#codes[at], node.set) && then(at + 1);
      case "begin":
        return this.#count() && at === 0 && then(at);
      case "end":
        return this.#count() && at === this.#codes.length && then(at);
      case "group":
        return this.#run(node.node, at, then);
      case "sequence":
        return this.#runItems(node.nodes, 0, at, then);
      case "alternation":
        return node.branches.some((branch) => this.#run(branch, at, then));
      case "repeat":
        return this.#runRounds(node, 0, at, then);
    }
  }

  #runItems(nodes: readonly Node[], index: number, at: number, then: (at: number) => boolean): boolean {
    const node = nodes[index];
    return node === undefined ? then(at) : this.#run(node, at, (next) => this.#runItems(nodes, index + 1, next, then));
  }

  #runRounds(node: Node & { kind: "repeat" }, rounds: number, at: number, then: (at: number) => boolean): boolean {
    const again = (): boolean =>
      rounds < node.max &&
      this.#run(
        node.node,
        at,
        (next) => (next > at || rounds < node.min) && this.#runRounds(node, rounds + 1, next, then),
      );
    if (rounds < node.min) return again();
    return node.lazy ? then(at) || again() : again() || then(at);
  }
}

function isIn(code: number | undefined, set: CharSet): boolean {
  if (code === undefined) return false;
  for (let i = 0; i < set.length; i += 2) if ((set[i] as number) <= code && code <= (set[i + 1] as number)) return true;
  return false;
}

/** Texts that make loops run and then fail: a few pieces, each many times. */
const pumped = fc
  .array(
    fc.tuple(fc.string({ unit: fc.constantFrom("a", "b", "c", "/", "k"), minLength: 1, maxLength: 3 }), fc.nat(60)),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((pieces) => pieces.map(([piece, times]) => piece.repeat(times)).join(""));

describe("the proof's bounds hold for an engine that only backtracks", () => {
  it("when it matches whole texts", () => {
    let longest = 0;
    fc.assert(
      fc.property(
        fc.oneof(pattern, tight, usual),
        fc.array(pumped, { minLength: 4, maxLength: 4 }),
        (source, texts) => {
          const tree = tryOracle(source) === null ? null : parseRegex(source);
          const cost = tree === null ? null : fullMatchCost(tree);
          if (tree === null || cost === null) return;
          for (const subject of texts) {
            const engine = new Backtracker(subject, cost.steps + cost.slope * (subject.length + 1));
            engine.fullMatch(tree);
            longest = Math.max(longest, engine.tests);
          }
        },
      ),
      { numRuns: 4000 },
    );
    expect(longest).toBeGreaterThan(100);
  });

  it("when it searches from every position", () => {
    let longest = 0;
    fc.assert(
      fc.property(
        fc.oneof(pattern, tight, usual),
        fc.array(pumped, { minLength: 4, maxLength: 4 }),
        (source, texts) => {
          const tree = tryOracle(source) === null ? null : parseRegex(source);
          const cost = tree === null ? null : searchCost(tree);
          if (tree === null || cost === null) return;
          for (const subject of texts) {
            const engine = new Backtracker(subject, (cost.steps + cost.slope + 1) * (subject.length + 1));
            engine.searchAll(tree);
            longest = Math.max(longest, engine.tests);
          }
        },
      ),
      { numRuns: 4000 },
    );
    expect(longest).toBeGreaterThan(100);
  });

  it("and the counting engine does see the explosion that the proof refuses", () => {
    const explosive = parseRegex("(?:a*)*b") as Node;
    expect(fullMatchCost(explosive)).toBeNull();
    expect(() => new Backtracker("a".repeat(40), 100_000).fullMatch(explosive)).toThrow("more than 100000 tests");
    expect(isIn(0x61, ANYTHING)).toBe(true);
  });
});
