import type { Gauge } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import type { FilterThread } from "./filter-thread.ts";
import { ThreadEntries } from "./thread-entries.ts";

class CountedGauge implements Gauge {
  value = 0;
  set(value: number): void {
    this.value = value;
  }
  inc(amount = 1): void {
    this.value += amount;
  }
  dec(amount = 1): void {
    this.value -= amount;
  }
}

/** Entries of a thread whose filter has gauges and a logger that cannot write "unwritable". */
function entriesOf() {
  const gauges = new Map<string, CountedGauge>();
  const lines: string[] = [];
  let errors = 0;
  const write = (message: string): void => {
    if (message === "unwritable") throw new TypeError("the log cannot be written");
    lines.push(message);
  };
  const gauge = (name: string): CountedGauge => {
    gauges.set(name, gauges.get(name) ?? new CountedGauge());
    return gauges.get(name)!;
  };
  const context = {
    stats: { gauge, counter: () => ({ inc: () => errors++ }) },
    logger: { info: write, error: write },
  };
  const thread = { open: new Map(), streams: new Map(), filter: { context } } as unknown as FilterThread;
  return { entries: new ThreadEntries(thread), gauges, lines, errors: () => errors };
}

describe("what a thread says", () => {
  test("ends nothing where it cannot be done: it is told, counted, and what follows is heard", () => {
    const { entries, lines, errors } = entriesOf();
    entries.receive([
      ["log", "info", "before", undefined],
      ["log", "info", "unwritable", undefined],
      ["log", "info", "after", undefined],
    ]);
    expect(lines).toEqual(["before", "what the filter's thread asks for (log) cannot be done", "after"]);
    expect(errors()).toBe(1);
  });
});

describe("gauges of a thread that is gone", () => {
  test("fall by what it has raised them", () => {
    const { entries, gauges } = entriesOf();
    entries.receive([
      ["metric", 0, "gauge", false, "live", null],
      ["measure", 0, "inc", 3],
      ["measure", 0, "dec", 1],
    ]);
    gauges.get("live")!.inc(5);
    entries.end();
    expect(gauges.get("live")!.value).toBe(5);
  });

  test("keep what it has set them to", () => {
    const { entries, gauges } = entriesOf();
    entries.receive([
      ["metric", 0, "gauge", false, "size", null],
      ["measure", 0, "inc", 3],
      ["measure", 0, "set", 7],
    ]);
    entries.end();
    expect(gauges.get("size")!.value).toBe(7);
  });
});
