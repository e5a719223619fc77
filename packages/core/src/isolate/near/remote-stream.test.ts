import type { Timer } from "@sluice/sdk";
import { expect, test } from "vitest";
import type { StreamHandle } from "../../http/chain/stream-handle.ts";
import type { FilterThread } from "./filter-thread.ts";
import { RemoteStream } from "./remote-stream.ts";

test("timers of a stream end with the thread that would have run them, though nothing else of the stream needs it", () => {
  const running = new Set<() => void>();
  const fired: number[] = [];
  const stream = new RemoteStream();
  stream.handle = {
    setTimer(callback: () => void): Timer {
      running.add(callback);
      return { cancel: () => void running.delete(callback) };
    },
  } as unknown as StreamHandle;
  stream.thread = {
    timerFired: (_stream: RemoteStream, timer: number) => fired.push(timer),
  } as unknown as FilterThread;
  stream.setTimer(1, 100);
  stream.setTimer(2, 200);
  for (const callback of [...running].slice(0, 1)) callback();
  stream.threadLost(new Error("the thread was lost"));
  expect([fired, stream.isLost, running.size]).toEqual([[1], false, 1]);
});
