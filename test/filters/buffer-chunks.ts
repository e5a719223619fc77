/** Buffers from the first chunk on: every chunk is shown to it, the last one lets all of them go. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Continue, StopAndBuffer } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function bufferChunks(side: Side): HarnessFilter {
  return onSide(side, { data: (_data, end) => (end ? Continue : StopAndBuffer) });
}
