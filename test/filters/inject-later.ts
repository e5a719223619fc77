/** Keeps its direction, so that a test injects from outside of any hook: late, twice, after the end. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Direction, Verdict } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export class InjectLater {
  way: Direction | null = null;
  readonly filter: HarnessFilter;

  constructor(side: Side, verdict?: Verdict) {
    this.filter = onSide(side, {
      headers: (way) => {
        this.way = way;
        return verdict;
      },
    });
  }
}
