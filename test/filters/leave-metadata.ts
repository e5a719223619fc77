/** Leaves dynamic metadata and filter state for later filters, logs and later streams of the connection. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide } from "./side.ts";

export function leaveMetadata(): HarnessFilter {
  return onSide("request", {
    headers(_way, stream) {
      stream.metadata.set("torture", { a: 1 });
      stream.metadata.set("torture", { b: 2 });
      stream.filterState.set("request", "of this stream");
      if (!stream.filterState.has("connection"))
        stream.filterState.set("connection", stream.id, { life: "connection", readOnly: true });
    },
  });
}
