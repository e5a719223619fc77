/** Hooks that return promises. */
import { Continue, Stop, StopAndWatermark, reply } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { AwaitHook, type Phase } from "./await-hook.ts";
import { Play } from "./play.ts";
import { bytes, onSide, SIDES } from "./side.ts";
import { trace } from "./trace.ts";

const PHASES: readonly Phase[] = ["headers", "data", "trailers"];

describe.each(SIDES)("promises in the %s", (side) => {
  it.each(PHASES)(
    "hold their direction from the %s hook on; no hook of it runs on this or later filters",
    async (phase) => {
      const gate = new AwaitHook(side, phase);
      const later = new AwaitHook(side, "trailers");
      const chain = side === "request" ? [gate.filter, later.filter] : [later.filter, gate.filter];
      const play = new Play(side, chain).headers().data("a").data("b").trailers();
      await play.settle();
      const before = {
        headers: [[], []],
        data: [["headers", "a", "data"], ["headers"]],
        trailers: [
          ["headers", "a", "data", "b", "data", "trailers"],
          ["headers", "a", "data", "b", "data"],
        ],
      }[phase];
      expect([phase === "headers" ? gate.seen.slice(1) : gate.seen, later.seen]).toEqual(before);
      gate.open();
      await play.settle();
      if (phase === "data") {
        gate.open();
        await play.settle();
      }
      expect(later.seen).toEqual(["headers", "a", "data", "b", "data", "trailers"]);
      later.open();
      await play.settle();
      expect(play.body).toBe("ab");
      expect(play.ended).toBe(true);
      expect(play.isSourcePaused).toBe(false);
    },
  );

  it("pause the source once something is held behind them", async () => {
    const gate = new AwaitHook(side, "headers");
    const play = new Play(side, [gate.filter]).headers();
    expect(play.isSourcePaused).toBe(false);
    play.data("x");
    expect(play.isSourcePaused).toBe(true);
    gate.open();
    await play.settle();
    expect(play.isSourcePaused).toBe(false);
  });

  it("may settle as Stop: the source goes on, and the filter sees what comes", async () => {
    const gate = new AwaitHook(side, "data");
    const play = new Play(side, [gate.filter]).headers().data("a").data("b");
    expect(play.isSourcePaused).toBe(true);
    gate.open(Stop);
    await play.settle();
    expect(gate.seen).toEqual(["headers", "a", "data", "b", "data"]);
    gate.open(Stop);
    await play.settle();
    expect(play.isSourcePaused).toBe(false);
    expect(play.body).toBe("");
    play.data("c", true);
    gate.open(Continue);
    await play.settle();
    expect(play.body).toBe("abc");
    expect(play.ended).toBe(true);
  });

  it("may settle as bytes, which take the chunk's place", async () => {
    const gate = new AwaitHook(side, "data");
    const play = new Play(side, [gate.filter]).headers().data("a", true);
    gate.open(bytes("other"));
    await play.settle();
    expect(play.body).toBe("other");
    expect(play.ended).toBe(true);
  });

  it.each(["headers", "trailers"] as const)("that settle as bytes in a %s hook are errors", async (phase) => {
    const gate = new AwaitHook(side, phase);
    const play = new Play(side, [gate.filter]).headers().data("a").trailers();
    gate.open(bytes("other"));
    await play.settle();
    expect(play.client.stream.over).toBe(true);
    expect(play.details).toMatch(/^filter_error\{filter0:on\w+\}$/);
  });

  it("may settle as a local reply", async () => {
    const gate = new AwaitHook(side, "headers");
    const play = new Play(side, [gate.filter]).headers().data("a");
    gate.open(reply({ status: 403, body: "no" }));
    await play.settle();
    expect(play.status).toBe(403);
    expect(play.client.sent.body).toBe("no");
  });

  it("that settle as StopAndWatermark go on holding until resume()", async () => {
    const gate = new AwaitHook(side, "headers");
    const play = new Play(side, [gate.filter]).headers();
    gate.open(StopAndWatermark);
    await play.settle();
    play.data("x");
    expect(play.frames).toEqual([]);
    expect(play.isSourcePaused).toBe(true);
    gate.way!.resume();
    expect(play.frames).toEqual(["headers", "data:1"]);
    expect(play.isSourcePaused).toBe(false);
  });

  it.each(PHASES)("that are rejected in a %s hook are throws", async (phase) => {
    const gate = new AwaitHook(side, phase);
    const play = new Play(side, [gate.filter]).headers().data("a").trailers();
    gate.fail("torture");
    await play.settle();
    expect(play.details).toBe(
      `filter_error{filter0:on${side === "request" ? "Request" : "Response"}${phase[0]!.toUpperCase()}${phase.slice(1)}}`,
    );
    if (side === "request" || phase === "headers") expect(play.status).toBe(500);
    else expect(play.client.sent.resetReason).toBe("local_reset");
  });

  it("that settle or fail after the end are ignored", async () => {
    for (const settle of ["open", "fail"] as const) {
      const gate = new AwaitHook(side, "data");
      const play = new Play(side, [gate.filter]).headers().data("a");
      play.client.abort();
      gate[settle]("late" as never);
      await play.settle();
      expect(play.body).toBe("");
      expect(play.details).toBe(side === "request" ? "downstream_remote_disconnect" : "via_upstream");
      expect(play.harness.log).toEqual([]);
    }
  });

  it("may be any thenable, and one whose then throws is an error of the filter", async () => {
    const thenable = { then: (resolve: (verdict: undefined) => void) => resolve(undefined) };
    const good = new Play(side, [onSide(side, { headers: () => thenable as Promise<void> })]).message("a");
    await good.settle();
    expect(good.body).toBe("a");
    const broken = {
      get then(): never {
        throw new Error("torture");
      },
    };
    const bad = new Play(side, [onSide(side, { headers: () => broken as never })]).message("a");
    await bad.settle();
    expect(bad.status).toBe(500);
  });
});

it("the other direction runs while a promise is open", async () => {
  const gate = new AwaitHook("request", "data");
  const calls: string[] = [];
  const play = new Play("request", [gate.filter, trace("t", calls)]).headers().data("a");
  play.terminal.respond(200, {}, false).data("early", true);
  await play.settle();
  expect(play.client.sent).toMatchObject({ status: 200, body: "early", ended: true });
  expect(calls).toEqual(["t:request", "t:response", "t:response-data", "t:complete", "t:destroy"]);
  gate.open();
  await play.settle();
  expect(play.body).toBe("");
});
