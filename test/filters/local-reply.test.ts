/** Local replies: where they go, who sees them, what they look like. */
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import { type HttpStream, type LocalReplyOptions, reply } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { AwaitHook } from "./await-hook.ts";
import { Play } from "./play.ts";
import { replyFromTimer } from "./reply-from-timer.ts";
import { replyIn } from "./reply-in.ts";
import { resetIn } from "./reset-in.ts";
import { onSide } from "./side.ts";
import { trace } from "./trace.ts";

const NO = { status: 403, body: "no", details: "denied" };

describe("a local reply", () => {
  it.each(["headers", "data", "trailers"] as const)(
    "from a request's %s hook passes onLocalReply and the response hooks from the terminal outwards",
    (phase) => {
      const calls: string[] = [];
      const play = new Play("request", [trace("a", calls), replyIn("request", phase, NO), trace("c", calls)])
        .headers()
        .data("x")
        .trailers();
      const seen = phase === "headers" ? "c:response-unseen" : "c:response";
      expect(calls.filter((c) => !/:(request|data|trailers)$/.test(c))).toEqual([
        "c:local-reply",
        "a:local-reply",
        seen,
        "a:response",
        "c:response-data",
        "a:response-data",
        "a:complete",
        "c:complete",
        "a:destroy",
        "c:destroy",
      ]);
      expect(play.client.sent).toMatchObject({ status: 403, body: "no", ended: true });
      expect(play.details).toBe("denied");
      expect(play.terminal.ended).toBe(false);
    },
  );

  it("in the response's headers hook goes straight to the codec", () => {
    const calls: string[] = [];
    const play = new Play("response", [trace("outer", calls), replyIn("response", "headers", NO)])
      .headers()
      .data("never", true);
    expect(calls.filter((c) => c.includes("response") || c.includes("local"))).toEqual([]);
    expect(play.client.sent).toMatchObject({ status: 403, body: "no", ended: true });
  });

  it("while an outer filter still holds the headers takes their place", () => {
    const gate = new AwaitHook("response", "headers");
    const play = new Play("response", [gate.filter, replyIn("response", "data", NO)]).headers().data("never");
    expect(play.client.sent).toMatchObject({ status: 403, body: "no", ended: true });
  });

  it.each(["data", "trailers"] as const)("from a response's %s hook resets once headers are out", (phase) => {
    const play = new Play("response", [replyIn("response", phase, NO)]).headers().data("x").trailers();
    expect(play.frames.at(-1)).toBe("reset:local_reset");
    expect(play.details).toBe("denied");
  });

  it("comes from timers too, with the filter's details", () => {
    const play = new Play("request", [replyFromTimer(504, 30)]).headers({}, true);
    play.harness.advance(20);
    expect(play.status).toBe(0);
    play.harness.advance(20);
    expect(play.client.sent).toMatchObject({ status: 504, body: "late", ended: true });
    expect(play.details).toBe("too_late");
  });

  it("ends the request: what still comes reaches nobody, and its source is not left paused", () => {
    const gate = new AwaitHook("request", "data");
    const slow = new AwaitHook("response", "headers");
    const play = new Play("request", [slow.filter, gate.filter]).headers().data("a").data("b");
    expect(play.isSourcePaused).toBe(true);
    play.client.stream.handle(play.harness.manager.chain.slots[0]!).reply(NO);
    expect(play.isSourcePaused).toBe(false);
    play.data("c", true);
    expect(play.frames).toEqual(["headers"]);
  });

  it("may be changed by onLocalReply, which can neither answer again nor break it", () => {
    let handles = 0;
    const polite = {
      hooks: {
        onLocalReply: (_reply: unknown, stream: HttpStream) => {
          handles++;
          stream.responseHeaders!.set("x-seen", "yes");
          stream.reply({ status: 418 });
          throw new Error("torture");
        },
      },
    };
    const play = new Play("request", [polite, replyIn("request", "headers", NO)]).headers({}, true);
    expect(play.client.sent).toMatchObject({ status: 403, ended: true });
    expect(play.client.sent.headers["x-seen"]).toBe("yes");
    expect(handles).toBe(1);
  });

  it("to HEAD says how long the body would be, and sends none", () => {
    const play = new Play("request", [replyIn("request", "headers", NO)]).headers({ ":method": "HEAD" }, true);
    expect(play.client.sent).toMatchObject({ status: 403, body: "", ended: true });
    expect(play.client.sent.headers["content-length"]).toBe("2");
  });

  it("of 204 and 304 has neither body nor length", () => {
    for (const status of [204, 304]) {
      const { sent } = new Play("request", [replyIn("request", "headers", { status, body: "x" })]).headers(
        {},
        true,
      ).client;
      expect(sent.frames).toEqual(["headers", "end"]);
      expect(sent.headers["content-length"]).toBeUndefined();
    }
  });

  it("keeps its own framing, whatever its headers say", () => {
    const options = {
      status: 200,
      body: "four",
      headers: {
        "Content-Length": "9",
        "transfer-encoding": "chunked",
        "content-type": "text/html",
        "set-cookie": ["a", "b"],
      },
    };
    const { sent } = new Play("request", [replyIn("request", "headers", options)]).headers({}, true).client;
    expect(sent.headers).toMatchObject({ "content-length": "4", "content-type": "text/html", "set-cookie": "a, b" });
    expect(sent.headers["transfer-encoding"]).toBeUndefined();
  });

  it.each([
    ["application/grpc", 403, "7"],
    ["application/grpc+proto", 429, "14"],
    ["application/grpc;v=1", 500, "2"],
  ])("to %s with %i is a trailers-only status", (type, status, grpc) => {
    const { sent } = new Play("request", [replyIn("request", "headers", { status, body: "so é" })]).headers(
      { "content-type": type },
      true,
    ).client;
    expect(sent.frames).toEqual(["headers", "end"]);
    expect(sent).toMatchObject({
      status: 200,
      headers: { "grpc-status": grpc, "grpc-message": "so %C3%A9", "content-type": "application/grpc" },
    });
  });

  it("is gRPC's where the request came as gRPC, whatever filters made of it", () => {
    const retype = (type: string) =>
      onSide("request", { headers: (_way, _stream, _end, headers) => headers.set("content-type", type) });
    const answer = replyIn("request", "headers", { status: 503, body: Buffer.from("gone\n") });
    const web = new Play("request", [retype("application/grpc"), answer]).headers({ "content-type": "text/x" }, true);
    expect(web.client.sent).toMatchObject({ status: 503, body: "gone\n" });
    const grpc = new Play("request", [retype("text/x"), answer]).headers({ "content-type": "application/grpc" }, true);
    expect(grpc.client.sent).toMatchObject({
      status: 200,
      body: "",
      headers: { "grpc-status": "14", "grpc-message": "gone%0A" },
    });
  });

  it.each<LocalReplyOptions>([
    { status: 99 },
    { status: 200.5 },
    { status: 403, headers: { "bad name": "x" } },
    { status: 403, headers: { x: "a\r\nb" } },
    { status: 403, body: 5 as unknown as string },
    { status: 403, flag: "NOPE" },
  ])("that is not legal (%j) is answered 500, never let pass", async (options) => {
    for (const onError of ["fail", "continue"] as const) {
      const sync = new Play("request", [{ ...replyIn("request", "headers", options), onError }]).headers({}, true);
      const later = new Play("request", [
        { ...onSide("request", { headers: async () => reply(options) }), onError },
      ]).headers({}, true);
      await later.settle();
      for (const play of [sync, later]) {
        expect(play.status).toBe(500);
        expect(play.details).toBe("filter_error{filter0:reply}");
        expect(play.frames).toEqual([]);
      }
    }
  });

  it("is made once: what the terminal still sends is dropped", () => {
    const late = onSide("request", {
      headers(_way, stream) {
        stream.setTimer((s) => s.reply(NO), 10);
      },
    });
    const gate = new AwaitHook("response", "headers");
    const play = new Play("request", [gate.filter, late]).headers({}, true);
    play.harness.advance(20);
    play.terminal.respond(200, {}, false).data("x", true);
    gate.open();
    expect(play.client.sent.frames).toEqual([]);
  });
});

it.each(["headers", "data", "trailers"] as const)(
  "a reset in a response's %s hook ends everything at once",
  (phase) => {
    const calls: string[] = [];
    const play = new Play("response", [trace("t", calls), resetIn("response", phase)]).headers().data("x").trailers();
    expect(play.client.sent.resetReason).toBe("local_reset");
    expect(play.details).toBe("torture_reset");
    expect(calls.slice(-2)).toEqual(["t:complete", "t:destroy"]);
    expect(play.terminal.destroyed).toBe(1);
  },
);

it("requestSeen tells whether the request came by, also to filters without request hooks", () => {
  const seen: [string, boolean][] = [];
  const look = (name: string): { name: string; hooks: object } => ({
    name,
    hooks: {
      onResponseHeaders: (_h: unknown, _e: boolean, stream: HttpStream) => void seen.push([name, stream.requestSeen]),
    },
  });
  const terminal = new ScriptedTerminal();
  new HttpHarness([look("a"), replyIn("request", "headers", NO), look("b"), terminal.filter]).open().headers();
  expect(seen).toEqual([
    ["b", false],
    ["a", true],
  ]);
});
