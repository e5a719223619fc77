/** Returns one verdict from the headers hook and keeps its handle, for a test that resumes it by hand. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Direction, Verdict } from "@sluice/sdk";
import { onSide, type Side, text } from "./side.ts";

export class StopWith {
  way: Direction | null = null;
  readonly seen: string[] = [];
  readonly filter: HarnessFilter;

  constructor(side: Side, verdict: Verdict) {
    this.filter = onSide(side, {
      headers: (way) => {
        this.way = way;
        return verdict;
      },
      data: (data) => void this.seen.push(text(data)),
    });
  }
}
