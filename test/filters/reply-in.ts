/** Answers locally from one hook. */
import type { HarnessFilter } from "@sluice/core/testing";
import { type LocalReplyOptions, reply } from "@sluice/sdk";
import type { Phase } from "./await-hook.ts";
import { onSide, type Side } from "./side.ts";

export function replyIn(side: Side, phase: Phase, options: LocalReplyOptions): HarnessFilter {
  return onSide(side, { [phase]: () => reply(options) });
}
