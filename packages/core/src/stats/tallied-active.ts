/** Hot path. What is under way, by a tally that loses what dead threads had: the filters' `shared.active`. */
import type { SharedActive } from "@sluice/sdk";
import type { SharedTally } from "./shared-tally.ts";

export class TalliedActive implements SharedActive {
  readonly #tally: SharedTally;

  constructor(tally: SharedTally) {
    this.#tally = tally;
  }

  begin(): number {
    return this.#tally.add(0) + 1;
  }

  end(): void {
    this.#tally.remove(0);
  }

  get(): number {
    return this.#tally.get(0);
  }

  release(): void {
    this.#tally.release();
  }
}
