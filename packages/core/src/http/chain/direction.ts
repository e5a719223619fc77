/** One direction of a stream from one filter's place: the public face of a flow. Made on first use. */
import type { Direction, Headers, WatermarkListener } from "@sluice/sdk";
import { HeaderField } from "../headers/field.ts";
import { HeaderMap } from "../headers/header-map.ts";
import type { FilterSlot } from "./filter-chain.ts";
import type { Flow } from "./flow.ts";
import { PHASE_DATA, PHASE_HEADERS } from "./hold-list.ts";

export class DirectionView implements Direction {
  readonly #flow: Flow;
  readonly #slot: FilterSlot;
  /** Pauses that this filter may give back: those of its holds, at the same place, are not its own. */
  #pauses = 0;

  constructor(flow: Flow, slot: FilterSlot) {
    this.#flow = flow;
    this.#slot = slot;
  }

  resume(): void {
    if (!this.#flow.inert) this.#flow.resume(this.#slot);
  }

  inject(data: Uint8Array, end: boolean): void {
    if (!this.#flow.inert) this.#flow.inject(this.#slot, data, end);
  }

  addTrailers(): Headers {
    const flow = this.#flow;
    if (flow.inert || flow.hookSlot !== this.#slot.slot || flow.hookPhase !== PHASE_DATA || !flow.hookEnd) {
      throw new TypeError("addTrailers() outside of the data hook that gets the end of the message");
    }
    return (flow.addedTrailers ??= new HeaderMap());
  }

  body(limit?: number): Promise<Uint8Array> {
    const flow = this.#flow;
    if (flow.inert) return Promise.reject(new TypeError("body() after the stream's end"));
    const slot = this.#slot;
    if (flow.hookSlot === slot.slot && flow.hookPhase === PHASE_HEADERS)
      return flow.wholeBody(flow.holdAt(slot), limit);
    const hold = flow.findHold(slot.slot);
    if (hold === null || !hold.headersHeld || hold.seen.length !== 0) {
      throw new TypeError("body() after the headers have passed this filter: call it in the headers hook");
    }
    return flow.wholeBody(hold, limit);
  }

  replaceBody(data: Uint8Array): void {
    const flow = this.#flow;
    if (flow.inert) return;
    if (!(data instanceof Uint8Array)) throw new TypeError("replaceBody() takes bytes: a Uint8Array");
    const hold = flow.findHold(this.#slot.slot);
    if (hold === null || !hold.complete || !hold.headersHeld)
      throw new TypeError("replaceBody() before body() has given the whole body");
    hold.headersEnd = false;
    hold.unseen = [{ data: new Uint8Array(data), end: hold.trailers === null }];
    hold.taken = 0;
    hold.bytes = data.length;
    const headers = flow.headers!;
    if (hold.trailers === null || headers.find("content-length") !== null) {
      headers.setField(new HeaderField("content-length", String(data.length)));
    }
  }

  pause(): void {
    if (this.#flow.inert) return;
    this.#pauses++;
    this.#flow.pause(this.#slot.slot);
  }

  unpause(): void {
    if (this.#pauses === 0) return;
    this.#pauses--;
    this.#flow.unpause(this.#slot.slot);
  }

  get aboveWatermark(): boolean {
    return this.#flow.isPausedBehind(this.#slot.slot);
  }

  watch(listener: WatermarkListener | null): void {
    if (!this.#flow.inert) this.#flow.watch(this.#slot, listener);
  }

  get bufferLimit(): number {
    return this.#flow.limitOf(this.#slot.slot);
  }

  set bufferLimit(bytes: number) {
    this.#flow.setLimit(this.#slot.slot, bytes);
  }
}
