/** Empties the trailers; the message still ends with them. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide, type Side } from "./side.ts";

export function swallowTrailers(side: Side): HarnessFilter {
  return onSide(side, {
    trailers(_way, _stream, trailers) {
      for (const name of Array.from(trailers, ([known]) => known)) trailers.delete(name);
    },
  });
}
