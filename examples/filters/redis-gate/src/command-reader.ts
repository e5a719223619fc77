/**
 * Reads commands of the Redis protocol (RESP arrays of bulk strings, and inline commands) as they stream. A command is judged as soon as its name is known; its
 * arguments pass, or are left out, without being kept.
 */

/** What becomes of a command: its bytes pass, are left out, or others take their place. */
export type Judgement = "pass" | "drop" | Uint8Array;

export interface CommandJudge {
  needsSubcommand(command: string): boolean;
  /** Called once a command, in order. */
  judge(command: string, subcommand: string): Judgement;
}

export interface CommandLimits {
  readonly maxArguments: number;
  readonly maxArgumentBytes: number;
}

const LINE = 0; // the first line of a command
const LENGTH = 1; // $<length>
const BYTES = 2; // an argument and its line end

const CR = 0x0d;
const LF = 0x0a;
/** As in Redis: the longest inline command. */
const LONGEST_LINE = 65_536;
const LONGEST_HEADER = 32;
/** Longer words are no names of commands. */
const LONGEST_NAME = 64;

export class CommandReader {
  /** What is wrong with the bytes; the connection is of no use then. */
  fault: string | null = null;
  readonly #judge: CommandJudge;
  readonly #limits: CommandLimits;
  #state = LINE;
  #line = "";
  /** Arguments and bytes of the argument that are still to come. */
  #arguments = 0;
  #bytes = 0;
  /** Words of the command so far, as many as are needed; null: it is judged. */
  #words: string[] | null = [];
  #needed = 1;
  #word = "";
  #isPassing = true;
  /** Bytes of the command that wait for its judgement. */
  #held: Uint8Array[] = [];
  #out: Uint8Array[] = [];

  constructor(judge: CommandJudge, limits: CommandLimits) {
    this.#judge = judge;
    this.#limits = limits;
  }

  /** What goes on in place of `data`; null: `data` itself. `data` is not kept. */
  read(data: Uint8Array): Uint8Array | null {
    if (data.length === 0) return null;
    this.#out = [];
    let i = 0;
    while (i < data.length && this.fault === null)
      i = this.#state === BYTES ? this.#inBytes(data, i) : this.#inLine(data, i);
    const [only] = this.#out;
    if (this.#out.length === 1 && only!.length === data.length && only!.buffer === data.buffer) return null;
    return Buffer.concat(this.#out);
  }

  /** Whether a command has begun and is not over. */
  get isInside(): boolean {
    return this.#state !== LINE || this.#line !== "";
  }

  #inLine(data: Uint8Array, from: number): number {
    const at = data.indexOf(LF, from);
    const end = at === -1 ? data.length : at + 1;
    const piece = data.subarray(from, end);
    const longest =
      this.#state === LINE && this.#line.charAt(0) !== "*" && piece[0] !== 0x2a ? LONGEST_LINE : LONGEST_HEADER;
    if (this.#line.length + piece.length > longest && (this.#line !== "" || piece.length > longest)) {
      this.#fail("a line is too long");
      return end;
    }
    this.#line += latin1(piece);
    this.#give(piece);
    if (at !== -1) this.#endLine();
    return end;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    // Redis looks for CR LF in these two: with LF alone it would read on where this reader stops.
    if (this.#state === LENGTH) return this.#beginArgument(line);
    if (line.startsWith("*")) return this.#beginArray(line);
    this.#inline(line.replace(/\r?\n$/, ""));
  }

  #inline(line: string): void {
    if (!/^[\t\x20-\x7e]*$/.test(line)) return this.#fail("an inline command with other bytes than printable ASCII");
    const words = line.split(/[\t ]+/).filter((word) => word !== "");
    const [command, subcommand = ""] = words;
    // Redis answers an empty line with nothing.
    if (command === undefined) return this.#end();
    // Quotes may stand in the middle of a word, and have escapes: a name that has them is not worth the risk.
    if (/["'\\]/.test(command + subcommand)) return this.#fail("a quoted inline command");
    this.#decide(command, this.#judge.needsSubcommand(command.toLowerCase()) ? subcommand : "");
    this.#end();
  }

  #beginArray(line: string): void {
    if (!/^\*-?\d+\r\n$/.test(line)) return this.#fail("the number of arguments is none");
    this.#arguments = Number(line.slice(1));
    if (this.#arguments > this.#limits.maxArguments) return this.#fail("too many arguments");
    if (this.#arguments <= 0) this.#end();
    else this.#state = LENGTH;
  }

  #beginArgument(line: string): void {
    if (!/^\$\d+\r\n$/.test(line)) return this.#fail("the length of an argument is none");
    const length = Number(line.slice(1));
    if (length > this.#limits.maxArgumentBytes) return this.#fail("an argument is too long");
    this.#bytes = length + 2;
    this.#word = "";
    this.#state = BYTES;
    // No command has such a name: nothing of it needs to be kept.
    if (length > LONGEST_NAME && this.#words !== null) this.#decide(this.#words[0] ?? "?", "?");
  }

  #inBytes(data: Uint8Array, from: number): number {
    const end = Math.min(data.length, from + this.#bytes);
    const piece = data.subarray(from, end);
    if (this.#words !== null) this.#word += latin1(piece);
    this.#give(piece);
    if (!this.#endsRight(data, from, end)) {
      this.#fail("an argument has another length than it says");
      return end;
    }
    this.#bytes -= end - from;
    if (this.#bytes === 0) this.#endArgument();
    return end;
  }

  /** Whether what has come of the argument's line end is one. Redis skips two bytes whatever they are, and would run `FLUSHALLxx` as FLUSHALL. */
  #endsRight(data: Uint8Array, from: number, end: number): boolean {
    const lf = from + this.#bytes - 1;
    const cr = lf - 1;
    return (lf >= end || data[lf] === LF) && (cr < from || cr >= end || data[cr] === CR);
  }

  #endArgument(): void {
    this.#arguments--;
    this.#state = LENGTH;
    if (this.#words !== null) {
      const word = this.#word.replace(/\r\n$/, "").toLowerCase();
      this.#words.push(word);
      if (this.#words.length === 1 && this.#arguments > 0 && this.#judge.needsSubcommand(word)) this.#needed = 2;
      if (this.#words.length === this.#needed) this.#decide(this.#words[0]!, this.#words[1] ?? "");
    }
    if (this.#arguments === 0) this.#end();
  }

  #decide(command: string, subcommand: string): void {
    const judgement = this.#judge.judge(command.toLowerCase(), subcommand.toLowerCase());
    this.#words = null;
    this.#isPassing = judgement === "pass";
    if (this.#isPassing) this.#out.push(...this.#held);
    else if (judgement !== "drop") this.#out.push(judgement as Uint8Array);
    this.#held = [];
  }

  /** The command is over. */
  #end(): void {
    // What was never judged is no command, and does nothing.
    if (this.#words !== null) this.#out.push(...this.#held);
    this.#held = [];
    this.#words = [];
    this.#needed = 1;
    this.#isPassing = true;
    this.#state = LINE;
  }

  /** Bytes of the command that is being read. */
  #give(piece: Uint8Array): void {
    if (this.#words !== null) this.#held.push(Uint8Array.from(piece));
    else if (this.#isPassing) this.#join(piece);
  }

  /** Neighbours in the chunk leave as one piece. */
  #join(piece: Uint8Array): void {
    const last = this.#out.at(-1);
    if (last !== undefined && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset) {
      this.#out[this.#out.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + piece.length);
    } else this.#out.push(piece);
  }

  #fail(fault: string): void {
    this.fault = fault;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
