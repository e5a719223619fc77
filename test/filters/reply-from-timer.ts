/** Stops the request and answers from a timer. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Stop } from "@sluice/sdk";
import { onSide } from "./side.ts";

export function replyFromTimer(status: number, ms: number): HarnessFilter {
  return onSide("request", {
    headers(_way, stream) {
      stream.setTimer((s) => s.reply({ status, body: "late", details: "too_late" }), ms);
      return Stop;
    },
  });
}
