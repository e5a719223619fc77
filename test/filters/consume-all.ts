/** Lets no byte pass, but the end. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide, type Side } from "./side.ts";

const NOTHING = new Uint8Array(0);

export function consumeAll(side: Side): HarnessFilter {
  return onSide(side, { data: () => NOTHING });
}
