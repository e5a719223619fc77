// What counts against a stream alone: hooks that await for too long, calls beyond the queue, values that cannot cross.
import { describe, expect, test, vi } from "vitest";
import { disposing, refusing } from "./hostile.ts";
import { IsolatedHarness } from "./support.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const failed = (hook: string): string => `filter_error{test.http.hostile:${hook}}`;
/** Nothing is stuck, however slow the machine is. */
const patient = { maxTimeMs: 1e9 };

describe("a hook that awaits for longer than max_held_time", () => {
  test("is given up for its stream alone, and the thread stays", async () => {
    await using isolated = await IsolatedHarness.start({ runtime: patient });
    const waiting = isolated.open("abort heard");
    await isolated.settle();
    isolated.time.advance(4000);
    const later = isolated.open("never settles");
    await isolated.settle();
    isolated.time.advance(1100);
    await isolated.settle();
    expect(waiting.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    expect([later.over, isolated.stat("isolate.timeouts"), isolated.stat("aborted")]).toEqual([false, 1, 1]);
    expect(isolated.stat("isolate.terminated")).toBe(0);
    expect(await isolated.countedBy()).toBe("3");
  });

  test("passes where the configuration says `on_error: continue`, and its response too", async () => {
    await using isolated = await IsolatedHarness.start({ runtime: patient, setup: { onError: "continue" } });
    const waiting = isolated.open("never settles");
    await isolated.settle();
    isolated.time.advance(5100);
    await isolated.settle();
    waiting.upstream.respond({ body: "ok" });
    expect(waiting.response).toMatchObject({ status: 200, body: "ok" });
    expect(isolated.stat("errors")).toBe(1);
  });

  test("but not one that waits for its client's body", async () => {
    await using isolated = await IsolatedHarness.start({ runtime: patient });
    const uploading = isolated.open("wait for the body", { method: "POST" }, false);
    await isolated.settle();
    for (let step = 0; step < 15; step++) {
      isolated.time.advance(2000);
      await isolated.settle();
    }
    uploading.data("slow", true);
    await isolated.settle();
    expect(uploading.response.upstream?.body).toBe("slow");
    expect(isolated.stat("isolate.timeouts")).toBe(0);
  });
});

test("a call beyond max_queue is refused at once; the next is taken when one has ended", async () => {
  await using isolated = await IsolatedHarness.start({ runtime: { ...patient, maxQueue: 2 } });
  const [first, second] = [isolated.open("never settles"), isolated.open("never settles")];
  const third = isolated.open("nothing");
  await isolated.harness.settle();
  expect(third.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
  expect([first.over, second.over, isolated.stat("isolate.overflow")]).toEqual([false, false, 1]);
  first.abort();
  expect(await isolated.countedBy()).toBe("3");
});

describe("values that cannot be cloned", () => {
  test.each(["give what cannot be cloned", "metadata that cannot be cloned"])("fail the hook: %s", async (what) => {
    await using isolated = await IsolatedHarness.start({ runtime: patient });
    const failing = isolated.open(what);
    await isolated.until(() => failing.over);
    expect(failing.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    expect(JSON.stringify(isolated.harness.log)).toContain("could not be cloned");
    expect(await isolated.countedBy()).toBe("2");
  });
});

describe("what a filter uses and cannot have is refused by name", () => {
  test.each([
    ["route", "stream.route cannot be had outside of inline"],
    [
      "undeclared headers",
      'stream.requestHeaders: outside of inline a filter sees what it declares; add \\"requestHeaders\\"',
    ],
    ["undeclared metadata", 'add \\"metadata.somebody.else\\" to its reads'],
    ["undeclared info", 'add \\"info.remote\\" to its reads'],
    ["entries", "stream.metadata.entries() cannot be had outside of inline"],
    ["another cluster", "stream.toCluster() cannot be had outside of inline"],
    ["a host", "stream.info.upstreamOverride cannot be had outside of inline"],
    ["watermark", "aboveWatermark: outside of inline"],
    ["buffer limit", "bufferLimit cannot be read outside of inline"],
    ["upstream", "is set by the terminal filter"],
    ["shared", "context.shared cannot be had outside of inline"],
    ["formats", "context.formats cannot be had outside of inline"],
    ["runtime", "context.runtime cannot be had outside of inline"],
    ["clusters", 'has to declare \\"calls: true\\"'],
    ["what is not there", "stream.sendHeaders cannot be had outside of inline"],
  ])("%s", async (what, said) => {
    await using isolated = await IsolatedHarness.start({ runtime: patient });
    const failing = isolated.open(what);
    await isolated.until(() => failing.over);
    expect(failing.response).toMatchObject({ status: 500, details: failed("onRequestHeaders") });
    expect(JSON.stringify(isolated.harness.log)).toContain(said);
  });
});

describe("a filter that does not come up refuses the configuration", () => {
  test.each([
    ["throw", "not with this configuration"],
    ["exit", "exited with code: 1"],
    ["hook", 'unknown hook "onRequestHeader"; did you mean "onRequestHeaders"?'],
  ])("%s", async (how, said) => {
    await expect(
      IsolatedHarness.start({ definition: refusing, runtime: patient, setup: { config: { how } } }),
    ).rejects.toThrow(said);
  });

  test("its module cannot be loaded", async () => {
    const module = { specifier: "./gone.ts", url: new URL("./gone.ts", import.meta.url).href, bundle: undefined };
    await expect(IsolatedHarness.start({ host: { module } })).rejects.toThrow("./gone.ts cannot be loaded");
  });

  test("its module has no such filter", async () => {
    const module = {
      specifier: "./other.ts",
      url: new URL("../conformance/runtimes/filters.ts", import.meta.url).href,
    };
    await expect(IsolatedHarness.start({ host: { module } })).rejects.toThrow(
      './other.ts has no HTTP filter "test.http.hostile"',
    );
  });
});

test("dispose runs in the thread before it ends", async () => {
  const isolated = await IsolatedHarness.start({ definition: disposing, runtime: patient });
  await isolated.harness.close();
  await isolated.until(() => isolated.log().includes("info disposed of"));
});
