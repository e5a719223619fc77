/** Adds trailers to a message that ends without; optionally stops with them. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Direction, Verdict } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function addTrailers(side: Side, verdict?: (way: Direction) => Verdict | Promise<Verdict>): HarnessFilter {
  return onSide(side, {
    data(_data, end, way) {
      if (!end) return undefined;
      way.addTrailers().set("x-added", "yes");
      return verdict?.(way);
    },
  });
}
