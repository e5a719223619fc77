/** Notes what its watermark listeners hear, and can pause by itself. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { HttpStream } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export class WatchWatermarks {
  readonly heard: string[] = [];
  stream: HttpStream | null = null;
  readonly filter: HarnessFilter;

  constructor(side: Side) {
    this.filter = onSide("request", {
      headers: (_way, stream) => {
        this.stream = stream;
        stream[side].watch({
          onAboveHighWatermark: () => void this.heard.push("high"),
          onBelowLowWatermark: () => void this.heard.push("low"),
        });
      },
    });
  }
}
