/** Puts other bytes in the place of each chunk; an empty string consumes it. */
import type { HarnessFilter } from "@sluice/core/testing";
import { bytes, onSide, type Side, text } from "./side.ts";

export function replaceChunks(side: Side, replace: (chunk: string) => string): HarnessFilter {
  return onSide(side, { data: (data) => bytes(replace(text(data))) });
}
