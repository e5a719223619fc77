/** Gives a message without a body one, or puts bytes before the one that it has. */
import type { HarnessFilter } from "@sluice/core/testing";
import { bytes, onSide, type Side } from "./side.ts";

export function addBody(side: Side, body: string, ends: boolean): HarnessFilter {
  return onSide(side, { headers: (way) => way.inject(bytes(body), ends) });
}
