/** Finds where replies of the Redis protocol (RESP2 and RESP3) end, as they stream. It keeps nothing of them but how many values are still to come. */

const LF = 0x0a;
const LONGEST_HEADER = 64;
const LONGEST_LINE = 1_048_576;
const DEEPEST = 64;

export class ReplyReader {
  fault: string | null = null;
  /** Whether the value that ended last was a reply, and no push message of RESP3. */
  isReply = true;
  #type = 0;
  #header = "";
  #length = 0;
  /** Bytes of a bulk value that are still to come; 0: a line is read. */
  #bytes = 0;
  /** Values that are still to come in each aggregate that is open. */
  readonly #open: number[] = [];

  /** The index behind the value that ends next at the top, from `from` on; -1: it ends in a later chunk. */
  next(data: Uint8Array, from: number): number {
    let i = from;
    while (i < data.length && this.fault === null) {
      if (this.#bytes > 0) {
        const taken = Math.min(this.#bytes, data.length - i);
        this.#bytes -= taken;
        i += taken;
        if (this.#bytes === 0 && this.#endValue()) return i;
        continue;
      }
      const at = data.indexOf(LF, i);
      const end = at === -1 ? data.length : at + 1;
      this.#readLine(data.subarray(i, end));
      i = end;
      if (at !== -1 && this.fault === null && this.#endLine()) return i;
    }
    return -1;
  }

  /** Whether a value has begun and is not over. */
  get isInside(): boolean {
    return this.#open.length > 0 || this.#bytes > 0 || this.#length > 0;
  }

  #readLine(piece: Uint8Array): void {
    if (this.#length === 0) {
      this.#type = piece[0]!;
      if (!TYPES.has(this.#type)) this.fault = "an unknown type";
      if (this.#open.length === 0) this.isReply = this.#type !== PUSH;
    }
    this.#length += piece.length;
    if (this.#header.length <= LONGEST_HEADER)
      this.#header += Buffer.from(piece.subarray(0, LONGEST_HEADER)).toString("latin1");
    if (this.#length > LONGEST_LINE) this.fault = "a line is too long";
  }

  /** Whether a value at the top is over. */
  #endLine(): boolean {
    const header = this.#header.replace(/\r?\n$/, "");
    this.#header = "";
    this.#length = 0;
    if (SIMPLE.includes(this.#type)) return this.#endValue();
    const count = Number(header.slice(1));
    if (!/^-?\d+$/.test(header.slice(1)) || count < -1) return this.#fail("a length is none");
    if (BULK.includes(this.#type)) {
      if (count === -1) return this.#endValue();
      this.#bytes = count + 2;
      return false;
    }
    if (this.#open.length === DEEPEST) return this.#fail("too deep");
    const values = this.#type === MAP || this.#type === ATTRIBUTE ? count * 2 : count;
    // An attribute goes in front of a value, and is none.
    if (this.#type === ATTRIBUTE) this.#open.push(values + 1);
    else if (values <= 0) return this.#endValue();
    else this.#open.push(values);
    return false;
  }

  #endValue(): boolean {
    while (this.#open.length > 0) {
      const left = this.#open.pop()! - 1;
      if (left > 0) {
        this.#open.push(left);
        return false;
      }
    }
    return true;
  }

  #fail(fault: string): false {
    this.fault = fault;
    return false;
  }
}

const codes = (characters: string): readonly number[] => [...characters].map((character) => character.charCodeAt(0));
const SIMPLE = codes("+-:_#,(");
const BULK = codes("$!=");
const AGGREGATE = codes("*~>%|");
const TYPES: ReadonlySet<number> = new Set([...SIMPLE, ...BULK, ...AGGREGATE]);
const [PUSH, MAP, ATTRIBUTE] = codes(">%|");
