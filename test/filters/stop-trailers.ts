/** Lets everything pass but the trailers, which wait for `resume()`. */
import type { HarnessFilter } from "@sluice/core/testing";
import { type Direction, Stop } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function stopTrailers(side: Side, resume: (way: Direction) => void): HarnessFilter {
  return onSide(side, {
    trailers(way) {
      resume(way);
      return Stop;
    },
  });
}
