/** Filters that fail: named, counted, answered with 500 or passed by; the engine goes on. */
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import type { HttpStream } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { Play } from "./play.ts";
import { onSide } from "./side.ts";
import { type Failure, type HookName, throwIn } from "./throw-in.ts";

const FAILURES: readonly Failure[] = ["throws", "rejects", "returns null", "returns a string", "returns an object"];
const REQUEST: readonly HookName[] = ["onRequestHeaders", "onRequestData", "onRequestTrailers"];
const RESPONSE: readonly HookName[] = ["onResponseHeaders", "onResponseData", "onResponseTrailers"];

async function exchange(
  hook: HookName,
  failure: Failure,
  onError: "fail" | "continue",
): Promise<{ play: Play; terminal: ScriptedTerminal }> {
  const play = new Play("request", [throwIn(hook, failure, onError)]).headers().data("ab");
  await play.settle();
  play.trailers();
  await play.settle();
  const { terminal } = play;
  if (terminal.handle !== null && !play.client.stream.over) {
    terminal.sendInformational(103);
    terminal.respond(200, {}, false).data("cd").sendTrailers({ "x-t": "1" });
  }
  await play.settle();
  return { play, terminal };
}

describe.each(FAILURES)("a filter that %s", (failure) => {
  it.each(REQUEST)("in %s answers 500, and is named", async (hook) => {
    const { play } = await exchange(hook, failure, "fail");
    expect(play.status).toBe(500);
    expect(play.details).toBe(`filter_error{broken:${hook}}`);
    expect(play.harness.log[0]).toContain(`filter broken failed in ${hook}`);
    expect(play.terminal.ended).toBe(false);
  });

  it.each(RESPONSE)("in %s answers 500, or resets where headers are out", async (hook) => {
    const { play } = await exchange(hook, failure, "fail");
    if (hook === "onResponseHeaders") expect(play.client.sent).toMatchObject({ status: 500, ended: true });
    else expect(play.client.sent).toMatchObject({ status: 200, resetReason: "local_reset" });
    expect(play.details).toBe(`filter_error{broken:${hook}}`);
  });

  it.each([...REQUEST, ...RESPONSE])("in %s is passed by where the configuration says so", async (hook) => {
    const { play, terminal } = await exchange(hook, failure, "continue");
    expect(terminal).toMatchObject({ body: "ab", ended: true });
    expect(play.client.sent).toMatchObject({ status: 200, body: "cd", ended: true, trailers: { "x-t": "1" } });
    expect(play.harness.log[0]).toContain(`failed in ${hook}`);
  });
});

describe("a filter that throws", () => {
  it.each(["onStreamComplete", "onDestroy"] as const)("in %s harms nobody", async (hook) => {
    const { hooks } = throwIn(hook, "throws");
    const play = new Play("request", [{ hooks: { ...hooks, onRequestHeaders: () => undefined } }]).headers({}, true);
    play.terminal.respond();
    expect(play.client.sent).toMatchObject({ status: 200, ended: true });
    expect(play.terminal.destroyed).toBe(1);
    expect(play.harness.log[0]).toContain(hook);
  });

  it.each(["onInformational", "newState"] as const)("in %s is contained", async (hook) => {
    const { play } = await exchange(hook, "throws", "continue");
    if (hook === "onInformational") expect(play.client.sent).toMatchObject({ status: 200, informational: [103] });
    expect(play.client.sent.ended).toBe(true);
  });

  it("in newState before a 1xx is answered 500", () => {
    const play = new Play("response", [
      { ...throwIn("newState", "throws"), hooks: { onInformational: () => undefined } },
    ]);
    play.terminal.sendInformational(103);
    expect(play.client.sent).toMatchObject({ status: 500, informational: [] });
  });

  it("in a timer or a watermark listener is answered 500", () => {
    const boom = (): never => {
      throw new Error("torture");
    };
    const timer = new Play("request", [
      onSide("request", { headers: (_way, stream) => void stream.setTimer(boom, 10) }),
    ]).headers({}, true);
    timer.harness.advance(20);
    expect(timer.details).toBe("filter_error{filter0:timer}");
    const watcher = new Play("request", [
      onSide("request", {
        headers: (_way, stream) => stream.response.watch({ onAboveHighWatermark: boom, onBelowLowWatermark: boom }),
      }),
    ]).headers({}, true);
    watcher.client.clientSlow();
    expect(watcher.details).toBe("filter_error{filter0:watch}");
    expect([timer.status, watcher.status]).toEqual([500, 500]);
  });

  it("on every request is logged once a second and counted each time", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([throwIn("onRequestHeaders", "throws"), terminal.filter]);
    for (let i = 0; i < 5; i++) harness.open().headers();
    expect(harness.log.length).toBe(1);
    expect((harness.manager.chain.slots[0]!.errors as unknown as { readonly value: number }).value).toBe(5);
    harness.advance(1000);
    harness.open().headers();
    expect(harness.log.length).toBe(2);
  });
});

it("an error in one stream leaves the other streams of its filter alone", () => {
  const terminal = new ScriptedTerminal();
  const onlyOnce = {
    hooks: {
      onRequestHeaders: (headers: { get(name: string): string | undefined }, _end: boolean, stream: HttpStream) => {
        if (headers.get("x-bad") !== undefined) throw new Error(stream.id);
      },
    },
  };
  const harness = new HttpHarness([onlyOnce, terminal.filter]);
  expect(harness.open().headers({ "x-bad": "1" }).sent.status).toBe(500);
  harness.open().headers();
  terminal.respond(200);
  expect(terminal.ended).toBe(true);
});
