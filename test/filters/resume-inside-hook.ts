/** Breaks the rule: resumes its own direction inside a hook of it. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Stop } from "@sluice/sdk";
import { onSide, type Side } from "./side.ts";

export function resumeInsideHook(side: Side): HarnessFilter {
  return onSide(side, {
    headers: () => Stop,
    data(_data, _end, way) {
      way.resume();
      return Stop;
    },
  });
}
