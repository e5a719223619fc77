// What a filter does to its thread takes the thread, and nothing else: cut, counted, replaced, its streams answered.
import { describe, expect, test, vi } from "vitest";
import { hanging } from "./hostile.ts";
import { IsolatedHarness } from "./support.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const failed = (hook: string): string => `filter_error{test.http.hostile:${hook}}`;

describe("a thread that does not yield is terminated", () => {
  test.each(["loop", "loop in a microtask", "loop after an await"])("%s", async (what) => {
    await using isolated = await IsolatedHarness.start();
    const looping = isolated.open(what);
    await isolated.untilCut(() => looping.over);
    expect(looping.response).toMatchObject({ status: 500, details: failed("onRequestHeaders"), upstream: null });
    expect(isolated.log().join("\n")).toContain("ran for longer than 50 ms without yielding (max_time)");
    await isolated.until(() => isolated.stat("isolate.restarts") === 1);
    expect([isolated.stat("isolate.terminated"), isolated.stat("errors")]).toEqual([1, 1]);
    expect(await isolated.countedBy()).toBe("1");
  });

  test("a loop behind a hook that has let its stream pass, when the next stream comes", async () => {
    await using isolated = await IsolatedHarness.start();
    const passed = isolated.open("loop behind its hook");
    await isolated.until(() => passed.response.upstream !== null);
    const next = isolated.open("nothing");
    await isolated.untilCut(() => next.over);
    expect(next.response.status).toBe(500);
    expect(isolated.stat("isolate.terminated")).toBe(1);
  });

  test("a loop in a timer, while the stream waits for nothing but that", async () => {
    await using isolated = await IsolatedHarness.start();
    const waiting = isolated.open("loop in a timer");
    await isolated.settle();
    isolated.harness.services.time.advance(20);
    await isolated.untilCut(() => waiting.over);
    expect(waiting.response.status).toBe(500);
    expect(isolated.stat("isolate.terminated")).toBe(1);
  });

  test("one that stands still, without running, has as long as one that awaits", async () => {
    await using isolated = await IsolatedHarness.start();
    const standing = isolated.open("stand still");
    await isolated.untilCut(() => standing.over, 100);
    expect(standing.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    await isolated.untilCut(() => isolated.stat("isolate.terminated") === 1, 100);
    await isolated.until(() => isolated.stat("isolate.restarts") === 1);
    expect(await isolated.countedBy()).toBe("1");
  });

  test("passes where the configuration says `on_error: continue`", async () => {
    await using isolated = await IsolatedHarness.start({ setup: { onError: "continue" } });
    const looping = isolated.open("loop");
    await isolated.untilCut(() => looping.response.upstream !== null);
    looping.upstream.respond({ body: "ok" });
    expect(looping.response).toMatchObject({ status: 200, body: "ok" });
    // The stream's later hooks have nothing to say: its state is gone.
    expect(looping.response.headers["x-state"]).toBeUndefined();
    expect(isolated.stat("errors")).toBe(1);
  });

  test("the worker and routes without the filter go on while it loops", async () => {
    const routes = [{ prefix: "/free", disabled: true }, { prefix: "/" }];
    await using isolated = await IsolatedHarness.start({ setup: { routes } });
    const looping = isolated.open("loop");
    for (let round = 0; round < 50; round++) {
      const free = isolated.open("loop", { path: "/free" });
      free.upstream.respond({ body: "ok" });
      expect(free.response).toMatchObject({ status: 200, body: "ok" });
      await isolated.harness.settle();
    }
    expect([looping.over, isolated.stat("isolate.terminated")]).toEqual([false, 0]);
    await isolated.untilCut(() => looping.over);
  });
});

describe("a thread that exhausts its memory", () => {
  test("its heap", async () => {
    await using isolated = await IsolatedHarness.start({ runtime: { memoryBytes: 32 * 1024 * 1024 } });
    const filling = isolated.open("heap");
    await isolated.until(() => filling.over);
    expect(filling.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    await isolated.until(() => isolated.stat("isolate.restarts") === 1);
    expect(isolated.stat("isolate.out_of_memory")).toBe(1);
    expect(await isolated.countedBy()).toBe("1");
  });

  test("buffers, which no limit of a heap counts", async () => {
    await using isolated = await IsolatedHarness.start({
      runtime: { memoryBytes: 64 * 1024 * 1024, maxTimeMs: 1e9, maxHeldTimeMs: 1e9 },
    });
    const filling = isolated.open("buffers");
    await isolated.until(() => filling.response.upstream !== null);
    // The thread measures itself now and then, whenever it is told something.
    await isolated.untilCut(() => isolated.stat("isolate.out_of_memory") === 1, 500);
    expect(isolated.log().join("\n")).toMatch(/holds \d+ MiB in buffers/);
  });
});

describe("a thread that ends by itself", () => {
  test.each(["exit", "uncaught exception"])("%s", async (what) => {
    await using isolated = await IsolatedHarness.start();
    const stopped = isolated.open("stop");
    await isolated.settle();
    const fatal = isolated.open(what);
    await isolated.until(() => stopped.over);
    expect(stopped.response.status).toBe(500);
    expect([isolated.stat("isolate.errors"), isolated.stat("isolate.terminated")]).toEqual([1, 0]);
    await isolated.until(() => isolated.stat("isolate.restarts") === 1);
    expect(await isolated.countedBy()).toBe("1");
    if (!fatal.over) fatal.abort();
  });

  test("but a promise that nobody waited for does not end it", async () => {
    await using isolated = await IsolatedHarness.start();
    const passing = isolated.open("uncaught rejection");
    await isolated.until(() => isolated.stat("isolate.unhandled_rejections") === 1);
    await isolated.until(() => passing.response.upstream !== null);
    expect(isolated.log()).toContain("error a promise was rejected and nobody handled it");
    expect(await isolated.countedBy()).toBe("2");
  });

  test.each(["throw", "stack"])("nor does a hook that fails: %s", async (what) => {
    await using isolated = await IsolatedHarness.start();
    const failing = isolated.open(what);
    await isolated.until(() => failing.over);
    expect(failing.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    expect(await isolated.countedBy()).toBe("2");
    expect(isolated.stat("isolate.errors")).toBe(0);
  });

  test("again and again is restarted with pauses, and calls are refused at once meanwhile", async () => {
    await using isolated = await IsolatedHarness.start();
    for (let life = 1; life <= 4; life++) {
      const fatal = isolated.open("exit");
      await isolated.until(() => isolated.stat("isolate.errors") === life);
      if (!fatal.over) await isolated.until(() => fatal.over);
      if (life < 4) await isolated.until(() => isolated.stat("isolate.restarts") === life);
    }
    const refused = isolated.open("nothing");
    await isolated.harness.settle();
    expect(refused.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    expect(isolated.stat("isolate.restarts")).toBe(3);
    isolated.harness.services.time.advance(150);
    await isolated.until(() => isolated.stat("isolate.restarts") === 4);
    expect(await isolated.countedBy()).toBe("1");
  });
});

describe("the streams of a thread that is lost", () => {
  test("fail once each: those that wait now, the others with their next hook; the response of one that has passed too", async () => {
    await using isolated = await IsolatedHarness.start();
    const held = isolated.open("stop");
    const paused = isolated.open("pause", {}, false);
    const open = isolated.open("never settles");
    const reading = isolated.open("nothing", {}, false);
    const answered = isolated.open("nothing");
    await isolated.settle();
    expect([held, paused, open, reading, answered].map(({ over }) => over)).toEqual(Array(5).fill(false));
    const looping = isolated.open("loop");
    await isolated.untilCut(() => looping.over);
    expect([held, paused, open].map(({ response }) => response.status)).toEqual([500, 500, 500]);
    expect([reading.over, answered.over]).toEqual([false, false]);
    reading.data("more");
    answered.upstream.respond({ body: "not to be trusted" });
    await isolated.harness.settle();
    expect([reading, answered].map(({ response }) => [response.status, response.details])).toEqual([
      [500, failed("onRequestData")],
      [500, failed("onResponseHeaders")],
    ]);
    expect(isolated.stat("errors")).toBe(6);
  });

  test("go on, all of them, where the configuration says `on_error: continue`", async () => {
    await using isolated = await IsolatedHarness.start({ setup: { onError: "continue" } });
    const held = isolated.open("stop");
    const paused = isolated.open("pause", {}, false);
    const reading = isolated.open("nothing", {}, false);
    await isolated.settle();
    const looping = isolated.open("loop");
    await isolated.untilCut(() => isolated.stat("isolate.terminated") === 1);
    reading.data("more", true);
    await isolated.harness.settle();
    expect([held, paused, reading, looping].map(({ response }) => response.upstream !== null)).toEqual(
      Array(4).fill(true),
    );
    expect(paused.requestPaused).toBe(false);
    expect(isolated.stat("errors")).toBe(4);
    for (const { upstream } of [held, looping, reading]) upstream.respond({ body: "ok" });
    expect([held, looping, reading].map(({ response }) => response.status)).toEqual([200, 200, 200]);
    expect(isolated.stat("errors")).toBe(4);
  });

  test("two threads: the streams of the other go on", async () => {
    await using isolated = await IsolatedHarness.start({ runtime: { threads: 2 } });
    const one = isolated.open("nothing");
    const two = isolated.open("nothing");
    await isolated.settle();
    const looping = isolated.open("loop");
    await isolated.untilCut(() => looping.over);
    one.upstream.respond({ body: "ok" });
    two.upstream.respond({ body: "ok" });
    await isolated.until(() => one.over && two.over);
    expect([one, two].map(({ response }) => response.status)).toEqual(expect.arrayContaining([200, 500]));
  });
});

describe("what a filter throws or says that cannot cross fails its hook, and neither another stream nor its thread", () => {
  test.each(["throw what has no text", "throw an error that cannot be cloned", "measure what is no number"])(
    "%s",
    async (what) => {
      await using isolated = await IsolatedHarness.start();
      const other = isolated.open("stop");
      const failing = isolated.open(what);
      await isolated.until(() => failing.over);
      expect(failing.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
      expect([other.over, isolated.stat("errors"), isolated.stat("isolate.errors")]).toEqual([false, 1, 0]);
      expect(await isolated.countedBy()).toBe("3");
    },
  );

  test("a line of the log is told in its place", async () => {
    await using isolated = await IsolatedHarness.start();
    const logging = isolated.open("log what cannot be cloned");
    await isolated.until(() => logging.response.upstream !== null);
    await isolated.until(() => isolated.log().some((line) => line.includes("cannot be cloned")));
    expect(isolated.stat("errors")).toBe(0);
  });
});

test("a stream whose filter's thread does not come up waits no longer than max_held_time", async () => {
  await using isolated = await IsolatedHarness.start({ definition: hanging, runtime: { maxTimeMs: 1e9 } });
  process.env["SLUICE_TEST_HANG"] = "1";
  try {
    const ending = isolated.open("exit");
    await isolated.until(() => ending.over);
    const waiting = isolated.open("nothing");
    await isolated.untilCut(() => waiting.over, 500);
    expect(waiting.response).toMatchObject({
      status: 500,
      details: "filter_error{test.http.hanging:onRequestHeaders}",
    });
    expect([isolated.stat("isolate.timeouts"), isolated.stat("isolate.terminated")]).toEqual([1, 0]);
  } finally {
    delete process.env["SLUICE_TEST_HANG"];
  }
});
