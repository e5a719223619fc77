/** Resets the stream from one hook. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Phase } from "./await-hook.ts";
import { onSide, type Side } from "./side.ts";

export function resetIn(side: Side, phase: Phase): HarnessFilter {
  const reset = (...args: readonly unknown[]): void =>
    (args.find((a) => typeof a === "object" && a !== null && "reset" in a) as { reset(details: string): void }).reset(
      "torture_reset",
    );
  return onSide(side, { [phase]: reset });
}
