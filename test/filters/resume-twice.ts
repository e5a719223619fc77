/** Resumes twice from its timer, and once more from a second one. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Stop } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function resumeTwice(side: Side): HarnessFilter {
  return onSide(side, {
    headers(way, stream) {
      stream.setTimer(() => {
        way.resume();
        way.resume();
      }, 10);
      stream.setTimer(() => way.resume(), 50);
      return Stop;
    },
  });
}
