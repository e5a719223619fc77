/** Puts the gate's own answers among those of the server: a client that sends many commands at once reads the answers in the order of its commands. */
import { ReplyReader } from "./reply-reader.ts";

/** What is to come: null: a reply of the server. Bytes: the gate's own answer, or with `replaced` what takes the place of a reply. */
interface Expected {
  readonly own: Uint8Array | null;
  readonly replaced: boolean;
}

const SERVER: Expected = { own: null, replaced: false };
/** Own answers that wait behind a reply, and answers in all that are to come: a client that asks for more and more behind one that blocks is cut. */
const MOST_OWN = 10_000;
const MOST = 1_000_000;

export class ReplyOrder {
  readonly #reader = new ReplyReader();
  readonly #queue: Expected[] = [];
  /** Index of the first that has not come: the queue is cut now and then, not shifted. */
  #first = 0;
  /** Answers of the gate's own in the queue. */
  #ownWaiting = 0;
  /** Answers that nothing has to wait for. */
  #now: Uint8Array[] = [];
  /** Decided, and come so far: replies are no longer counted. */
  #givesUp = false;
  #isGivenUp = false;

  get fault(): string | null {
    return this.#reader.fault;
  }

  get isGivenUp(): boolean {
    return this.#givesUp;
  }

  /** Whether more answers are to come than can be kept in mind. */
  get isTooLong(): boolean {
    return this.#ownWaiting + this.#now.length > MOST_OWN || this.#queue.length - this.#first > MOST;
  }

  /** A command went to the server. */
  expect(): void {
    if (!this.#givesUp) this.#queue.push(SERVER);
  }

  /** A command went to the server, and its answer is to be replaced. */
  expectReplaced(own: Uint8Array): void {
    if (!this.#givesUp) this.#queue.push({ own, replaced: true });
  }

  /** From now on replies are not counted: the server says what it wants when it wants. Answers that still wait go out first. */
  giveUp(): void {
    if (this.#givesUp) return;
    this.#givesUp = true;
    if (this.#first === this.#queue.length) this.#isGivenUp = true;
    else this.#queue.push({ own: null, replaced: true });
  }

  /** The gate answers by itself. */
  answer(own: Uint8Array): void {
    if (this.#first === this.#queue.length) this.#now.push(own);
    else {
      this.#queue.push({ own, replaced: false });
      this.#ownWaiting++;
    }
  }

  /** Answers that go out at once; null: none. */
  takeNow(): Uint8Array | null {
    // In the middle of a push message it waits for that one's end.
    if (this.#now.length === 0 || this.#reader.isInside) return null;
    const answers = Buffer.concat(this.#now);
    this.#now = [];
    return answers;
  }

  /** What goes to the client in place of `data`; null: `data` itself. */
  write(data: Uint8Array): Uint8Array | null {
    if (this.#isGivenUp) return null;
    const out: Uint8Array[] = [];
    let isChanged = false;
    let i = 0;
    while (i < data.length && !this.#isGivenUp) {
      const isReplaced = this.#isReplacing();
      const end = this.#reader.next(data, i);
      const piece = data.subarray(i, end === -1 ? data.length : end);
      i += piece.length;
      const isDropped = isReplaced && this.#reader.isReply;
      if (isDropped) isChanged = true;
      else out.push(piece);
      if (this.#reader.fault !== null || end === -1) break;
      if (this.#reader.isReply && this.#ended(out)) isChanged = true;
      const answers = this.takeNow();
      if (answers === null) continue;
      out.push(answers);
      isChanged = true;
    }
    if (i < data.length && this.#reader.fault === null) out.push(data.subarray(i));
    return isChanged ? Buffer.concat(out) : null;
  }

  #isReplacing(): boolean {
    const next = this.#queue[this.#first];
    return next?.replaced === true && next.own !== null;
  }

  /** A reply has come; whether something of the gate's own goes behind it, or in its place. */
  #ended(out: Uint8Array[]): boolean {
    const { length } = out;
    const head = this.#queue[this.#first];
    if (head !== undefined) {
      this.#first++;
      if (head.replaced && head.own !== null) out.push(head.own);
    }
    for (let next = this.#queue[this.#first]; next !== undefined; next = this.#queue[this.#first]) {
      if (next.own === null && next.replaced) this.#isGivenUp = true;
      if (next.own === null || next.replaced) break;
      out.push(next.own);
      this.#ownWaiting--;
      this.#first++;
    }
    if (this.#first === this.#queue.length) {
      this.#queue.length = 0;
      this.#first = 0;
    } else if (this.#first > 1024) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    return out.length > length;
  }
}
