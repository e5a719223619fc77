/** Back-pressure: pauses are counted, watermark listeners hear of what lies behind them. */
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import { Stop, StopAndWatermark } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { AwaitHook } from "./await-hook.ts";
import { Play } from "./play.ts";
import { onSide } from "./side.ts";
import { StopWith } from "./stop-with.ts";
import { WatchWatermarks } from "./watch-watermarks.ts";

describe("a slow client", () => {
  it("is heard by every filter that watches the response, and by the terminal", () => {
    const watch = new WatchWatermarks("response");
    const play = new Play("response", [watch.filter]);
    play.client.clientSlow();
    expect(play.isSourcePaused).toBe(true);
    expect(watch.stream!.response.aboveWatermark).toBe(true);
    play.client.clientFast();
    expect(watch.heard).toEqual(["high", "low"]);
    expect(play.isSourcePaused).toBe(false);
  });

  it("that was slow before is told at once to who begins to watch", () => {
    const watch = new WatchWatermarks("response");
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([watch.filter, terminal.filter]);
    harness.open().clientSlow().headers();
    expect(watch.heard).toEqual(["high"]);
  });

  it("hears no listener any more that was taken back", () => {
    const watch = new WatchWatermarks("response");
    const play = new Play("response", [watch.filter]);
    watch.stream!.response.watch(null);
    play.client.clientSlow();
    expect(watch.heard).toEqual([]);
  });
});

describe("pauses", () => {
  it("of several filters are counted: the source goes on when the last one is gone", () => {
    const outer = new StopWith("request", undefined);
    const inner = new StopWith("request", undefined);
    const play = new Play("request", [outer.filter, inner.filter]).headers();
    outer.way!.pause();
    inner.way!.pause();
    inner.way!.pause();
    outer.way!.unpause();
    inner.way!.unpause();
    expect(play.isSourcePaused).toBe(true);
    inner.way!.unpause();
    expect(play.isSourcePaused).toBe(false);
  });

  it("are not given back by who did not make them", () => {
    const outer = new StopWith("request", undefined);
    const holder = new StopWith("request", StopAndWatermark);
    const play = new Play("request", [outer.filter, holder.filter]).headers().data("x");
    outer.way!.unpause();
    holder.way!.unpause();
    expect(play.isSourcePaused).toBe(true);
    holder.way!.resume();
    expect(play.isSourcePaused).toBe(false);
  });

  it("are heard towards the source only, and not by who made them", () => {
    const first = new WatchWatermarks("request");
    const second = new WatchWatermarks("request");
    const third = new WatchWatermarks("request");
    new Play("request", [first.filter, second.filter, third.filter]).headers();
    const { request } = second.stream!;
    request.pause();
    expect([first.heard, second.heard, third.heard]).toEqual([["high"], [], []]);
    expect([first, second, third].map((w) => w.stream!.request.aboveWatermark)).toEqual([true, false, false]);
    request.unpause();
    expect([first.heard, second.heard, third.heard]).toEqual([["high", "low"], [], []]);
  });

  it("in the response are heard by inner filters, which are nearer to its source", () => {
    const outer = new WatchWatermarks("response");
    const inner = new WatchWatermarks("response");
    const play = new Play("response", [outer.filter, inner.filter]);
    outer.stream!.response.pause();
    expect([outer.heard, inner.heard, play.isSourcePaused]).toEqual([[], ["high"], true]);
    inner.stream!.response.pause();
    outer.stream!.response.unpause();
    expect([outer.heard, inner.heard, play.isSourcePaused]).toEqual([[], ["high", "low"], true]);
  });

  it("end with the stream, and mean nothing afterwards", () => {
    const stop = new StopWith("request", StopAndWatermark);
    const play = new Play("request", [stop.filter]).headers().data("x");
    stop.way!.pause();
    play.client.abort();
    stop.way!.unpause();
    stop.way!.pause();
    expect(play.client.stream.requestFlow.pauses).toBe(0);
  });
});

it("a listener that gives way at once leaves everyone with the truth", () => {
  const watch = new WatchWatermarks("response");
  const gate = new StopWith("response", undefined);
  const eager = onSide("request", {
    headers: (_way, stream) =>
      stream.response.watch({ onAboveHighWatermark: () => gate.way!.unpause(), onBelowLowWatermark: () => {} }),
  });
  const play = new Play("response", [gate.filter, eager, watch.filter]).headers();
  gate.way!.pause();
  expect(watch.heard).toEqual([]);
  expect(play.isSourcePaused).toBe(false);
});

it("a hold that goes from a promise to a stop gives the source back what it needs", async () => {
  const gate = new AwaitHook("request", "headers");
  const play = new Play("request", [gate.filter]).headers().data("1");
  expect(play.isSourcePaused).toBe(true);
  gate.open(Stop);
  await play.settle();
  expect(play.isSourcePaused).toBe(false);
});

it("what a filter may hold can be raised and lowered before it holds", () => {
  for (const [limit, status] of [
    [3, 413],
    [30, 0],
  ] as const) {
    const filter = onSide("request", {
      headers(way) {
        way.bufferLimit = limit;
        expect(way.bufferLimit).toBe(limit);
        return 2;
      },
    });
    expect(new Play("request", [filter], { bufferLimitBytes: 10 }).headers().data("1234567").status).toBe(status);
  }
});
