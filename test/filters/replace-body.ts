/** Awaits the whole body in its headers hook and puts another one in its place. */
import type { HarnessFilter } from "@sluice/core/testing";
import { bytes, onSide, type Side, text } from "./side.ts";

export function replaceBody(side: Side, replace: (body: string) => string, limit?: number): HarnessFilter {
  return onSide(side, {
    async headers(way) {
      way.replaceBody(bytes(replace(text(await way.body(limit)))));
    },
  });
}
