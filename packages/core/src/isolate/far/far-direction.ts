/** One direction of a stream in the filter's thread: what the filter asks of it travels to the worker, in order. */
import type { Direction, Headers, WatermarkListener } from "@sluice/sdk";
import { HeaderMap } from "../../http/headers/header-map.ts";
import { directionOf, type DirectionNumber, type FarError, fromFarError } from "../protocol.ts";
import { INFORMATIONAL, REQUEST_DATA, RESPONSE_DATA } from "../protocol.ts";
import type { FarCall } from "./far-call.ts";
import type { FarStream } from "./far-stream.ts";

export class FarDirection implements Direction {
  readonly #stream: FarStream;
  readonly #direction: DirectionNumber;
  readonly #bodies = new Map<number, { resolve(body: Uint8Array): void; reject(error: Error): void }>();
  #listener: WatermarkListener | null = null;
  /** null: nothing was heard of it. */
  #isAbove: boolean | null = null;

  constructor(stream: FarStream, direction: DirectionNumber) {
    this.#stream = stream;
    this.#direction = direction;
  }

  resume(): void {
    if (this.#callOnStack() !== null)
      throw new TypeError("resume() inside a hook of the same direction: return Continue instead");
    this.#stream.command(["resume", this.#stream.number, this.#direction]);
  }

  inject(data: Uint8Array, end: boolean): void {
    if (!(data instanceof Uint8Array)) throw new TypeError("inject() takes bytes: a Uint8Array");
    const stream = this.#stream;
    const call = this.#callOnStack();
    if (call !== null && (call.hook === REQUEST_DATA || call.hook === RESPONSE_DATA))
      throw new TypeError("inject() inside a data hook: return the bytes instead");
    if (stream.isOver) return;
    stream.command([
      "inject",
      stream.number,
      this.#direction,
      stream.outbox.copyOf(data),
      end,
      call === null ? -1 : call.number,
    ]);
  }

  addTrailers(): Headers {
    const call = this.#callOnStack();
    if (call === null || !call.end || (call.hook !== REQUEST_DATA && call.hook !== RESPONSE_DATA))
      throw new TypeError("addTrailers() outside of the data hook that gets the end of the message");
    return (call.trailers ??= new HeaderMap());
  }

  body(limit?: number): Promise<Uint8Array> {
    const stream = this.#stream;
    if (stream.isOver) return Promise.reject(new TypeError("body() after the stream's end"));
    const number = stream.nextNumber();
    const body = new Promise<Uint8Array>((resolve, reject) => this.#bodies.set(number, { resolve, reject }));
    // Who does not look at it must not end the thread; an awaiting hook still sees the rejection.
    body.catch(noop);
    stream.command(["askBody", stream.number, this.#direction, number, limit]);
    return body;
  }

  /** The worker's answer to `body`. */
  bodyCame(number: number, data: Uint8Array | null, error: FarError | null): boolean {
    const waiting = this.#bodies.get(number);
    if (waiting === undefined) return false;
    this.#bodies.delete(number);
    if (data === null) waiting.reject(fromFarError(error!));
    else waiting.resolve(data);
    return true;
  }

  replaceBody(data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) throw new TypeError("replaceBody() takes bytes: a Uint8Array");
    const stream = this.#stream;
    if (!stream.isOver) stream.command(["replaceBody", stream.number, this.#direction, stream.outbox.copyOf(data)]);
  }

  pause(): void {
    this.#stream.command(["pause", this.#stream.number, this.#direction, true]);
  }

  unpause(): void {
    this.#stream.command(["pause", this.#stream.number, this.#direction, false]);
  }

  get aboveWatermark(): boolean {
    if (this.#isAbove === null)
      throw new TypeError("aboveWatermark: outside of inline it is known to who calls watch(), from its first event");
    return this.#isAbove;
  }

  watch(listener: WatermarkListener | null): void {
    this.#listener = listener;
    this.#isAbove = listener === null ? null : (this.#isAbove ?? false);
    this.#stream.command(["watch", this.#stream.number, this.#direction, listener !== null]);
  }

  /** What the worker says of the other side. */
  watermark(isAbove: boolean): void {
    if (this.#listener === null) return;
    this.#isAbove = isAbove;
    if (isAbove) this.#listener.onAboveHighWatermark();
    else this.#listener.onBelowLowWatermark();
  }

  get bufferLimit(): number {
    throw new TypeError("bufferLimit cannot be read outside of inline (runtime: worker)");
  }

  set bufferLimit(bytes: number) {
    this.#stream.command(["bufferLimit", this.#stream.number, this.#direction, bytes]);
  }

  end(): void {
    const error = new Error("the stream ended before its body was complete");
    for (const { reject } of this.#bodies.values()) reject(error);
    this.#bodies.clear();
    this.#listener = null;
  }

  /** The hook of this direction that has not returned yet. */
  #callOnStack(): FarCall | null {
    const call = this.#stream.onStack;
    if (call === null || call.hook === INFORMATIONAL) return null;
    return directionOf(call.hook) === this.#direction ? call : null;
  }
}

function noop(): void {}
