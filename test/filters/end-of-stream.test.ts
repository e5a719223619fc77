/** The end: its order, and that nothing happens after it. Time-outs lead there too. */
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import { Stop, type TerminalStream } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { ActAfterEnd } from "./act-after-end.ts";
import { AwaitHook } from "./await-hook.ts";
import { Play } from "./play.ts";
import { onSide } from "./side.ts";
import { trace } from "./trace.ts";
import { UseSignal } from "./use-signal.ts";

const ENDS: ReadonlyArray<readonly [string, (play: Play) => void]> = [
  ["a whole response", (play) => void play.terminal.respond()],
  ["an abort", (play) => void play.client.abort()],
  [
    "an abort in the middle",
    (play) => {
      play.terminal.respond(200, {}, false).data("x");
      play.client.abort();
    },
  ],
  ["a reset by the terminal", (play) => play.terminal.handle!.reset()],
  ["an idle time-out", (play) => play.harness.advance(300_000)],
];

describe.each(ENDS)("after %s", (_name, end) => {
  it("comes onStreamComplete, then the access log, then onDestroy, each once", () => {
    const calls: string[] = [];
    const play = new Play("request", [trace("a", calls), trace("b", calls)], {
      onAccessLog: () => calls.push("log"),
    }).headers({}, true);
    end(play);
    expect(calls.filter((c) => /complete|log|destroy/.test(c) && !c.includes("local"))).toEqual([
      "a:complete",
      "b:complete",
      "log",
      "a:destroy",
      "b:destroy",
    ]);
    expect(play.terminal.destroyed).toBe(1);
    expect(play.client.stream.endMs).toBeGreaterThanOrEqual(play.client.stream.startMs);
  });

  it("every call of every handle is inert, in the last hooks too", async () => {
    const act = new ActAfterEnd();
    let logs = 0;
    const play = new Play("request", [act.filter], { onAccessLog: () => logs++ }).headers({}, true);
    end(play);
    const frames = [...play.client.sent.frames];
    act.act(act.handle!);
    const terminal = act.handle as TerminalStream;
    terminal.sendHeaders(terminal.newResponse(200), false);
    terminal.sendData(new Uint8Array(3), true);
    terminal.setIdleTimeout(1);
    terminal.setMaxDuration(1);
    play.client.clientSlow().clientFast().data("late", true).abort();
    play.harness.advance(400_000);
    await play.settle();
    expect(play.client.sent.frames).toEqual(frames);
    expect(act).toMatchObject({ completed: 1, destroyed: 1, fired: 0 });
    expect(logs).toBe(1);
    expect(play.harness.log).toEqual([]);
    expect(play.harness.time.timers.size).toBeLessThanOrEqual(1);
  });

  it("signals are aborted and timers gone", () => {
    const use = new UseSignal();
    const play = new Play("request", [use.filter]).headers({}, true);
    expect(use.signal!.aborted).toBe(false);
    end(play);
    expect([use.signal!.aborted, use.aborted]).toEqual([true, 1]);
    expect(play.client.stream.handle(play.harness.manager.chain.slots[0]!).signal.aborted).toBe(true);
  });
});

it("what facts hold stays readable at the end", () => {
  let line = "";
  const play = new Play("request", [], {
    onAccessLog: (info) =>
      (line = `${info.status} ${info.bytesReceived}/${info.bytesSent} ${info.details} [${info.flags.join(",")}]`),
  });
  play.message("abc");
  play.terminal.respond(201, {}, false).data("defgh", true);
  expect(line).toBe("201 3/5 via_upstream []");
});

describe("timers", () => {
  it("fire once, can be cancelled, and are forgotten when they have fired", () => {
    const fired: string[] = [];
    const filter = onSide("request", {
      headers(_way, stream) {
        const timer = stream.setTimer(() => {
          fired.push("one");
          timer.cancel();
        }, 10);
        stream.setTimer(() => fired.push("never"), 20).cancel();
        stream.setTimer(() => fired.push("three"), 30);
        stream.setTimer(() => fired.push("late"), 500);
      },
    });
    const play = new Play("request", [filter]).headers({}, true);
    play.harness.advance(100);
    expect(fired).toEqual(["one", "three"]);
    play.client.abort();
    play.harness.advance(1000);
    expect(fired).toEqual(["one", "three"]);
  });

  it("set anew each time they fire go on as long as the stream, and no longer", () => {
    let beats = 0;
    const filter = onSide("request", {
      headers(_way, stream) {
        const beat = (): void => {
          beats++;
          stream.setTimer(beat, 100);
        };
        stream.setTimer(beat, 100);
        return Stop;
      },
    });
    const play = new Play("request", [filter]).headers({}, true);
    play.harness.advance(1005);
    expect(beats).toBe(10);
    play.client.abort();
    play.harness.advance(1000);
    expect(beats).toBe(10);
  });
});

describe("time-outs", () => {
  it("of an idle stream answer 408 while the request is incomplete, else 504, and reset behind headers", () => {
    const early = new Play("request", []).headers();
    early.harness.advance(300_010);
    expect([early.status, early.details]).toEqual([408, "stream_idle_timeout"]);
    const waiting = new Play("request", []).headers({}, true);
    waiting.harness.advance(300_010);
    expect([waiting.status, waiting.client.stream.hasFlag("SI")]).toEqual([504, true]);
    const open = new Play("response", []).headers().data("x");
    open.harness.advance(300_010);
    expect(open.client.sent.resetReason).toBe("local_reset");
  });

  it("start anew with whatever moves, and with resetIdleTimer()", () => {
    const play = new Play("response", [], { hcm: { streamIdleTimeoutMs: 100 } });
    for (let i = 0; i < 5; i++) {
      play.harness.advance(90);
      play.terminal.handle!.resetIdleTimer();
    }
    play.headers();
    play.harness.advance(90);
    play.data("x");
    play.harness.advance(90);
    expect(play.client.stream.over).toBe(false);
    play.harness.advance(20);
    expect(play.client.stream.over).toBe(true);
  });

  it("of the whole stream do not care whether it moves", () => {
    const play = new Play("response", [], { hcm: { maxStreamDurationMs: 100 } });
    play.harness.advance(90);
    play.headers().data("x");
    play.harness.advance(20);
    expect([play.client.sent.resetReason, play.details, play.client.stream.hasFlag("DT")]).toEqual([
      "local_reset",
      "max_duration_timeout",
      true,
    ]);
  });

  it("of the request end with its last byte", () => {
    const options = { hcm: { requestTimeoutMs: 50 } };
    const slow = new Play("request", [], options).headers().data("x");
    slow.harness.advance(60);
    expect([slow.status, slow.details]).toEqual([408, "request_overall_timeout"]);
    const whole = new Play("request", [], options).message("x");
    whole.harness.advance(1000);
    expect(whole.status).toBe(0);
  });

  it("come through filters that hold everything", () => {
    const gate = new AwaitHook("request", "headers");
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([gate.filter, terminal.filter], { hcm: { streamIdleTimeoutMs: 20 } });
    const { sent } = harness.open().headers({}, false).data("x");
    harness.advance(40);
    expect(sent).toMatchObject({ status: 408, ended: true });
  });
});
