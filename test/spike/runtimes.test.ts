/** One filter inline, in a worker thread and as a WebAssembly component, behind one contract: docs/adr/0008-filter-runtimes.md. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bench, type Runtime, RUNTIMES, startRuntime } from "./runtimes.ts";
import { CONFIG, observe, SCENARIOS } from "./scenarios.ts";

describe.each(RUNTIMES)("%s", (name) => {
  let runtime: Runtime;

  beforeAll(async () => {
    runtime = await startRuntime(name, CONFIG);
  });

  afterAll(() => runtime[Symbol.asyncDispose]());

  describe.each([
    ["frame by frame", true],
    ["all frames at once", false],
  ])("%s", (_, step) => {
    test.each(SCENARIOS)("$name", async ({ play, expected, ...options }) => {
      expect(await observe(new Bench(runtime, options), play, step)).toMatchObject(expected);
    });
  });

  test("streams that are open together keep their own state", async () => {
    const one = new Bench(runtime);
    const other = new Bench(runtime);
    const [a, b] = [one.harness.open().headers({}, false), other.harness.open().headers({}, false)];
    a.data("aaa");
    b.data("bbbbb");
    a.data("a", true);
    b.data("", true);
    await one.settle();
    await other.settle();
    one.terminal.respond();
    other.terminal.respond();
    await one.settle();
    await other.settle();
    expect([a.sent.headers["x-request-bytes"], b.sent.headers["x-request-bytes"]]).toEqual(["4", "5"]);
  });

  test("a client that goes away while a hook is open leaves the next stream a fresh state", async () => {
    const bench = new Bench(runtime);
    const gone = bench.harness.open().headers({ ":method": "POST" }, false);
    gone.data("many bytes");
    gone.abort();
    await bench.settle();
    expect(gone.sent.frames).toEqual([]);
    const { response } = await observe(bench, (stream) => void stream.headers({}, false).data("x", true), true);
    expect(response.headers["x-request-bytes"]).toBe("1");
  });
});

describe("where the runtimes differ, and the contract has to say what counts", () => {
  test.each([
    [
      "inline",
      [
        ["x-fail", "1"],
        ["x-greeting", "hello"],
      ],
    ],
    ["worker", [["x-fail", "1"]]],
    ["component", [["x-fail", "1"]]],
    ["component by hand", [["x-fail", "1"]]],
  ] as const)("%s: what becomes of the edits before a throw that is passed over", async (name, headers) => {
    await using runtime = await startRuntime(name, CONFIG);
    const bench = new Bench(runtime, { onError: "continue" });
    const { request } = await observe(bench, (stream) => void stream.headers({ "x-fail": "1" }), true);
    expect(request.headers).toEqual(headers);
  });

  test.each([
    ["inline", true],
    ["worker", false],
    ["component", false],
    ["component by hand", false],
  ] as const)("%s: what becomes of the edits when the stream ends in the same turn", async (name, isGreeted) => {
    await using runtime = await startRuntime(name, CONFIG);
    const bench = new Bench(runtime);
    const { stream } = bench.harness.open().headers({}, false).abort();
    await bench.settle();
    expect(stream.requestHeaders.has("x-greeting")).toBe(isGreeted);
  });

  test.each([
    ["inline", 200, ""],
    ["worker", 500, "stream.route is not there outside of inline"],
  ] as const)("%s: reading what the filter does not declare", async (name, status, said) => {
    await using runtime = await startRuntime(name, CONFIG);
    const bench = new Bench(runtime);
    const { response } = await observe(bench, (stream) => void stream.headers({ "x-name-route": "" }), true);
    expect(response.status).toBe(status);
    expect(bench.harness.log.join()).toContain(said);
  });

  // A failed hook is the stream's own failure, unless it took the instance with it: then all its streams fail, once each.
  test.each([
    ["inline", 0],
    ["worker", 0],
    ["component", 500],
    ["component by hand", 500],
  ] as const)("%s: what a failing hook does to another stream", async (name, status) => {
    await using runtime = await startRuntime(name, CONFIG);
    const bench = new Bench(runtime);
    const other = bench.harness.open().headers({ ":method": "POST" }, false);
    await bench.settle();
    const failing = bench.harness.open().headers({ "x-fail": "1" });
    await bench.settle();
    expect(failing.sent.status).toBe(500);
    other.data("more");
    await bench.settle();
    expect(other.sent.status).toBe(status);
    const { response } = await observe(new Bench(runtime), (stream) => void stream.headers(), true);
    expect(response.status).toBe(200);
  });
});
