/** Stops headers and chunks, and lets all go with the last chunk or with the trailers. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Continue, Stop } from "@sluice/sdk";
import { onSide, type Side, text } from "./side.ts";

export function stopUntilEnd(side: Side, seen: string[]): HarnessFilter {
  return onSide(side, {
    headers: (_way, _stream, end) => (end ? Continue : Stop),
    data(data, end) {
      seen.push(text(data));
      return end ? Continue : Stop;
    },
    trailers: () => Continue,
  });
}
