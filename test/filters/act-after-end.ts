/** Keeps its handle and does everything it can in `onStreamComplete`, in `onDestroy` and afterwards: nothing of it may have an effect. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { HttpStream } from "@sluice/sdk";
import { bytes } from "./side.ts";

export class ActAfterEnd {
  handle: HttpStream | null = null;
  fired = 0;
  destroyed = 0;
  completed = 0;
  readonly filter: HarnessFilter = {
    name: "act",
    hooks: {
      onRequestHeaders: (_headers: unknown, _end: boolean, stream: HttpStream) => {
        this.handle = stream;
        // Later than any end that a test waits for.
        stream.setTimer(() => this.fired++, 390_000);
      },
      onStreamComplete: (_info: unknown, stream: HttpStream) => {
        this.completed++;
        this.act(stream);
      },
      onDestroy: (stream: HttpStream) => {
        this.destroyed++;
        this.act(stream);
      },
    },
  };

  act(stream: HttpStream): void {
    stream.reply({ status: 418 });
    stream.reset();
    for (const way of [stream.request, stream.response]) {
      way.resume();
      way.inject(bytes("x"), true);
      way.pause();
      way.unpause();
      way.watch({ onAboveHighWatermark: () => this.fired++, onBelowLowWatermark: () => this.fired++ });
      way.replaceBody(bytes("y"));
      way.body().catch(() => {});
    }
    stream.clearRouteCache();
    stream.resetIdleTimer();
    stream.setTimer(() => this.fired++, 1).cancel();
    stream.setTimer(() => this.fired++, 1);
  }
}
