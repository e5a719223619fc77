/** Awaits a gate in one hook; the test opens it. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { DataVerdict, Direction, Verdict } from "@sluice/sdk";
import { onSide, type Side, text } from "./side.ts";

export type Phase = "headers" | "data" | "trailers";

export class AwaitHook {
  readonly seen: string[] = [];
  way: Direction | null = null;
  readonly filter: HarnessFilter;
  #settle: { resolve(verdict: DataVerdict): void; reject(error: Error): void } | null = null;

  constructor(side: Side, phase: Phase) {
    const gate = (at: Phase): Promise<DataVerdict> | undefined => {
      this.seen.push(at);
      if (at !== phase) return undefined;
      return new Promise<DataVerdict>((resolve, reject) => (this.#settle = { resolve, reject }));
    };
    this.filter = onSide(side, {
      headers: (way) => {
        this.way = way;
        return gate("headers") as Promise<Verdict> | undefined;
      },
      data: (data) => {
        this.seen.push(text(data));
        return gate("data");
      },
      trailers: () => gate("trailers") as Promise<Verdict> | undefined,
    });
  }

  open(verdict?: DataVerdict): void {
    this.#settle!.resolve(verdict);
  }

  fail(message: string): void {
    this.#settle!.reject(new Error(message));
  }
}
