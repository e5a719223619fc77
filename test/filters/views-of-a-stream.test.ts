/** What filters see and may touch of a stream besides its frames: bytes, headers, routes and their configurations, metadata, 1xx. */
import { type HarnessFilter, HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import { Continue, type HttpStream, reply, Stop } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { AwaitHook } from "./await-hook.ts";
import { clearRouteCache } from "./clear-route-cache.ts";
import { dropInformational } from "./drop-informational.ts";
import { echoTerminal } from "./echo-terminal.ts";
import { holdResponseUntilRequestEnds } from "./hold-response-until-request-ends.ts";
import { KeepBuffer } from "./keep-buffer.ts";
import { leaveMetadata } from "./leave-metadata.ts";
import { mutateHeaders } from "./mutate-headers.ts";
import { Play } from "./play.ts";
import { ReadMetadata } from "./read-metadata.ts";
import { ReadRouteConfig } from "./read-route-config.ts";
import { routeConfig } from "./route-config.ts";
import { onSide, SIDES } from "./side.ts";
import { stopBothDirections } from "./stop-both-directions.ts";
import { StopWith } from "./stop-with.ts";

describe.each(SIDES)("bytes of the %s", (side) => {
  it("that a filter keeps are overwritten when its turn is over", () => {
    const keeper = new KeepBuffer(side);
    const play = new Play(side, [keeper.filter]).headers().data("abc");
    expect(keeper.text).toBe("!!!");
    expect(play.body).toBe("abc");
  });

  it("that the engine holds are its own, whatever their size", async () => {
    for (const size of [3, 20_000]) {
      const stop = new StopWith(side, 2);
      const gate = new AwaitHook(side, "data");
      const play = new Play(side, [stop.filter, gate.filter]).headers().data("x".repeat(size), true);
      if (side === "request") stop.way!.resume();
      gate.open();
      await play.settle();
      if (side === "response") stop.way!.resume();
      expect(play.body === "x".repeat(size)).toBe(true);
    }
  });

  it("that a promise sees stay as they are until it settles", async () => {
    let seen = "";
    const filter = onSide(side, {
      async data(data) {
        await Promise.resolve();
        seen = Buffer.from(data).toString();
      },
    });
    const play = new Play(side, [filter]).headers().data("abc", true);
    await play.settle();
    expect([seen, play.body]).toEqual(["abc", "abc"]);
  });
});

describe("headers", () => {
  const HOOKS = ["onRequestHeaders", "onResponseHeaders", "onRequestTrailers", "onResponseTrailers"] as const;

  it.each(HOOKS.flatMap((hook) => (["argument", "handle"] as const).map((by) => [hook, by] as const)))(
    "of %s by its %s are read-only for a filter that declares so, and changed by one that does not",
    (hook, by) => {
      const side = hook.includes("Request") ? "request" : "response";
      const play = (declared: boolean): Play =>
        new Play(side, [mutateHeaders(hook, by, declared)])
          .headers({ "x-old": "1" })
          .data("x")
          .trailers({ "x-old": "1" });
      const allowed = play(true);
      expect(hook.endsWith("Headers") ? allowed.received : allowed.receivedTrailers).toMatchObject({
        "x-changed": "yes",
      });
      const refused = play(false);
      expect(refused.details).toBe(`filter_error{mutator:${hook}}`);
      expect(refused.harness.log[0]).toContain("mutatesHeaders");
    },
  );
});

describe("routes", () => {
  const levels = { config: { at: "config" }, host: { at: "host" }, route: { at: "route" }, cluster: { at: "cluster" } };

  it("give each filter its configuration from four levels, the most specific last", () => {
    const reader = new ReadRouteConfig("reader");
    new Play("request", [reader.filter], { routeConfig: routeConfig("reader", { "/": levels }) }).headers({}, true);
    expect(reader.mostSpecific).toEqual({ at: "cluster" });
    expect(reader.all.map((c) => (c as { at: string }).at)).toEqual(["config", "host", "route", "cluster"]);
  });

  it("that say nothing of a filter give it nothing", () => {
    const reader = new ReadRouteConfig("reader");
    new Play("request", [reader.filter], { routeConfig: routeConfig("other", { "/": levels }) }).headers({}, true);
    expect([reader.mostSpecific, reader.all]).toEqual([undefined, []]);
  });

  it("are chosen anew after clearRouteCache(), with their configurations, until the response begins", () => {
    const before = new ReadRouteConfig("reader");
    const after = new ReadRouteConfig("reader");
    let stream!: HttpStream;
    const keep = onSide("request", { headers: (_way, s) => void (stream = s) });
    const config = routeConfig("reader", { "/b": { route: { at: "b" } }, "/": { route: { at: "a" } } });
    const play = new Play("request", [before.filter, clearRouteCache("/b"), after.filter, keep], {
      routeConfig: config,
    }).headers({ ":path": "/a" }, true);
    expect([before.mostSpecific, after.mostSpecific]).toEqual([{ at: "a" }, { at: "b" }]);
    expect(stream.route?.name).toBe("/b");
    play.terminal.respond(200, {}, false);
    stream.requestHeaders.path = "/a";
    stream.clearRouteCache();
    expect(stream.route?.name).toBe("/b");
  });

  it("turn filters off and on, in every phase", () => {
    const off = new ReadRouteConfig("off");
    const on = new ReadRouteConfig("on", true);
    const config = routeConfig("off", { "/x": { route: "disabled" }, "/": {} });
    const enabled = routeConfig("on", { "/x": { route: { at: "x" } }, "/": {} });
    const calls = (path: string, of: typeof config): number[] => {
      off.calls = 0;
      on.calls = 0;
      new Play("request", [off.filter, on.filter], { routeConfig: of }).headers({ ":path": path }, true);
      return [off.calls, on.calls];
    };
    expect(calls("/x", config)).toEqual([0, 0]);
    expect(calls("/y", config)).toEqual([1, 0]);
    expect(calls("/x", enabled)).toEqual([1, 1]);
  });

  it("that do not exist leave route and configuration undefined", () => {
    const reader = new ReadRouteConfig("reader");
    new Play("request", [reader.filter], { route: null }).headers({}, true);
    expect([reader.calls, reader.mostSpecific, reader.all]).toEqual([1, undefined, []]);
  });
});

it("metadata and filter state go to later filters; a connection's to its later streams", async () => {
  const reader = new ReadMetadata();
  const terminal = new ScriptedTerminal();
  const harness = new HttpHarness([leaveMetadata(), reader.filter, terminal.filter]);
  const first = harness.open().headers();
  expect(reader.found).toEqual([{ a: 1, b: 2 }, "of this stream", first.stream.id]);
  expect(() => first.stream.filterState.set("connection", "other", { life: "connection" })).toThrow(/read-only/);
  terminal.respond();
  const { server } = first.stream;
  server.onStream(first.sent).onRequestHeaders(first.stream.requestHeaders, true);
  expect(reader.found.slice(3)).toEqual([{ a: 1, b: 2 }, "of this stream", first.stream.id]);
});

describe("informational responses", () => {
  it("are dropped by Stop and by what is no Continue, and pass else", () => {
    const seen: number[] = [];
    const play = new Play("response", [
      dropInformational({ 103: undefined, 104: Continue, 105: reply({ status: 500 }) }, seen),
    ]);
    for (const status of [102, 103, 104, 105]) play.terminal.sendInformational(status);
    expect(seen).toEqual([102, 103, 104, 105]);
    expect(play.client.sent.informational).toEqual([103, 104]);
  });

  it("may be awaited by any filter, and go on to the next", async () => {
    const seen: number[] = [];
    const play = new Play("response", [
      dropInformational({ 103: undefined }, seen),
      dropInformational({ 103: Promise.resolve(), 104: Promise.resolve() }),
    ]);
    play.terminal.sendInformational(103).sendInformational(104);
    await play.settle();
    expect(seen).toEqual([103, 104]);
    expect(play.client.sent.informational).toEqual([103]);
  });

  it("that come too late are dropped", async () => {
    const play = new Play("response", [dropInformational({ 103: Promise.resolve() })]);
    play.terminal.sendInformational(103);
    play.headers({}, false).terminal.sendInformational(103);
    await play.settle();
    expect(play.client.sent.frames).toEqual(["headers"]);
  });
});

describe("both directions at once", () => {
  it("a response can be held until the request has ended", () => {
    const play = new Play("request", [holdResponseUntilRequestEnds()]).headers();
    play.terminal.respond(200, {}, false).data("early", true);
    expect(play.client.sent.frames).toEqual([]);
    play.data("x").trailers();
    expect(play.client.sent).toMatchObject({ status: 200, body: "early", ended: true });
  });

  it("an echo answers frame by frame from inside the request's hooks", () => {
    const { sent } = new HttpHarness([echoTerminal()])
      .open()
      .headers({}, false)
      .data("a")
      .data("b")
      .trailers({ "x-t": "1" });
    expect(sent.frames).toEqual(["headers", "data:1", "data:1", "trailers", "end"]);
  });

  it("a response hook that frees the request lets nothing overtake its own frames, though the terminal answers at once", () => {
    const harness = new HttpHarness([stopBothDirections(), echoTerminal(10)]);
    const { sent } = harness.open().headers({}, false).data("a").data("b", true);
    harness.advance(15);
    expect(sent.frames).toEqual([]);
    harness.advance(20);
    expect(sent.frames).toEqual(["headers", "data:1", "data:1", "end"]);
  });

  it("a response hook that frees the request and goes on is followed by what that brings", () => {
    const frees: HarnessFilter = {
      hooks: {
        onRequestData: () => Stop,
        onResponseHeaders: (_headers: unknown, _end: boolean, stream: HttpStream) => stream.request.resume(),
      },
    };
    const harness = new HttpHarness([frees, echoTerminal(10)]);
    const { sent } = harness.open().headers({}, false).data("a").data("b", true);
    harness.advance(20);
    expect(sent.frames).toEqual(["headers", "data:1", "data:1", "end"]);
  });
});
