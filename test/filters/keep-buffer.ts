/** Breaks the rule: keeps a view of the bytes that it was given, and looks at them after its hook. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide, type Side, text } from "./side.ts";

export class KeepBuffer {
  readonly kept: Uint8Array[] = [];
  readonly filter: HarnessFilter;

  constructor(side: Side) {
    this.filter = onSide(side, { data: (data) => void this.kept.push(data) });
  }

  get text(): string {
    return this.kept.map(text).join("");
  }
}
