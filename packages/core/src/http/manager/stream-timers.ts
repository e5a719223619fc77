/** Hot path. Timers of one stream: its own (a module-level function) and those of its filters, cancelled with it. */
import type { Timer } from "@sluice/sdk";
import { TimerNode, type Timers } from "../../timing/clock.ts";
import type { StreamHandle } from "../chain/stream-handle.ts";
import type { TimedStream } from "./timed-stream.ts";

export class StreamTimer extends TimerNode {
  readonly #stream: TimedStream;
  readonly #callback: (stream: TimedStream) => void;

  constructor(stream: TimedStream, callback: (stream: TimedStream) => void) {
    super();
    this.#stream = stream;
    this.#callback = callback;
  }

  override onTimeout(): void {
    if (!this.#stream.over) this.#callback(this.#stream);
  }
}

/** Timers that few streams have, made together. */
export class StreamTimers {
  readonly request: StreamTimer;
  readonly duration: StreamTimer;
  readonly log: StreamTimer;

  constructor(
    stream: TimedStream,
    onRequest: (stream: TimedStream) => void,
    onDuration: (stream: TimedStream) => void,
    onLog: (stream: TimedStream) => void,
  ) {
    this.request = new StreamTimer(stream, onRequest);
    this.duration = new StreamTimer(stream, onDuration);
    this.log = new StreamTimer(stream, onLog);
  }

  cancel(timers: Timers): void {
    timers.cancel(this.request);
    timers.cancel(this.duration);
    timers.cancel(this.log);
  }
}

/** A filter's timer; in its stream's list while it is armed, so that a stream that lives long keeps none that has fired. */
export class FilterTimer extends TimerNode implements Timer {
  readonly #handle: StreamHandle;
  readonly #callback: (stream: StreamHandle) => void;
  before: FilterTimer | null;
  after: FilterTimer | null;

  constructor(handle: StreamHandle, callback: (stream: StreamHandle) => void) {
    super();
    this.#handle = handle;
    this.#callback = callback;
    this.before = null;
    this.after = null;
  }

  override onTimeout(): void {
    const { stream, slot } = this.#handle;
    if (stream.over) return;
    stream.forgetTimer(this);
    stream.enter(slot);
    try {
      this.#callback(this.#handle);
    } catch (error) {
      stream.filterFailed(slot, "timer", error);
    }
  }

  cancel(): void {
    // Armed: else it has fired, or was cancelled with its stream.
    if (this.deadline !== -1) this.#handle.stream.cancelTimer(this);
  }
}
