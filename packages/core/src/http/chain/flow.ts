/**
 * Hot path: docs/extending/hot-path-rules.md. One direction of a stream through its filters. The common case, every hook synchronous and continuing, is a plain
 * loop; a filter that stops, or whose promise is open, gets a `Hold` at its slot (held-flow.ts). Hooks of a direction never nest: what the source or a filter sends
 * while one runs comes after it. Subclasses say where frames end up, and in which order slots come.
 */
import type { DataVerdict, Verdict } from "@sluice/sdk";
import { Continue } from "@sluice/sdk";
import { KNOWN } from "../headers/field.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { HeldFlow, type Stopping } from "./held-flow.ts";
import { EMPTY, type FlowStream, PHASE_DATA, PHASE_HEADERS, PHASE_TRAILERS } from "./hold-list.ts";
import { type Chunk, type Hold, HOLD_DEAD } from "./hold.ts";

/** What came while frames were moving. `slot` null: from the source; `trailers` null: a chunk; both null: `resume()`. */
interface Deferred {
  readonly slot: FilterSlot | null;
  readonly data: Uint8Array | null;
  readonly trailers: HeaderMap | null;
  readonly end: boolean;
}

export abstract class Flow extends HeldFlow {
  /** Frames are moving: this flow is on the stack. */
  private isMoving: boolean;
  private deferred: Deferred[] | null;

  constructor(stream: FlowStream) {
    super(stream);
    this.isMoving = false;
    this.deferred = null;
  }

  protected abstract headersSlots(): readonly FilterSlot[] | null;
  protected abstract callHeaders(slot: FilterSlot, headers: HeaderMap, end: boolean): Verdict | Promise<Verdict>;
  protected abstract callData(slot: FilterSlot, data: Uint8Array, end: boolean): DataVerdict | Promise<DataVerdict>;
  protected abstract callTrailers(slot: FilterSlot, trailers: HeaderMap): Verdict | Promise<Verdict>;
  /** Where frames end up. */
  protected abstract sinkHeaders(headers: HeaderMap, end: boolean): void;
  protected abstract sinkData(data: Uint8Array, end: boolean): void;
  protected abstract sinkTrailers(trailers: HeaderMap): void;
  /** A slot number that comes before all. */
  protected abstract readonly origin: number;

  // ---- frames from the source -------------------------------------------------------------------------------------------------------------

  sendHeaders(headers: HeaderMap, end: boolean): void {
    if (this.halted) return;
    this.headers = headers;
    this.isMoving = true;
    this.runHeaders(this.origin, headers, end);
    this.leave();
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (this.halted) return;
    if (this.isMoving) {
      this.defer(null, new Uint8Array(data), null, end);
      return;
    }
    this.isMoving = true;
    this.runData(this.origin, data, end);
    this.leave();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.halted) return;
    this.trailers = trailers;
    if (this.isMoving) {
      this.defer(null, null, trailers, true);
      return;
    }
    this.isMoving = true;
    this.runTrailers(this.origin, trailers);
    this.leave();
  }

  // ---- what a filter asks for -------------------------------------------------------------------------------------------------------------

  /** Ends a stop of the filter at `slot`. */
  resume(slot: FilterSlot): void {
    if (this.hookSlot === slot.slot)
      throw new TypeError("resume() inside a hook of the same direction: return Continue instead");
    if (this.isMoving) {
      this.defer(slot, null, null, false);
      return;
    }
    const hold = this.findHold(slot.slot);
    if (hold === null) return;
    this.isMoving = true;
    this.release(hold);
    this.leave();
  }

  /** Bytes from the filter at `slot` to what follows it. @throws TypeError where the rules of the sdk forbid it. */
  inject(slot: FilterSlot, data: Uint8Array, end: boolean): void {
    if (!(data instanceof Uint8Array)) throw new TypeError("inject() takes bytes: a Uint8Array");
    if (this.hookSlot === slot.slot) {
      if (this.hookPhase === PHASE_DATA) throw new TypeError("inject() inside a data hook: return the bytes instead");
      (this.injected ??= []).push({ data: new Uint8Array(data), end });
      return;
    }
    if (this.isBeforeHeaders(slot.slot))
      throw new TypeError("inject() before the headers of the message have come to this filter");
    if (this.isEndPast(slot.slot)) throw new TypeError("inject() after the end of the message");
    if (this.isMoving) {
      this.defer(slot, new Uint8Array(data), null, end);
      return;
    }
    this.isMoving = true;
    this.injectNow(slot, data, end);
    this.leave();
  }

  private injectNow(slot: FilterSlot, data: Uint8Array, end: boolean): void {
    const hold = this.findHold(slot.slot);
    if (hold !== null && hold.headersHeld) {
      const { injected } = hold;
      hold.headersHeld = false;
      hold.injected = null;
      if (hold.headersEnd) this.lengthUnknown();
      this.runHeaders(slot.slot, this.headers!, false);
      if (this.halted) return;
      if (injected !== null) {
        this.runInjected(injected, slot);
        if (this.halted || injected.at(-1)!.end) return;
      }
    }
    this.runData(slot.slot, data, end);
    if (end && !this.halted) this.endHold(hold ?? this.holdAt(slot));
  }

  // ---- one thing after the other ----------------------------------------------------------------------------------------------------------

  private defer(slot: FilterSlot | null, data: Uint8Array | null, trailers: HeaderMap | null, end: boolean): void {
    (this.deferred ??= []).push({ slot, data, trailers, end });
  }

  protected override enter(): void {
    this.isMoving = true;
  }

  protected override leave(): void {
    if (this.deferred !== null) this.runDeferred(this.deferred);
    this.isMoving = false;
  }

  private runDeferred(deferred: readonly Deferred[]): void {
    // Index loop: what is deferred meanwhile joins the list.
    for (let i = 0; i < deferred.length && !this.inert; i++) {
      const { slot, data, trailers, end } = deferred[i]!;
      if (slot === null) {
        if (trailers === null) this.runData(this.origin, data!, end);
        else this.runTrailers(this.origin, trailers);
      } else if (data !== null) {
        if (!this.isEndPast(slot.slot)) this.injectNow(slot, data, end);
      } else {
        const hold = this.findHold(slot.slot);
        if (hold !== null) this.release(hold);
      }
    }
    this.deferred = null;
  }

  // ---- the loops --------------------------------------------------------------------------------------------------------------------------

  /** Headers to the slots after `after`. */
  protected override runHeaders(after: number, headers: HeaderMap, end: boolean): void {
    const slots = this.headersSlots();
    if (slots !== null) {
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!;
        if (after !== this.origin && !this.before(after, slot.slot)) continue;
        const verdict = this.hook(slot, PHASE_HEADERS, headers, EMPTY, end);
        if (this.halted) return;
        if (verdict === undefined || verdict === Continue) {
          if (this.holds !== null) this.dropHold(slot);
          if (this.injected !== null) {
            this.headersThenInjected(slot, headers, end);
            return;
          }
          continue;
        }
        this.stopHeaders(slot, verdict as Stopping, end);
        return;
      }
    }
    if (end) this.endDone = true;
    this.sinkHeaders(headers, end);
  }

  /** A chunk to the slots after `after`. */
  protected override runData(after: number, data: Uint8Array, end: boolean): void {
    if (this.halted) return;
    // Trailing frames wait behind whatever is held: the hooks of the slots before the first hold run.
    const hold = this.holds === null ? null : this.nextHold(after);
    const slots = this.dataSlots();
    if (slots !== null) {
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!;
        if (after !== this.origin && !this.before(after, slot.slot)) continue;
        if (hold !== null && !this.before(slot.slot, hold.slot.slot)) break;
        const verdict = this.hook(slot, PHASE_DATA, null, data, end);
        if (this.halted) return;
        if (verdict instanceof Uint8Array) data = verdict;
        else if (verdict !== undefined && verdict !== Continue) {
          this.stopData(slot, verdict as Stopping, data, end);
          return;
        }
        if (this.addedTrailers !== null) {
          this.dataThenTrailers(slot.slot, data);
          return;
        }
        if (data.length === 0 && !end) return;
      }
    }
    if (hold !== null) {
      this.dataAtHold(hold, data, end);
      return;
    }
    if (end) this.endDone = true;
    this.sinkData(data, end);
  }

  protected override runTrailers(after: number, trailers: HeaderMap): void {
    if (this.halted) return;
    const hold = this.holds === null ? null : this.nextHold(after);
    const slots = this.trailersSlots();
    if (slots !== null) {
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!;
        if (after !== this.origin && !this.before(after, slot.slot)) continue;
        if (hold !== null && !this.before(slot.slot, hold.slot.slot)) break;
        const verdict = this.hook(slot, PHASE_TRAILERS, trailers, EMPTY, true);
        if (this.halted) return;
        if (verdict === undefined || verdict === Continue) {
          if (this.injected === null) continue;
          this.injectedThenTrailers(slot, trailers);
          return;
        }
        this.stopTrailers(slot, verdict as Stopping, trailers);
        return;
      }
    }
    if (hold !== null) {
      this.trailersAtHold(hold, trailers);
      return;
    }
    this.endDone = true;
    this.sinkTrailers(trailers);
  }

  /** Calls one hook; errors are contained here. Returns what the engine should do. */
  protected override hook(
    slot: FilterSlot,
    phase: number,
    headers: HeaderMap | null,
    data: Uint8Array,
    end: boolean,
  ): DataVerdict | Promise<DataVerdict> {
    this.hookSlot = slot.slot;
    this.hookPhase = phase;
    this.hookEnd = end;
    const { probe } = this.stream;
    if (probe !== null) probe.begin(slot, this.hookName(phase));
    let verdict: DataVerdict | Promise<DataVerdict>;
    try {
      if (phase === PHASE_DATA) verdict = this.callData(slot, data, end);
      else if (phase === PHASE_HEADERS) verdict = this.callHeaders(slot, headers!, end);
      else verdict = this.callTrailers(slot, headers!);
    } catch (error) {
      verdict = Continue;
      if (!this.stream.filterFailed(slot, this.hookName(phase), error)) this.halt();
    }
    this.hookSlot = -1;
    if (probe !== null) probe.end(slot, verdict);
    // Whoever called returns at once, and nobody looks at it any more.
    if (this.halted && verdict instanceof Promise) verdict.catch(noop);
    return verdict;
  }

  private dataThenTrailers(at: number, data: Uint8Array): void {
    const trailers = this.addedTrailers!;
    this.addedTrailers = null;
    this.trailers = trailers;
    if (data.length !== 0) this.runData(at, data, false);
    this.runTrailers(at, trailers);
  }

  // ---- injection --------------------------------------------------------------------------------------------------------------------------

  private headersThenInjected(slot: FilterSlot, headers: HeaderMap, end: boolean): void {
    const chunks = this.injected!;
    this.injected = null;
    if (end) this.lengthUnknown();
    this.runHeaders(slot.slot, headers, false);
    if (!this.halted) this.runInjected(chunks, slot);
  }

  /** What a trailers hook injected goes ahead of the trailers; with an end, in their place. */
  private injectedThenTrailers(slot: FilterSlot, trailers: HeaderMap): void {
    const chunks = this.injected!;
    this.injected = null;
    this.runInjected(chunks, slot);
    if (!this.halted && !chunks.at(-1)!.end) this.runTrailers(slot.slot, trailers);
  }

  /** What a headers hook injected, behind the headers; what a trailers hook did, ahead of the trailers. Behind an end there is nothing. */
  protected override runInjected(chunks: readonly Chunk[], slot: FilterSlot): void {
    for (let i = 0; i < chunks.length && !this.halted; i++) {
      const { data, end } = chunks[i]!;
      this.runData(slot.slot, data, end);
      if (!end) continue;
      if (!this.halted) this.endHold(this.holdAt(slot));
      return;
    }
  }

  protected override lengthUnknown(): void {
    this.headers!.deleteKnown(KNOWN.contentLength);
  }

  /** An injected end is the end: what the source still sends past this filter is dropped. */
  private endHold(hold: Hold): void {
    this.endHeld(hold);
    hold.kind = HOLD_DEAD;
    hold.seen.length = 0;
    hold.unseen.length = 0;
    hold.taken = 0;
    hold.inFlight = null;
    hold.trailers = null;
    hold.bytes = 0;
    hold.fails = false;
    hold.turn++;
    hold.onBody?.reject(new Error("the filter has ended the message itself"));
    hold.onBody = null;
    this.checkLimit(hold);
  }
}

function noop(): void {}
