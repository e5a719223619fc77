/** The state of one direction and the holds of its filters. The rules that move frames stand in held-flow.ts (slow) and flow.ts (fast). */
import type { LocalReply } from "@sluice/sdk";
import { retainReadBuffer } from "../../network/connection.ts";
import type { MeasuredDirection, MeasuredHook } from "../../observe/cost-names.ts";
import type { StreamProbe } from "../../observe/stream-probe.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { FlowControl } from "./flow-control.ts";
import { type Chunk, Hold, HOLD_BUFFER, HOLD_DEAD, HOLD_OWN } from "./hold.ts";

export const PHASE_HEADERS = 0;
export const PHASE_DATA = 1;
export const PHASE_TRAILERS = 2;

export const EMPTY = new Uint8Array(0);
/** Held chunks below this size are copied: a view would keep a whole read buffer alive. */
const COPY_BELOW = 16_384;

/** What a flow needs from its stream. */
export interface FlowStream {
  /** The stream is over: nothing runs any more. */
  readonly over: boolean;
  readonly bufferLimit: number;
  /** null: the stream is neither measured nor traced. */
  readonly probe: StreamProbe | null;
  replyFrom(slot: FilterSlot, reply: LocalReply): void;
  /** Tells whether the stream goes on without the filter's verdict. */
  filterFailed(slot: FilterSlot, hook: string, error: unknown): boolean;
  bodyTooLarge(flow: HoldList): void;
}

export abstract class HoldList extends FlowControl {
  readonly stream: FlowStream;
  /** Everything went by the last filter. */
  endDone: boolean;
  /** No hook of this direction runs any more: the stream was answered or is over. */
  halted: boolean;
  headers: HeaderMap | null;
  trailers: HeaderMap | null;
  /** In flow order; null in the common case. */
  holds: Hold[] | null;
  /** Slot whose hook is on the stack, -1: none; its phase; whether it saw the end. */
  hookSlot: number;
  hookPhase: number;
  hookEnd: boolean;
  /** Trailers that the data hook on the stack asks for; chunks that the headers hook on the stack injected. */
  addedTrailers: HeaderMap | null;
  injected: Chunk[] | null;

  constructor(stream: FlowStream) {
    super();
    this.stream = stream;
    this.endDone = false;
    this.halted = false;
    this.headers = null;
    this.trailers = null;
    this.holds = null;
    this.hookSlot = -1;
    this.hookPhase = PHASE_HEADERS;
    this.hookEnd = false;
    this.addedTrailers = null;
    this.injected = null;
  }

  /** Nothing of this direction may be done any more. */
  get inert(): boolean {
    return this.halted || this.stream.over;
  }

  protected override defaultLimit(): number {
    return this.stream.bufferLimit;
  }

  /** Names for whoever watches. */
  protected abstract readonly direction: MeasuredDirection;
  protected abstract hookName(phase: number): MeasuredHook;

  /** The filter holds the direction no longer. */
  protected endHeld(hold: Hold): void {
    const { heldSinceMs } = hold;
    hold.heldSinceMs = -1;
    if (heldSinceMs !== -1) this.stream.probe?.released(hold.slot, this.direction, heldSinceMs);
  }

  protected override watcherFailed(slot: FilterSlot, error: unknown): void {
    this.stream.filterFailed(slot, "watch", error);
  }

  holdAt(slot: FilterSlot): Hold {
    const holds = (this.holds ??= []);
    let i = 0;
    for (; i < holds.length; i++) {
      const h = holds[i]!;
      if (h.slot === slot) return h;
      if (this.before(slot.slot, h.slot.slot)) break;
    }
    const hold = new Hold(slot, this.limitOf(slot.slot));
    holds.splice(i, 0, hold);
    return hold;
  }

  findHold(slot: number): Hold | null {
    if (this.holds === null) return null;
    for (const h of this.holds) if (h.slot.slot === slot) return h;
    return null;
  }

  protected nextHold(after: number): Hold | null {
    for (const h of this.holds!) if (this.before(after, h.slot.slot)) return h;
    return null;
  }

  protected removeHold(hold: Hold): void {
    hold.turn++;
    this.endHeld(hold);
    const holds = this.holds!;
    holds.splice(holds.indexOf(hold), 1);
    if (holds.length === 0) this.holds = null;
  }

  /** A hold that `body()` made for a filter that did not wait for it. */
  protected dropHold(slot: FilterSlot): void {
    const hold = this.findHold(slot.slot);
    if (hold === null) return;
    hold.onBody?.reject(new Error("the headers hook went on without its body"));
    this.removeHold(hold);
  }

  /** Whether the end of the message went by `slot`: what is sent from there would come after it. */
  protected isEndPast(slot: number): boolean {
    if (this.endDone) return true;
    if (this.hookSlot !== -1 && this.hookEnd && this.before(slot, this.hookSlot)) return true;
    if (this.holds === null) return false;
    for (const h of this.holds) {
      if (h.slot.slot === slot ? h.kind === HOLD_DEAD : this.before(slot, h.slot.slot) && h.holdsEnd) return true;
    }
    return false;
  }

  /** Whether the headers have yet to come to `slot`: what is sent from there would come before them. */
  protected isBeforeHeaders(slot: number): boolean {
    if (this.headers === null) return true;
    if (this.hookSlot !== -1 && this.hookPhase === PHASE_HEADERS && this.before(this.hookSlot, slot)) return true;
    if (this.holds === null) return false;
    for (const h of this.holds) if (h.headersHeld && this.before(h.slot.slot, slot)) return true;
    return false;
  }

  /** Resolves with the whole body that the hold keeps; rejected when the stream ends before. */
  wholeBody(hold: Hold, limit: number | undefined): Promise<Uint8Array> {
    hold.fails = true;
    if (limit !== undefined) hold.limit = limit;
    hold.body ??= new Promise<Uint8Array>((resolve, reject) => {
      hold.onBody = { resolve, reject };
    });
    // Who does not look at it must not end the process; an awaiting hook still sees the rejection.
    hold.body.catch(noop);
    this.checkLimit(hold);
    if (this.inert) return hold.body;
    if (hold.holdsEnd || (this.hookSlot === hold.slot.slot && this.hookEnd)) this.completeBody(hold);
    return hold.body;
  }

  /** The whole body is held: who waits for it gets it. */
  protected completeBody(hold: Hold): void {
    hold.complete = true;
    const waiting = hold.onBody;
    if (waiting === null) return;
    hold.onBody = null;
    waiting.resolve(join(hold.unseen));
  }

  /** Answers a stream that holds more than it may; else pauses or restarts the source as the hold's state asks for. */
  protected checkLimit(hold: Hold): void {
    if (hold.fails && hold.bytes > hold.limit) {
      this.stream.bodyTooLarge(this);
      return;
    }
    const isFull =
      !hold.fails &&
      hold.kind !== HOLD_DEAD &&
      hold.bytes > (hold.kind === HOLD_OWN || hold.kind === HOLD_BUFFER ? hold.limit : 0);
    if (isFull === hold.pausing) return;
    hold.pausing = isFull;
    if (isFull) this.pause(hold.slot.slot);
    else this.unpause(hold.slot.slot);
  }

  /** No hook of this direction runs any more. */
  halt(): void {
    if (this.halted) return;
    this.halted = true;
    if (this.holds !== null) {
      for (const hold of this.holds) {
        hold.onBody?.reject(new Error("the stream ended before its body was complete"));
        this.endHeld(hold);
      }
      this.holds = null;
    }
    this.injected = null;
    this.addedTrailers = null;
    this.endFlowControl();
  }
}

function noop(): void {}

function join(chunks: readonly Chunk[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!.data;
  let length = 0;
  for (const c of chunks) length += c.data.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const c of chunks) {
    all.set(c.data, at);
    at += c.data.length;
  }
  return all;
}

/** A chunk that outlives its turn: small ones are copied, large ones keep their read buffer. */
export function keep(data: Uint8Array): Uint8Array {
  if (data.length >= COPY_BELOW) {
    retainReadBuffer();
    return data;
  }
  return data.length === 0 ? EMPTY : new Uint8Array(data);
}
