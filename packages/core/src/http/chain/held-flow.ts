/**
 * The slow side of a flow: what happens when a filter stops, awaits, goes on again. Frames that come meanwhile queue in its `Hold`, in order; several filters may
 * hold at once, and what one lets go may be stopped by the next. `drain` is the one place where a hold moves.
 */
import type { DataVerdict, LocalReply } from "@sluice/sdk";
import { Continue, Stop, StopAndBuffer, StopAndWatermark } from "@sluice/sdk";
import { retainReadBuffer } from "../../network/connection.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { EMPTY, HoldList, keep, PHASE_DATA, PHASE_HEADERS, PHASE_TRAILERS } from "./hold-list.ts";
import {
  type Chunk,
  type Hold,
  HOLD_ALL,
  HOLD_BUFFER,
  HOLD_DEAD,
  HOLD_OWN,
  HOLD_PASSING,
  HOLD_PROMISE,
} from "./hold.ts";

type Answer = DataVerdict | Promise<DataVerdict>;
/** What is left of an answer when it is not "go on". */
export type Stopping = Exclude<DataVerdict, void> | Promise<DataVerdict>;

export abstract class HeldFlow extends HoldList {
  protected abstract runHeaders(after: number, headers: HeaderMap, end: boolean): void;
  protected abstract runData(after: number, data: Uint8Array, end: boolean): void;
  protected abstract runTrailers(after: number, trailers: HeaderMap): void;
  protected abstract runInjected(chunks: readonly Chunk[], slot: FilterSlot): void;
  protected abstract hook(
    slot: FilterSlot,
    phase: number,
    headers: HeaderMap | null,
    data: Uint8Array,
    end: boolean,
  ): Answer;
  protected abstract dataSlots(): readonly FilterSlot[] | null;
  protected abstract trailersSlots(): readonly FilterSlot[] | null;
  /** Around whatever moves frames: what the source and filters do meanwhile comes after it. */
  protected abstract enter(): void;
  protected abstract leave(): void;

  // ---- stopping ---------------------------------------------------------------------------------------------------------------------------

  protected stopHeaders(slot: FilterSlot, verdict: Stopping, end: boolean): void {
    if (this.isAnswered(slot, verdict)) return;
    const hold = this.holdAt(slot);
    hold.headersHeld = true;
    hold.headersEnd = end;
    hold.injected = this.injected;
    this.injected = null;
    if (!this.stop(hold, verdict, PHASE_HEADERS, EMPTY, end)) return;
    if (end) this.completeBody(hold);
    this.drain(hold);
  }

  protected stopData(slot: FilterSlot, verdict: Stopping, data: Uint8Array, end: boolean): void {
    if (this.isAnswered(slot, verdict)) return;
    const hold = this.holdAt(slot);
    if (this.stop(hold, verdict, PHASE_DATA, data, end)) this.drain(hold);
  }

  protected stopTrailers(slot: FilterSlot, verdict: Stopping, trailers: HeaderMap): void {
    if (this.isAnswered(slot, verdict)) return;
    const hold = this.holdAt(slot);
    hold.trailers = trailers;
    hold.trailersSeen = true;
    this.takeInjected(hold);
    if (this.stop(hold, verdict, PHASE_TRAILERS, EMPTY, true)) this.drain(hold);
  }

  /** What the trailers hook injected. */
  private takeInjected(hold: Hold): void {
    const { injected } = this;
    if (injected === null) return;
    this.injected = null;
    for (const { data, end } of injected) this.injectAhead(hold, data, end);
  }

  /** Bytes that a filter's trailers hook injected go ahead of the trailers; with an end, in their place. */
  injectAhead(hold: Hold, data: Uint8Array, end: boolean): void {
    if (hold.trailers === null) return;
    hold.seen.push({ data, end });
    hold.bytes += data.length;
    if (end) hold.trailers = null;
  }

  /** A local reply ends the direction. */
  private isAnswered(slot: FilterSlot, verdict: Stopping): boolean {
    if (typeof verdict !== "object" || verdict === null || !("kind" in verdict) || verdict.kind !== "sluice.reply")
      return false;
    this.stream.replyFrom(slot, verdict as LocalReply);
    this.halt();
    return true;
  }

  /** Turns a verdict that is neither "go on" nor a reply into the state of a hold. `data` is the chunk that the hook saw (PHASE_DATA). false: the stream was answered. */
  private stop(hold: Hold, verdict: Stopping, phase: number, data: Uint8Array, end: boolean): boolean {
    const { probe } = this.stream;
    if (probe !== null && hold.heldSinceMs === -1) hold.heldSinceMs = probe.now();
    if (typeof verdict === "object" && verdict !== null && "then" in verdict) {
      hold.kind = HOLD_PROMISE;
      hold.phase = phase;
      if (phase === PHASE_DATA) {
        retainReadBuffer();
        hold.inFlight = { data, end };
      }
      hold.addedTrailers = this.addedTrailers;
      this.addedTrailers = null;
      this.awaitVerdict(hold, verdict);
      return true;
    }
    if (verdict !== Stop && verdict !== StopAndBuffer && verdict !== StopAndWatermark) {
      const hook = this.hookName(phase);
      if (!this.stream.filterFailed(hold.slot, hook, new TypeError(`${hook} returned what is not a verdict`)))
        return false;
      this.letGo(hold, phase, data, end);
      return true;
    }
    if (phase === PHASE_DATA) this.push(hold, keep(data), end);
    if (phase === PHASE_HEADERS && hold.body !== null) {
      // Who waits for the whole body gets it, whichever way it stops.
      hold.kind = HOLD_BUFFER;
      hold.fails = true;
      return true;
    }
    hold.fails = verdict === StopAndBuffer;
    if (verdict === StopAndWatermark) hold.kind = HOLD_ALL;
    else hold.kind = verdict === StopAndBuffer && phase === PHASE_HEADERS ? HOLD_BUFFER : HOLD_OWN;
    return true;
  }

  private awaitVerdict(hold: Hold, promise: PromiseLike<DataVerdict>): void {
    const turn = ++hold.turn;
    Promise.resolve(promise).then(
      (verdict) => {
        if (hold.turn !== turn || this.inert) return;
        this.stream.probe?.settled(hold.slot, this.hookName(hold.phase), verdict);
        this.settled(hold, verdict);
      },
      (error: unknown) => {
        if (this.inert) return;
        const goesOn = this.stream.filterFailed(hold.slot, this.hookName(hold.phase), error);
        if (goesOn && hold.turn === turn) this.settled(hold, Continue);
      },
    );
  }

  /** A promise's verdict, applied to the frame that was in flight. */
  private settled(hold: Hold, verdict: DataVerdict): void {
    const { inFlight, phase } = hold;
    const data = inFlight === null ? EMPTY : inFlight.data;
    const end = inFlight !== null && inFlight.end;
    hold.inFlight = null;
    hold.turn++;
    this.enter();
    this.addedTrailers = hold.addedTrailers;
    hold.addedTrailers = null;
    if (verdict === undefined || verdict === Continue) this.letGo(hold, phase, data, end);
    else if (verdict instanceof Uint8Array && phase === PHASE_DATA) this.letGo(hold, phase, verdict, end);
    else if (this.isAnswered(hold.slot, verdict) || !this.stop(hold, verdict, phase, data, end)) {
      this.leave();
      return;
    }
    this.drain(hold);
    this.leave();
  }

  /** The filter lets the frame go that its hook has seen, and with it everything that it holds. */
  private letGo(hold: Hold, phase: number, data: Uint8Array, end: boolean): void {
    if (phase === PHASE_DATA) this.push(hold, data, end);
    hold.kind = HOLD_PASSING;
  }

  /** A chunk that the filter has seen, and the trailers that it adds behind it. */
  private push(hold: Hold, data: Uint8Array, end: boolean): void {
    const trailers = this.addedTrailers;
    if (trailers !== null) {
      this.addedTrailers = null;
      this.trailers = trailers;
      hold.trailers = trailers;
      hold.trailersSeen = true;
    }
    const isEnd = end && trailers === null;
    if (data.length === 0 && !isEnd) return;
    hold.seen.push({ data, end: isEnd });
    hold.bytes += data.length;
  }

  // ---- going on ---------------------------------------------------------------------------------------------------------------------------

  /** `resume()`: what the filter has seen goes on, what it has not seen is given to it. */
  protected release(hold: Hold): void {
    if (hold.kind === HOLD_PROMISE || hold.kind === HOLD_DEAD) return;
    hold.kind = HOLD_PASSING;
    this.drain(hold);
  }

  /** Frames for a filter that holds: it gets them now if it is still called, else they wait. */
  protected dataAtHold(hold: Hold, data: Uint8Array, end: boolean): void {
    if (hold.kind === HOLD_DEAD) return;
    hold.bytes += data.length;
    if (hold.kind === HOLD_OWN) {
      hold.unseen.push({ data, end });
      this.drain(hold);
      return;
    }
    hold.unseen.push({ data: keep(data), end });
    this.checkLimit(hold);
    if (end && !this.halted) this.completeBody(hold);
  }

  protected trailersAtHold(hold: Hold, trailers: HeaderMap): void {
    if (hold.kind === HOLD_DEAD) return;
    hold.trailers = trailers;
    if (hold.kind === HOLD_OWN) this.drain(hold);
    else this.completeBody(hold);
  }

  /** Moves a hold as far as its filter allows: what it has seen goes on, what it has not seen goes through its hooks, until it stops again or nothing is left. */
  protected drain(hold: Hold): void {
    for (;;) {
      if (hold.kind === HOLD_PASSING) this.passSeen(hold);
      if (this.halted) return;
      if (hold.kind !== HOLD_PASSING && hold.kind !== HOLD_OWN) break;
      const chunk = hold.take();
      if (chunk !== null) this.ownData(hold, chunk.data, chunk.end);
      else if (hold.trailers !== null && !hold.trailersSeen) this.ownTrailers(hold, hold.trailers);
      else if (hold.kind === HOLD_OWN) break;
      else {
        this.endPassing(hold);
        return;
      }
      if (this.halted) return;
    }
    this.checkLimit(hold);
  }

  private passSeen(hold: Hold): void {
    const at = hold.slot.slot;
    if (hold.headersHeld) {
      const { injected } = hold;
      hold.headersHeld = false;
      hold.injected = null;
      if (injected === null) this.runHeaders(at, this.headers!, hold.headersEnd);
      else {
        if (hold.headersEnd) this.lengthUnknown();
        this.runHeaders(at, this.headers!, false);
        if (!this.halted) this.runInjected(injected, hold.slot);
      }
    }
    const { seen } = hold;
    for (let i = 0; i < seen.length && !this.halted; i++) {
      const { data, end } = seen[i]!;
      hold.bytes -= data.length;
      this.runData(at, data, end);
    }
    seen.length = 0;
  }

  private ownData(hold: Hold, data: Uint8Array, end: boolean): void {
    const { slot } = hold;
    if (!hasSlot(this.dataSlots(), slot)) {
      this.push(hold, hold.kind === HOLD_OWN ? keep(data) : data, end);
      return;
    }
    const verdict = this.hook(slot, PHASE_DATA, null, data, end);
    if (this.halted) return;
    if (verdict === undefined || verdict === Continue) this.letGo(hold, PHASE_DATA, data, end);
    else if (verdict instanceof Uint8Array) this.letGo(hold, PHASE_DATA, verdict, end);
    else if (!this.isAnswered(slot, verdict)) this.stop(hold, verdict, PHASE_DATA, data, end);
  }

  private ownTrailers(hold: Hold, trailers: HeaderMap): void {
    const { slot } = hold;
    hold.trailersSeen = true;
    if (!hasSlot(this.trailersSlots(), slot)) return;
    const verdict = this.hook(slot, PHASE_TRAILERS, trailers, EMPTY, true);
    if (this.halted) return;
    this.takeInjected(hold);
    if (verdict === undefined || verdict === Continue) hold.kind = HOLD_PASSING;
    else if (!this.isAnswered(slot, verdict)) this.stop(hold, verdict, PHASE_TRAILERS, EMPTY, true);
  }

  private endPassing(hold: Hold): void {
    const at = hold.slot.slot;
    this.removeHold(hold);
    if (hold.trailers !== null) this.runTrailers(at, hold.trailers);
    if (hold.pausing && !this.halted) this.unpause(at);
  }

  /** Bytes that no length foresaw follow the headers. */
  protected abstract lengthUnknown(): void;
}

function hasSlot(slots: readonly FilterSlot[] | null, slot: FilterSlot): boolean {
  return slots !== null && slots.includes(slot);
}
