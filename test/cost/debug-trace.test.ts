// The trace of one request's way, through the real chain engine under a virtual clock: every microsecond is the filter's own doing.
import { type HttpFilter, reply, Stop, StopAndBuffer } from "@sluice/sdk";
import { type HarnessFilter, HttpHarness, ScriptedTerminal } from "../../packages/core/src/testing/http-harness.ts";
import { describe, expect, test } from "vitest";

const PEER = "192.0.2.0/24";
type Step = [filter: string, what: string, outcome: string, us: number];

interface Trace {
  readonly us: number;
  readonly steps: readonly Step[];
  readonly more?: number;
  readonly details?: string;
}

class Traced {
  readonly terminal = new ScriptedTerminal();
  readonly harness: HttpHarness;

  constructor(filters: readonly HarnessFilter[], trusted: string = PEER) {
    const observe = { sampleEvery: 0, debugTrace: { header: "x-debug", trustedCidrs: [trusted] } };
    this.harness = new HttpHarness([...filters, this.terminal.filter], { hcm: { observe } });
  }

  /** Takes so long on the virtual clock. */
  busy(ms: number): void {
    this.harness.time.advance(ms);
  }
}

function named(name: string, hooks: HttpFilter): HarnessFilter {
  return { name, hooks };
}

function traceOf(headers: Record<string, string>): Trace {
  return JSON.parse(headers["x-sluice-trace"] ?? "null") as Trace;
}

describe("a trusted peer that asks", () => {
  test("is told each filter, hook, verdict and the time that the hook took itself", async () => {
    const world: Traced = new Traced([
      named("first", {
        onRequestHeaders: () => world.busy(2),
        onResponseHeaders: () => world.busy(1),
      }),
      named("second", { onRequestHeaders: () => world.busy(0.25) }),
    ]);
    const stream = await world.harness.request({ "x-debug": "1" });
    world.terminal.respond(200);
    const trace = traceOf(stream.sent.headers);
    expect(trace.us).toBe(3250);
    expect(trace.steps).toEqual([
      ["first", "onRequestHeaders", "continue", 2000],
      ["second", "onRequestHeaders", "continue", 250],
      ["terminal", "onRequestHeaders", "continue", 0],
      ["first", "onResponseHeaders", "continue", 1000],
    ]);
  });

  test("sees what the inner hooks took taken off the outer one, which is still running", async () => {
    const world: Traced = new Traced([
      named("outer", { onResponseHeaders: () => world.busy(4) }),
      named("gate", {
        onRequestHeaders: (_headers, _end, stream) => {
          world.busy(1);
          stream.reply({ status: 403 });
          world.busy(2);
        },
      }),
    ]);
    const stream = await world.harness.request({ "x-debug": "1" });
    expect(stream.sent.status).toBe(403);
    expect(traceOf(stream.sent.headers).steps).toEqual([
      ["outer", "onResponseHeaders", "continue", 4000],
      ["gate", "onRequestHeaders", "running", 1000],
    ]);
    const logged = world.harness.log.find((line) => line.startsWith("debug trace"));
    expect(logged).toContain('["gate","onRequestHeaders","running",1000]');
  });

  test("is told of a promise, of its answer, and of how long the direction was held", async () => {
    let open: () => void = () => {};
    const world: Traced = new Traced([
      named("slow", {
        onRequestHeaders: () => new Promise<void>((resolve) => (open = resolve)),
      }),
    ]);
    const stream = await world.harness.request({ "x-debug": "1" });
    world.busy(30);
    open();
    await world.harness.settle();
    world.terminal.respond(200);
    expect(traceOf(stream.sent.headers).steps).toEqual([
      ["slow", "onRequestHeaders", "async", 0],
      ["slow", "onRequestHeaders", "continue", 0],
      ["terminal", "onRequestHeaders", "continue", 0],
      ["slow", "request", "held", 30_000],
    ]);
  });

  test("is told of stops, replacements, replies and errors", async () => {
    let stopped: { resume(): void } | null = null;
    const world: Traced = new Traced([
      named("stops", {
        onRequestHeaders: (_headers, _end, { request }) => ((stopped = request), StopAndBuffer),
        onRequestData: () => new Uint8Array([65]),
      }),
      named("pauses", { onRequestHeaders: () => Stop, onRequestData: () => undefined }),
    ]);
    const stream = await world.harness.request({ "x-debug": "1" }, "body");
    world.busy(5);
    stopped!.resume();
    world.terminal.respond(200);
    expect(traceOf(stream.sent.headers).steps).toEqual([
      ["stops", "onRequestHeaders", "buffer", 0],
      ["pauses", "onRequestHeaders", "stop", 0],
      ["stops", "onRequestData", "replace", 0],
      ["pauses", "onRequestData", "continue", 0],
      ["terminal", "onRequestHeaders", "continue", 0],
      ["terminal", "onRequestData", "continue", 0],
      ["pauses", "request", "held", 0],
      ["stops", "request", "held", 5000],
    ]);
    const replying: Traced = new Traced([named("replies", { onRequestHeaders: () => reply({ status: 429 }) })]);
    const answered = await replying.harness.request({ "x-debug": "1" });
    expect(traceOf(answered.sent.headers).steps).toEqual([["replies", "onRequestHeaders", "reply", 0]]);
    const failing: Traced = new Traced([
      named("throws", {
        onRequestHeaders: () => {
          throw new Error("no");
        },
      }),
    ]);
    const failed = await failing.harness.request({ "x-debug": "1" });
    expect(failed.sent.status).toBe(500);
    expect(traceOf(failed.sent.headers)).toMatchObject({
      details: "filter_error{throws:onRequestHeaders}",
      steps: [["throws", "onRequestHeaders", "error", 0]],
    });
  });

  test("gets a header of at most 4096 bytes of ASCII, which says how many steps it leaves out", async () => {
    const world: Traced = new Traced([
      named(`filter-ä-${"x".repeat(200)}`, { onRequestData: () => undefined }),
      named("waits", { onRequestHeaders: () => Stop, onRequestData: (_data, end) => (end ? undefined : Stop) }),
    ]);
    const stream = world.harness.open();
    stream.headers({ "x-debug": "1" }, false);
    for (let i = 0; i < 300; i++) stream.data("abc", i === 299);
    await world.harness.settle();
    world.terminal.respond(200);
    const value = stream.sent.headers["x-sluice-trace"]!;
    expect(value.length).toBeLessThanOrEqual(4096);
    expect(value).toMatch(/^[\x20-\x7e]+$/);
    const trace = JSON.parse(value) as Trace;
    expect(trace.steps[1]![0]).toMatch(/^filter-ä-x+~$/);
    expect(trace.steps.length + trace.more!).toBeGreaterThan(600);
  });
});

describe("the header that asks", () => {
  test("goes to no filter and no upstream, whoever sent it", async () => {
    for (const trusted of [PEER, "10.0.0.0/8"]) {
      const seen: (string | undefined)[] = [];
      const world = new Traced(
        [named("looks", { onRequestHeaders: (headers) => void seen.push(headers.get("x-debug")) })],
        trusted,
      );
      await world.harness.request({ "x-debug": "1" });
      expect(seen).toEqual([undefined]);
      expect(world.terminal.requestHeaders["x-debug"]).toBeUndefined();
    }
  });

  test("of a peer that is not trusted gives no trace, and x-forwarded-for does not help it", async () => {
    const world = new Traced([], "10.0.0.0/8");
    const stream = await world.harness.request({ "x-debug": "1", "x-forwarded-for": "10.0.0.1" });
    world.terminal.respond(200);
    expect(stream.sent.status).toBe(200);
    expect(stream.sent.headers["x-sluice-trace"]).toBeUndefined();
    expect(world.harness.log.filter((line) => line.includes("trace"))).toEqual([]);
  });

  test("means nothing where no peer is trusted: it passes like any other", async () => {
    const terminal = new ScriptedTerminal();
    const stream = await new HttpHarness([terminal.filter]).request({ "x-sluice-debug": "1" });
    terminal.respond(200);
    expect(terminal.requestHeaders["x-sluice-debug"]).toBe("1");
    expect(stream.sent.headers["x-sluice-trace"]).toBeUndefined();
  });

  test("is asked for by its presence alone: without it a trusted peer gets no trace", async () => {
    const world = new Traced([]);
    const stream = await world.harness.request();
    world.terminal.respond(200);
    expect(stream.sent.headers["x-sluice-trace"]).toBeUndefined();
  });
});
