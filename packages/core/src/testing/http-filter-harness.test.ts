// The harness as filter authors use it: definitions through their schemas and the real engine, whole exchanges and frame by frame.
import { Continue, StopAndBuffer, defineHttpFilter, parsedBy, reply } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fakeCluster } from "./fake-cluster.ts";
import { httpHarness } from "./http-filter-harness.ts";
import type { AnyDefinition } from "./setup.ts";

const common = { maturity: "alpha", security: "unknown" } as const;

const greeting = defineHttpFilter({
  ...common,
  id: "acme.http.greeting",
  config: z.strictObject({ header: z.string().default("x-greeting"), value: z.string() }),
  create: (config, context) => {
    const greeted = context.stats.counter("greeted");
    return {
      onResponseHeaders(headers, _end, stream) {
        headers.set(config.header, config.value);
        greeted.inc();
        context.logger.info("greeted", { stream: stream.id });
      },
    };
  },
});

/** Waits, in the ways there are, before it lets the request go. */
const waiting = defineHttpFilter({
  ...common,
  id: "acme.http.waiting",
  config: z.object({ ms: z.number().default(0), how: z.enum(["timer", "immediate", "never", "crypto"]) }),
  create: ({ ms, how }) => ({
    async onRequestHeaders(_headers, _end, stream) {
      if (how === "timer") await new Promise<void>((resolve) => void stream.setTimer(() => resolve(), ms));
      else if (how === "immediate") await new Promise((resolve) => void setImmediate(resolve));
      else if (how === "crypto") await crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20));
      else await new Promise(() => {});
    },
  }),
});

const buffering = defineHttpFilter({
  ...common,
  id: "acme.http.buffering",
  config: parsedBy(() => ({})),
  create: () => ({ onRequestData: (_data, end) => (end ? Continue : StopAndBuffer) }),
});

/** Keeps a view of every chunk, and appends what it sees of them at the end. */
const keeping = defineHttpFilter({
  ...common,
  id: "acme.http.keeping",
  config: parsedBy(() => ({})),
  newState: () => ({ kept: [] as Uint8Array[] }),
  create: () => ({
    onRequestData(data, end, { state }) {
      if (!end) state.kept.push(data);
      return end ? Buffer.concat([data, ...state.kept]) : Continue;
    },
  }),
});

describe("a whole exchange", () => {
  test("runs schema, defaults and create, and answers 200 ok", async () => {
    const h = await httpHarness(greeting, { config: { value: "hello" } });
    const response = await h.request();
    expect(response).toMatchObject({ status: 200, body: "ok", ended: true, details: "via_upstream" });
    expect(response.headers["x-greeting"]).toBe("hello");
    expect([h.stat("greeted"), h.stat("errors"), h.rootStat("http.test.downstream_rq_total")]).toEqual([1, 0, 1]);
    expect(h.log).toMatchObject([{ level: "info", component: "acme.http.greeting", message: "greeted" }]);
  });

  test("shows the request as it left, and takes what the upstream answers from a function", async () => {
    const h = await httpHarness(greeting, {
      config: { value: "hello" },
      upstream: ({ path, body }) => ({ status: 201, body: `${path} ${body}`, trailers: { "x-sum": "1" } }),
    });
    const response = await h.request({
      path: "/a?b",
      headers: { "X-One": ["1", "2"] },
      chunks: ["ab", "cé"],
      trailers: { t: "1" },
    });
    expect(response).toMatchObject({ status: 201, body: "/a?b abcé", trailers: { "x-sum": "1" } });
    expect(response.upstream).toMatchObject({ method: "POST", body: "abcé", chunks: [2, 3], trailers: { t: "1" } });
    expect(response.upstream!.headers["x-one"]).toBe("1, 2");
    const other = await h.request({}, async () => ({ status: 404 }));
    expect(other).toMatchObject({ status: 404, body: "" });
  });

  test("a body in one piece carries its length, chunks do not", async () => {
    const h = await httpHarness(buffering);
    const lengthOf = async (request: object) => (await h.request(request)).upstream!.headers["content-length"];
    expect([await lengthOf({ body: "abc" }), await lengthOf({ chunks: ["abc"] })]).toEqual(["3", undefined]);
  });

  test("what an upstream function throws is the test's error", async () => {
    const h = await httpHarness(greeting, { config: { value: "x" } });
    await expect(h.request({}, () => expect.fail("not asked"))).rejects.toThrow("not asked");
  });

  test("upstream failures are answered as the router does", async () => {
    const h = await httpHarness(greeting, { config: { value: "x" } });
    expect(await h.request({}, () => ({ reset: "connection_failure" }))).toMatchObject({
      status: 503,
      flags: ["UF"],
      details: "upstream_reset_before_response_started{remote_connection_failure}",
    });
    const broken = await h.request({}, () => ({ chunks: ["half"], reset: "connection_termination" }));
    expect(broken).toMatchObject({ status: 200, body: "half", ended: false, reset: "local_reset", flags: ["UC"] });
  });

  test.each([
    ["a timer of 4 s", { how: "timer", ms: 4000 }, 4000],
    ["the event loop", { how: "immediate" }, 0],
    ["work in another thread", { how: "crypto" }, 0],
  ])("a filter that waits for %s costs no real time and no other virtual time", async (_what, config, ms) => {
    const h = await httpHarness(waiting, { config });
    const before = h.now;
    expect((await h.request()).status).toBe(200);
    expect(h.now - before).toBe(ms);
  });

  test("a filter that never goes on meets the engine's time-out", async () => {
    const h = await httpHarness(waiting, { config: { how: "never" }, patienceMs: 0 });
    expect(await h.request()).toMatchObject({
      status: 504,
      details: "stream_idle_timeout",
      flags: ["SI"],
      upstream: null,
    });
  });

  test("an upstream that takes its time takes virtual time", async () => {
    const h = await httpHarness(greeting, { config: { value: "x" } });
    const before = h.now;
    await h.request({}, () => ({ delayMs: 250 }));
    expect(h.now - before).toBe(250);
  });
});

describe("frame by frame", () => {
  test("each side is played, and what leaves on each side is seen", async () => {
    const h = await httpHarness(greeting, { config: { value: "hello" } });
    const s = h.open().headers({ method: "POST", path: "/x" }, false).data("one ").data("two", true);
    expect(s.upstream.frames).toEqual(["headers", "data:4", "data:3", "end"]);
    expect(h.upstream.request).toMatchObject({ path: "/x", body: "one two" });
    expect(s.response.frames).toEqual([]);
    h.upstream.informational(103).respond({ status: 200 }, false).data("a").trailers({ "x-t": "1" });
    expect(s.response.frames).toEqual(["1xx", "headers", "data:1", "trailers", "end"]);
    expect(s.response.trailers).toEqual({ "x-t": "1" });
    expect(s.over).toBe(true);
  });

  test("pauses of both directions show", async () => {
    const h = await httpHarness(buffering, { bufferLimitBytes: 8 });
    const s = h.open().headers({ method: "POST" }, false);
    expect(s.requestPaused).toBe(false);
    s.data("too much of it");
    expect(s.response.status).toBe(413);
    const t = h.open().headers();
    h.upstream.respond({}, false);
    t.clientSlow();
    expect(t.upstream.responsePaused).toBe(true);
    t.clientFast();
    expect(t.upstream.responsePaused).toBe(false);
  });

  test("a client that goes away resets the upstream", async () => {
    const h = await httpHarness(greeting, { config: { value: "x" } });
    const s = h.open().headers({ method: "POST" }, false).data("a");
    s.abort();
    expect(s.over).toBe(true);
    expect(s.upstream).toMatchObject({ gone: true, frames: ["headers", "data:1", "reset"] });
    expect(s.response).toMatchObject({ status: 0, flags: ["DC"] });
    s.upstream.respond();
    expect(s.response.frames).toEqual([]);
  });

  test("buffers are overwritten when the hook is done", async () => {
    const h = await httpHarness(keeping);
    const response = await h.request({ chunks: ["ab", "cd", "e"] });
    expect(response.upstream!.body).toBe("abcde!!!!");
  });
});

describe("what is refused", () => {
  test.each([
    [
      "a configuration",
      () => httpHarness(greeting, { config: { value: 1 } }),
      'HTTP filter "acme.http.greeting": value',
    ],
    [
      "a route's configuration",
      () => httpHarness(greeting, { config: { value: "" }, routeConfig: {} }),
      "takes no configuration of routes",
    ],
    ["what is no definition", () => httpHarness({ id: "x.y" } as AnyDefinition), "no filter definition"],
  ])("%s", async (_what, make, message) => {
    await expect(make()).rejects.toThrow(message);
  });

  test("a statistic that nobody has made names those that are there", async () => {
    const h = await httpHarness(greeting, { config: { value: "x" } });
    expect(() => h.stat("greted")).toThrow(/no statistic "http.test.acme_http_greeting.greted"; there are .*greeted/);
  });
});

describe("the context", () => {
  const asking = defineHttpFilter({
    ...common,
    id: "acme.http.asking",
    calls: true,
    config: parsedBy(() => ({})),
    create: (_config, context) => {
      const limit = context.runtime.number("acme.limit", 3);
      const bucket = context.shared.tokenBucket("all", { maxTokens: 1, fillIntervalMs: 1000 });
      return {
        async onRequestHeaders(headers, _end, stream) {
          if (!bucket.take()) return reply({ status: 429 });
          headers.set("x-drawn", String(context.random.below(1000)));
          headers.set("x-limit", String(limit.value));
          const path = `/who?${headers.path}`;
          const answer = await context.clusters.get("auth")!.request({ path, stream, timeoutMs: 500 });
          if (answer.status !== 200) return reply({ status: 403, body: await answer.body.text() });
          headers.set("x-who", await answer.body.text());
          return Continue;
        },
      };
    },
  });

  test("calls end at a fake cluster, time and randomness are the test's, state is shared", async () => {
    const auth = fakeCluster({
      respond: ({ path }) => (path === "/who?/ann" ? { body: "Ann" } : { status: 401, body: "no" }),
    });
    const h = await httpHarness(asking, { clusters: { auth }, runtime: { "acme.limit": 7 } });
    const first = await h.request({ path: "/ann" });
    expect(first.upstream!.headers).toMatchObject({ "x-who": "Ann", "x-limit": "7" });
    expect(auth.requests.map(({ path }) => path)).toEqual(["/who?/ann"]);
    expect((await h.request()).status).toBe(429);
    await h.advance(1000);
    h.setRuntime({});
    expect(await h.request({ path: "/bob" })).toMatchObject({ status: 403, body: "no", upstream: null });
    const again = await httpHarness(asking, { clusters: { auth: fakeCluster({ respond: () => ({}) }) }, seed: 1 });
    expect((await again.request()).upstream!.headers["x-drawn"]).toBe(first.upstream!.headers["x-drawn"]);
    const other = await httpHarness(asking, { clusters: { auth: fakeCluster({ respond: () => ({}) }) }, seed: 2 });
    expect((await other.request()).upstream!.headers["x-drawn"]).not.toBe(first.upstream!.headers["x-drawn"]);
  });

  test.each([
    ["no_healthy_upstream", "no_healthy_upstream"],
    ["overflow", "overflow"],
    ["connection_failure", "connection_failure"],
  ] as const)("%s of a cluster is the call's error", async (failure, reason) => {
    const h = await httpHarness(asking, { clusters: { auth: fakeCluster({ failure }) } });
    expect((await h.request()).status).toBe(500);
    expect(JSON.stringify(h.log)).toContain(reason);
  });

  test("a call that is not answered meets its time-out in virtual time", async () => {
    const auth = fakeCluster({ respond: () => ({ delayMs: 60_000 }) });
    const h = await httpHarness(asking, { clusters: { auth } });
    const before = h.now;
    expect((await h.request()).status).toBe(500);
    expect(h.now - before).toBe(500);
    expect(auth.last.frames.at(-1)).toBe("reset");
  });
});

test("close() disposes of filters and releases what they have", async () => {
  let disposed = 0;
  let ticks = 0;
  const ticking = defineHttpFilter({
    ...common,
    id: "acme.http.ticking",
    config: parsedBy(() => ({})),
    create: (_config, context) => {
      const tick = (): void => void (ticks++, context.setTimer(tick, 100));
      tick();
      return { dispose: () => void disposed++ };
    },
  });
  const h = await httpHarness(ticking);
  await h.advance(1000);
  expect(ticks).toBe(11);
  const s = h.open().headers({ method: "POST" }, false);
  await h.close();
  expect(s.over).toBe(true);
  await h.advance(1000);
  expect([disposed, ticks]).toEqual([1, 11]);
  expect(() => h.open()).toThrow("the harness is closed");
});

test("a filter whose hooks are refused is disposed of: `create` may have begun something", async () => {
  const disposed: string[] = [];
  const refused = (dispose: () => void): AnyDefinition =>
    defineHttpFilter({
      ...common,
      id: "acme.http.refused",
      config: parsedBy(() => ({})),
      create: () => ({ onRequestHeader: () => {}, dispose }) as never,
    });
  await expect(httpHarness(refused(() => void disposed.push("one")))).rejects.toThrow("unknown hook");
  const failing = refused(() => {
    throw new Error("in dispose");
  });
  await expect(httpHarness([[waiting, { config: { how: "never" } }], failing])).rejects.toThrow("unknown hook");
  expect(disposed).toEqual(["one"]);
});

describe("mistakes of a test are told", () => {
  test.each([
    ["headers twice", "headers were sent before"],
    ["data first", "data before the request's headers"],
    ["data after the end", "data after the end of the request"],
    ["trailers after the end", "trailers after the end of the request"],
  ])("%s", async (what, said) => {
    const h = await httpHarness(greeting, { config: { value: "hello" } });
    const s = h.open();
    if (what !== "data first") s.headers({ method: "POST" }, what !== "headers twice");
    expect(() => {
      if (what === "headers twice") s.headers();
      else if (what.startsWith("data")) s.data("x");
      else s.trailers({ a: "b" });
    }).toThrow(said);
  });

  test("a body, and chunks of one", async () => {
    const h = await httpHarness(greeting, { config: { value: "hello" } });
    await expect(h.request({ body: "a", chunks: ["b"] })).rejects.toThrow("body or chunks, not both");
  });
});
