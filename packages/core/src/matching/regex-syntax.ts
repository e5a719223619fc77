/**
 * The part of RE2's syntax that is surely understood, as a tree. It reads only patterns that re2js has
 * accepted, so it reports no errors: whatever it does not know returns null and stays with re2js. That is
 * `\b`, `\B`, `\C`, `\p`, `(?m)` with an anchor, `(?i)` beyond ASCII, empty classes, `{0}`, and oddities.
 */
import {
  ANYTHING,
  charSet,
  complement,
  foldAscii,
  NOT_NEWLINE,
  PERL_SETS,
  POSIX_SETS,
  type CharSet,
} from "./char-set.ts";

export type Node = CharNode | SequenceNode | AlternationNode | RepeatNode | GroupNode | AnchorNode;

export interface CharNode {
  readonly kind: "char";
  readonly set: CharSet;
}
export interface SequenceNode {
  readonly kind: "sequence";
  readonly nodes: readonly Node[];
}
export interface AlternationNode {
  readonly kind: "alternation";
  readonly branches: readonly Node[];
}
export interface RepeatNode {
  readonly kind: "repeat";
  readonly node: Node;
  readonly min: number;
  /** Infinity when open. */
  readonly max: number;
  readonly lazy: boolean;
}
/** A capturing group; others leave no trace in the tree. */
export interface GroupNode {
  readonly kind: "group";
  readonly node: Node;
}
export interface AnchorNode {
  readonly kind: "begin" | "end";
}

const MAX_DEPTH = 100;
const REPEAT = /\{(0|[1-9]\d{0,7})(,(0|[1-9]\d{0,7})?)?\}/y;
const CONTROL_ESCAPES = new Map([
  ["a", 0x07],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
]);

/** Thrown and caught in this file only. */
const NOT_UNDERSTOOD = new Error("not understood");

interface Flags {
  readonly fold: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly ungreedy: boolean;
}

/** The tree of a pattern that re2js accepts, or null. */
export function parseRegex(pattern: string): Node | null {
  try {
    const parser = new Parser(pattern);
    const node = parser.alternation(0);
    return parser.atEnd ? node : null;
  } catch (error) {
    if (error === NOT_UNDERSTOOD) return null;
    throw error;
  }
}

class Parser {
  readonly #pattern: string;
  #position = 0;
  #flags: Flags = { fold: false, multiline: false, dotAll: false, ungreedy: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get atEnd(): boolean {
    return this.#position === this.#pattern.length;
  }

  /** Up to the end or an unread `)`. Flags set inside hold for the branches that follow, as in RE2. */
  alternation(depth: number): Node {
    if (depth > MAX_DEPTH) throw NOT_UNDERSTOOD;
    const branches = [this.#sequence(depth)];
    while (this.#take("|")) branches.push(this.#sequence(depth));
    return branches.length === 1 ? (branches[0] as Node) : { kind: "alternation", branches };
  }

  #sequence(depth: number): Node {
    const nodes: Node[] = [];
    while (!this.atEnd && !this.#sees("|") && !this.#sees(")")) {
      const atoms = this.#atoms(depth);
      const repeat = this.#repeat();
      if (repeat === null) {
        for (const atom of atoms) nodes.push(atom);
        continue;
      }
      // Where the last atom is nothing (`(?i)*`, `\Q\E*`), RE2 repeats what stands before it.
      const last = atoms.pop();
      if (last === undefined) throw NOT_UNDERSTOOD;
      for (const atom of atoms) nodes.push(atom);
      nodes.push({ kind: "repeat", node: last, ...repeat });
    }
    const flat = nodes.flatMap((node) => (node.kind === "sequence" ? node.nodes : [node]));
    return flat.length === 1 ? (flat[0] as Node) : { kind: "sequence", nodes: flat };
  }

  /** One atom; none for a group of flags; many for `\Q...\E`. */
  #atoms(depth: number): Node[] {
    const char = this.#next();
    switch (char) {
      case "(":
        return this.#group(depth);
      case "[":
        return [charNode(this.#class())];
      case ".":
        return [charNode(this.#flags.dotAll ? ANYTHING : NOT_NEWLINE)];
      case "^":
      case "$":
        if (this.#flags.multiline) throw NOT_UNDERSTOOD;
        return [{ kind: char === "^" ? "begin" : "end" }];
      case "\\":
        return this.#escape();
      default:
        return [this.#literal(char)];
    }
  }

  #literal(char: string): Node {
    const code = char.codePointAt(0) as number;
    return charNode(this.#fold([code, code]));
  }

  #group(depth: number): Node[] {
    const outer = this.#flags;
    const captures = !this.#take("?");
    if (!captures && !this.#sees("P<") && !this.#sees("<")) {
      if (this.#flagsOnly()) return [];
      return [this.#groupBody(depth, outer)];
    }
    if (!captures) {
      const close = this.#pattern.indexOf(">", this.#position);
      if (close < 0) throw NOT_UNDERSTOOD;
      this.#position = close + 1;
    }
    return [{ kind: "group", node: this.#groupBody(depth, outer) }];
  }

  #groupBody(depth: number, outer: Flags): Node {
    const node = this.alternation(depth + 1);
    if (!this.#take(")")) throw NOT_UNDERSTOOD;
    this.#flags = outer;
    return node;
  }

  /** After `(?`: reads flags up to and with `)` (true: they hold from here on) or `:` (false: a group follows). */
  #flagsOnly(): boolean {
    let on = true;
    for (;;) {
      const flag = this.#next();
      if (flag === ")") return true;
      if (flag === ":") return false;
      if (flag === "-") on = false;
      else if (flag === "i") this.#flags = { ...this.#flags, fold: on };
      else if (flag === "m") this.#flags = { ...this.#flags, multiline: on };
      else if (flag === "s") this.#flags = { ...this.#flags, dotAll: on };
      else if (flag === "U") this.#flags = { ...this.#flags, ungreedy: on };
      else throw NOT_UNDERSTOOD;
    }
  }

  #repeat(): { min: number; max: number; lazy: boolean } | null {
    let min = 0;
    let max = Infinity;
    if (this.#take("?")) max = 1;
    else if (this.#take("+")) min = 1;
    else if (!this.#take("*")) {
      REPEAT.lastIndex = this.#position;
      const counted = REPEAT.exec(this.#pattern);
      if (counted === null) return null;
      this.#position += counted[0].length;
      min = Number(counted[1]);
      if (counted[2] === undefined) max = min;
      else if (counted[3] !== undefined) max = Number(counted[3]);
      if (max === 0) throw NOT_UNDERSTOOD;
    }
    return { min, max, lazy: this.#take("?") !== this.#flags.ungreedy };
  }

  /** After a backslash outside a class. */
  #escape(): Node[] {
    const set = this.#perlSet();
    if (set !== null) return [charNode(set)];
    if (this.#take("A")) return [{ kind: "begin" }];
    if (this.#take("z")) return [{ kind: "end" }];
    if (this.#take("Q")) {
      const close = this.#pattern.indexOf("\\E", this.#position);
      const quoted = this.#pattern.slice(this.#position, close < 0 ? undefined : close);
      this.#position += quoted.length + (close < 0 ? 0 : 2);
      return [...quoted].map((char) => this.#literal(char));
    }
    const code = this.#escapedChar();
    return [charNode(this.#fold([code, code]))];
  }

  /** After a backslash: `d`, `D`, `s`, `S`, `w` or `W`; null when it is something else, which stays unread. */
  #perlSet(): CharSet | null {
    const name = this.#pattern.charAt(this.#position);
    const set = PERL_SETS.get(name.toLowerCase());
    if (set === undefined) return null;
    this.#position++;
    const folded = this.#fold(set);
    return name === name.toLowerCase() ? folded : complement(folded);
  }

  /** After a backslash: a character by its code, its letter or itself. */
  #escapedChar(): number {
    const char = this.#next();
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return control;
    if (char === "x") {
      const digits = this.#takeMatch(/\{[0-9a-fA-F]+\}/y) ?? this.#takeMatch(/[0-9a-fA-F]{2}/y);
      if (digits === null) throw NOT_UNDERSTOOD;
      return Number.parseInt(digits.replace("{", ""), 16);
    }
    if (char >= "0" && char <= "7") {
      const digits = this.#takeMatch(/[0-7]{1,2}/y) ?? "";
      if (char !== "0" && digits === "") throw NOT_UNDERSTOOD;
      return Number.parseInt(char + digits, 8);
    }
    if (/[0-9A-Za-z]/.test(char) || char > "\x7f") throw NOT_UNDERSTOOD;
    return char.charCodeAt(0);
  }

  /** After `[`, up to and with the closing `]`. */
  #class(): CharSet {
    const negated = this.#take("^");
    const ranges: number[] = [];
    for (let first = true; first || !this.#sees("]"); first = false) {
      for (const bound of this.#classItem()) ranges.push(bound);
    }
    this.#position++;
    const set = charSet(ranges);
    return negated ? complement(set) : set;
  }

  #classItem(): CharSet {
    const posix = this.#takeMatch(/\[:.*?:\]/sy);
    if (posix !== null) {
      const not = posix.startsWith("[:^");
      const set = POSIX_SETS.get(posix.slice(not ? 3 : 2, -2));
      if (set === undefined) throw NOT_UNDERSTOOD;
      return not ? complement(this.#fold(set)) : this.#fold(set);
    }
    if (this.#sees("\\")) {
      this.#position++;
      const set = this.#perlSet();
      if (set !== null) return set;
      this.#position--;
    }
    const lo = this.#classChar();
    let hi = lo;
    if (this.#sees("-") && !this.#sees("-]")) {
      this.#position++;
      hi = this.#classChar();
    }
    return this.#fold([lo, hi]);
  }

  #classChar(): number {
    const char = this.#next();
    return char === "\\" ? this.#escapedChar() : (char.codePointAt(0) as number);
  }

  #fold(set: CharSet): CharSet {
    if (!this.#flags.fold) return set;
    const folded = foldAscii(set);
    if (folded === null) throw NOT_UNDERSTOOD;
    return folded;
  }

  #sees(text: string): boolean {
    return this.#pattern.startsWith(text, this.#position);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#position += text.length;
    return true;
  }

  #takeMatch(sticky: RegExp): string | null {
    sticky.lastIndex = this.#position;
    const found = sticky.exec(this.#pattern);
    if (found === null) return null;
    this.#position += found[0].length;
    return found[0];
  }

  /** The next code point, as a string. */
  #next(): string {
    const code = this.#pattern.codePointAt(this.#position);
    if (code === undefined) throw NOT_UNDERSTOOD;
    const char = String.fromCodePoint(code);
    this.#position += char.length;
    return char;
  }
}

function charNode(set: CharSet): CharNode {
  if (set.length === 0) throw NOT_UNDERSTOOD;
  return { kind: "char", set };
}
