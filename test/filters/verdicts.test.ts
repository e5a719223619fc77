/** What each verdict does to headers, data and trailers, in both directions. */
import { StopAndBuffer, StopAndWatermark } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { bufferChunks } from "./buffer-chunks.ts";
import { consumeAll } from "./consume-all.ts";
import { Play } from "./play.ts";
import { replaceChunks } from "./replace-chunks.ts";
import { resumeInsideHook } from "./resume-inside-hook.ts";
import { resumeTwice } from "./resume-twice.ts";
import { SIDES } from "./side.ts";
import { stopThenResumeLater } from "./stop-then-resume-later.ts";
import { stopTrailers } from "./stop-trailers.ts";
import { stopUntilEnd } from "./stop-until-end.ts";
import { StopWith } from "./stop-with.ts";
import { swallowTrailers } from "./swallow-trailers.ts";

describe.each(SIDES)("verdicts in the %s", (side) => {
  it("Stop in a headers hook holds what comes until resume()", () => {
    const play = new Play(side, [stopThenResumeLater(side, 50)]).message("one ", "two");
    play.harness.advance(40);
    expect(play.frames).toEqual([]);
    play.harness.advance(20);
    expect(play.frames).toEqual(["headers", "data:4", "data:3", "end"]);
    expect(play.body).toBe("one two");
  });

  it("Stop lets the filter's own hooks see the body, and the first Continue releases all of it", () => {
    const seen: string[] = [];
    const play = new Play(side, [stopUntilEnd(side, seen)]).headers().data("one ").data("two ");
    expect(play.frames).toEqual([]);
    play.data("three", true);
    expect(seen).toEqual(["one ", "two ", "three"]);
    expect(play.body).toBe("one two three");
    expect(play.ended).toBe(true);
  });

  it("Stop is released by a trailers hook that continues", () => {
    const play = new Play(side, [stopUntilEnd(side, [])]).headers().data("body").trailers({ "x-sum": "9" });
    expect(play.frames).toEqual(["headers", "data:4", "trailers", "end"]);
    expect(play.receivedTrailers).toEqual({ "x-sum": "9" });
  });

  it("Stop pauses the source while more than the limit is held, and lets it go on afterwards", () => {
    const chunked = new Play(side, [stopUntilEnd(side, [])], { bufferLimitBytes: 4 }).headers().data("1234");
    expect(chunked.isSourcePaused).toBe(false);
    chunked.data("5");
    expect(chunked.isSourcePaused).toBe(true);
    chunked.trailers();
    expect(chunked.body).toBe("12345");
    if (side === "request") expect(chunked.isSourcePaused).toBe(false);
  });

  it("StopAndBuffer in a headers hook calls nothing until resume(), then shows the filter what was held", () => {
    const stop = new StopWith(side, StopAndBuffer);
    const play = new Play(side, [stop.filter]).message("one", "two");
    expect(stop.seen).toEqual([]);
    expect(play.isSourcePaused).toBe(false);
    stop.way!.resume();
    expect(stop.seen).toEqual(["one", "two"]);
    expect(play.body).toBe("onetwo");
  });

  it.each([
    ["headers", (): StopWith => new StopWith(side, StopAndBuffer)],
    ["data", (): { filter: ReturnType<typeof bufferChunks> } => ({ filter: bufferChunks(side) })],
  ])("StopAndBuffer in a %s hook answers beyond the limit", (_phase, make) => {
    const play = new Play(side, [make().filter], { bufferLimitBytes: 10 }).headers().data("12345").data("12345");
    expect(play.status).toBe(_phase === "data" && side === "response" ? 200 : 0);
    play.data("1");
    if (_phase === "data" && side === "response") expect(play.frames).toEqual(["headers", "reset:local_reset"]);
    else expect(play.status).toBe(side === "request" ? 413 : 500);
    expect(play.details).toBe(`${side}_payload_too_large`);
    expect(play.client.stream.over).toBe(true);
  });

  it("StopAndBuffer in a data hook holds every chunk until the last", () => {
    const play = new Play(side, [bufferChunks(side)]).headers().data("a").data("b");
    expect(play.frames).toEqual(["headers"]);
    play.data("c", true);
    expect(play.body).toBe("abc");
  });

  it("StopAndWatermark pauses the source at the first held byte, until resume()", () => {
    const stop = new StopWith(side, StopAndWatermark);
    const play = new Play(side, [stop.filter]).headers();
    expect(play.isSourcePaused).toBe(false);
    play.data("held");
    expect(play.isSourcePaused).toBe(true);
    expect(stop.seen).toEqual([]);
    stop.way!.resume();
    expect(play.isSourcePaused).toBe(false);
    play.data(" more", true);
    expect(play.body).toBe("held more");
  });

  it("a stop in a trailers hook holds the trailers alone", () => {
    let resume = (): void => {};
    const play = new Play(side, [stopTrailers(side, (way) => (resume = () => way.resume()))])
      .headers()
      .data("x")
      .trailers();
    expect(play.frames).toEqual(["headers", "data:1"]);
    resume();
    expect(play.frames).toEqual(["headers", "data:1", "trailers", "end"]);
  });

  it("filters that hold one behind the other pass everything on in order", () => {
    const outer = new StopWith(side, StopAndWatermark);
    const inner = new StopWith(side, StopAndBuffer);
    const chain = side === "request" ? [outer.filter, inner.filter] : [inner.filter, outer.filter];
    const play = new Play(side, chain).headers().data("1").data("2");
    outer.way!.resume();
    expect(play.frames).toEqual([]);
    play.data("3", true);
    inner.way!.resume();
    expect(play.body).toBe("123");
    expect(play.ended).toBe(true);
    expect(play.isSourcePaused).toBe(false);
  });

  it("bytes take the place of a chunk; empty ones consume it, but not the end", () => {
    const play = new Play(side, [replaceChunks(side, (chunk) => chunk.toUpperCase().repeat(2))]).message("a", "b");
    expect(play.body).toBe("AABB");
    const consumed = new Play(side, [consumeAll(side)]).message("a", "b");
    expect(consumed.frames).toEqual(["headers", "data:0", "end"]);
  });

  it("trailers can be emptied", () => {
    const play = new Play(side, [swallowTrailers(side)]).headers().data("x").trailers();
    expect(play.receivedTrailers).toEqual({});
    expect(play.ended).toBe(true);
  });

  it("resume() is harmless where nothing is held", () => {
    const play = new Play(side, [resumeTwice(side)]).message("a");
    play.harness.advance(100);
    expect(play.frames).toEqual(["headers", "data:1", "end"]);
  });

  it("resume() inside a hook of the same direction is an error of the filter", () => {
    const play = new Play(side, [resumeInsideHook(side)]).headers().data("a");
    expect(play.status).toBe(500);
    expect(play.details).toBe(`filter_error{filter0:on${side === "request" ? "Request" : "Response"}Data}`);
  });
});
