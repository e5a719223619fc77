/** Waits for the stream's end through its signal. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide } from "./side.ts";

export class UseSignal {
  signal: AbortSignal | null = null;
  aborted = 0;
  readonly filter: HarnessFilter = onSide("request", {
    headers: (_way, stream) => {
      this.signal = stream.signal;
      stream.signal.addEventListener("abort", () => this.aborted++);
    },
  });
}
