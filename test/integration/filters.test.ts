// Filters in a running proxy: those that come with it, and those that fail.
import { setTimeout as wait } from "node:timers/promises";
import { StopAndBuffer, defineHttpFilter, reply, type HttpFilter } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { type Echo, HttpOrigin, mirror } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";

async function withFilter(
  origin: HttpOrigin,
  hooks: HttpFilter,
  options: Record<string, string> = {},
  forwarding: Forwarding = {},
): Promise<RunningProxy> {
  const filter = defineHttpFilter({
    id: "test.filter",
    maturity: "alpha",
    security: "untrusted-downstream",
    config: { type: "object" },
    create: () => hooks,
  });
  const filters = [{ "test.filter": {}, ...options }];
  return startProxy(forwardTo(origin.address, { ...forwarding, http: { filters, ...forwarding.http } }), {
    extensions: [filter],
  });
}

describe("a filter that fails", () => {
  const failing: Record<string, HttpFilter> = {
    "throws at the request's headers": {
      onRequestHeaders() {
        throw new Error("no");
      },
    },
    "rejects at the request's headers": {
      async onRequestHeaders() {
        await wait(1);
        throw new Error("no");
      },
    },
    "throws at the request's body": {
      onRequestData() {
        throw new Error("no");
      },
    },
    "throws at the response's headers": {
      onResponseHeaders() {
        throw new Error("no");
      },
    },
    "throws what is no error": {
      onRequestHeaders() {
        // oxlint-disable-next-line typescript/only-throw-error, eslint/no-throw-literal -- that is the point
        throw undefined;
      },
    },
    "returns what is no verdict": { onRequestHeaders: () => 99 as never },
  };

  test.each(Object.entries(failing))("%s: 500, counted and named; the next connection is served", async (_, hooks) => {
    await using origin = await HttpOrigin.start();
    await using proxy = await withFilter(origin, hooks);
    for (let round = 1; round <= 3; round++) {
      expect((await send(proxy.port, "/", { method: "POST", body: "body" })).status).toBe(500);
      expect(await proxy.admin.stat("http.front.filter_errors")).toBe(round);
    }
    await proxy.admin.reaches("http.front.downstream_rq_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(proxy.log.some(({ level, message }) => level === "error" && message.includes("test.filter"))).toBe(true);
    expect((await proxy.accessLog())[0]).toMatchObject({
      status: 500,
      details: expect.stringMatching(/^filter_error\{test\.filter:/),
    });
  });

  test("at the response's body cuts the response", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await withFilter(origin, {
      onResponseData() {
        throw new Error("no");
      },
    });
    await expect(send(proxy.port, "/", { method: "POST", body: "body" })).rejects.toThrow();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  });

  test.each(Object.entries(failing).slice(0, 5))(
    "%s: passes where the configuration says `on_error: continue`",
    async (_, hooks) => {
      await using origin = await HttpOrigin.start(mirror);
      await using proxy = await withFilter(origin, hooks, { on_error: "continue" });
      const response = await send(proxy.port, "/", { method: "POST", body: "body" });
      expect([response.status, response.text]).toEqual([200, "body"]);
      expect(await proxy.admin.stat("http.front.filter_errors")).toBeGreaterThan(0);
    },
  );

  test("whose promise never settles holds its stream alone, until the stream's time-out", async () => {
    await using origin = await HttpOrigin.start();
    const hooks: HttpFilter = {
      onRequestHeaders: (headers) => (headers.path === "/stuck" ? new Promise<void>(() => {}) : undefined),
    };
    await using proxy = await withFilter(origin, hooks, {}, { http: { stream_idle_timeout: "0.2s" } });
    const stuck = send(proxy.port, "/stuck");
    expect((await send(proxy.port, "/free")).status).toBe(200);
    expect((await stuck).status).toBe(504);
  });
});

describe("a filter that works", () => {
  test("changes bodies of any length in both directions, with the right framing", async () => {
    await using origin = await HttpOrigin.start(mirror);
    const upper = (data: Uint8Array) => Buffer.from(Buffer.from(data).toString("latin1").toUpperCase(), "latin1");
    await using proxy = await withFilter(origin, {
      onRequestHeaders: (headers) => void headers.delete("content-length"),
      onRequestData: (data) => Buffer.concat([upper(data), Buffer.from("!")]),
      onResponseHeaders: (headers) => void headers.delete("content-length"),
      onResponseData: (data, end) => (end ? Buffer.concat([data, Buffer.from("<end>")]) : undefined),
    });
    const response = await send(proxy.port, "/", { method: "POST", body: "quiet", headers: { "content-length": 5 } });
    expect(response.text).toMatch(/^QUIET!+<end>$/);
  });

  test("waits, buffers, answers, and sees every end", async () => {
    const ends: string[] = [];
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await withFilter(origin, {
      onRequestHeaders: (headers) =>
        headers.path === "/no" ? reply({ status: 418, body: "no coffee", details: "teapot" }) : StopAndBuffer,
      onRequestData: async (_, end) => {
        await wait(2);
        return end ? 0 : StopAndBuffer;
      },
      onStreamComplete: (info) => void ends.push(`${info.status} ${info.details}`),
    });
    expect((await send(proxy.port, "/no")).text).toBe("no coffee");
    expect(ends).toEqual(["418 teapot"]);
  });
});

describe("filters of the house", () => {
  test("buffer: a body beyond the limit is 413, a chunked one within it gets its length", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { filters: [{ buffer: { max_request_bytes: 1000 } }] } }),
    );
    async function* chunks(count: number): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < count; index++) yield Buffer.alloc(100, "x");
    }
    const small = parsed<Echo>(await send(proxy.port, "/", { method: "POST", body: chunks(5) }));
    expect([small.body.length, small.headers["content-length"]]).toEqual([500, "500"]);
    expect(
      (await send(proxy.port, "/", { method: "POST", body: Buffer.alloc(5000), headers: { "content-length": 5000 } }))
        .status,
    ).toBe(413);
    expect(origin.seen.length).toBe(1);
    expect((await proxy.accessLog())[1]).toMatchObject({ status: 413, details: "request_payload_too_large" });
  });

  test("local_ratelimit: what is beyond the bucket is 429 RL", async () => {
    await using origin = await HttpOrigin.start();
    const filters = [
      { local_ratelimit: { token_bucket: { max_tokens: 3, tokens_per_fill: 3, fill_interval: "3600s" } } },
    ];
    await using proxy = await startProxy(forwardTo(origin.address, { http: { filters } }));
    const statuses: number[] = [];
    for (let count = 0; count < 5; count++) statuses.push((await send(proxy.port, "/")).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await proxy.admin.stat("local_ratelimit.http_local_rate_limit.rate_limited")).toBe(2);
    expect((await proxy.accessLog()).slice(3)).toMatchObject(
      Array(2).fill({ status: 429, flags: "RL", details: "local_rate_limited" }),
    );
  });

  test("header_mutation: on requests, responses, and otherwise on one route", async () => {
    await using origin = await HttpOrigin.start();
    const set = (key: string, value: string) => ({
      append: { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
    });
    const filters = [
      {
        header_mutation: {
          mutations: {
            request_mutations: [set("x-in", "%REQ(x-client)%-seen"), { remove: "x-secret" }],
            response_mutations: [set("x-out", "all")],
          },
        },
      },
    ];
    const routes = [
      {
        prefix: "/special",
        cluster: "web",
        filters: { header_mutation: { mutations: { response_mutations: [set("x-out", "special")] } } },
      },
      { prefix: "/off", cluster: "web", filters: { header_mutation: false } },
      { prefix: "/", cluster: "web" },
    ];
    await using proxy = await startProxy(forwardTo(origin.address, { http: { filters, routes } }));
    const headers = { "x-client": "me", "x-secret": "1" };
    const plain = await send(proxy.port, "/", { headers });
    expect(parsed<Echo>(plain).headers).toMatchObject({ "x-in": "me-seen" });
    expect(parsed<Echo>(plain).headers["x-secret"]).toBeUndefined();
    expect(plain.headers["x-out"]).toBe("all");
    expect((await send(proxy.port, "/special", { headers })).headers["x-out"]).toBe("special");
    const off = await send(proxy.port, "/off", { headers });
    expect([off.headers["x-out"], parsed<Echo>(off).headers["x-secret"]]).toEqual([undefined, "1"]);
  });
});
