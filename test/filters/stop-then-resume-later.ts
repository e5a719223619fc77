/** Stops the headers and resumes from a timer; has no other hook. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Stop } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function stopThenResumeLater(side: Side, ms: number): HarnessFilter {
  return onSide(side, {
    headers(_way, stream) {
      stream.setTimer((s) => s[side].resume(), ms);
      return Stop;
    },
  });
}
