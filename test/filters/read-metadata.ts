/** Reads what `leave-metadata` left. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide } from "./side.ts";

export class ReadMetadata {
  readonly found: unknown[] = [];
  readonly filter: HarnessFilter = onSide("request", {
    headers: (_way, stream) => {
      this.found.push(
        { ...stream.metadata.get("torture") },
        stream.filterState.get("request"),
        stream.filterState.get("connection"),
      );
    },
  });
}
