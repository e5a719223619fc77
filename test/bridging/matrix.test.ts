// Both versions of HTTP on both sides: what a message keeps on its way through the proxy, and what each side hears of the other's end. Each cell is the same scenario.
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { openClient } from "./support/clients.ts";
import { forwarding, passing100 } from "./support/configs.ts";
import type { Client, Origin, Version } from "./support/exchange.ts";
import { startOrigin } from "./support/origins.ts";

const CELLS = (["HTTP/1", "HTTP/2"] as const).flatMap((from) =>
  (["HTTP/1", "HTTP/2"] as const).map((to): [Version, Version] => [from, to]),
);

class Cell implements AsyncDisposable {
  readonly client: Client;
  readonly origin: Origin;
  readonly proxy: RunningProxy;

  private constructor(client: Client, origin: Origin, proxy: RunningProxy) {
    this.client = client;
    this.origin = origin;
    this.proxy = proxy;
  }

  static async start(
    [from, to]: readonly [Version, Version],
    config: (address: string, to: Version) => SluiceConfig = forwarding,
  ): Promise<Cell> {
    const origin = await startOrigin(to);
    const proxy = await startProxy(config(origin.address, to));
    return new Cell(await openClient(from, proxy.port), origin, proxy);
  }

  get(path = "/", fields: Record<string, string | string[]> = {}) {
    return this.client.send("GET", path, "a.example", fields, true);
  }

  post(path = "/", fields: Record<string, string | string[]> = {}) {
    return this.client.send("POST", path, "a.example", fields);
  }

  /** Nothing is open any more. */
  async settled(): Promise<void> {
    await this.proxy.admin.reaches("http.front.downstream_rq_active", 0);
    await this.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.origin[Symbol.asyncDispose]();
  }
}

describe.each(CELLS)("%s → %s", (from, to) => {
  const cell = () => Cell.start([from, to]);

  describe("requests", () => {
    test("keep method, target, host and fields, and lose what belongs to one connection", async () => {
      await using world = await cell();
      const hop: Record<string, string> =
        from === "HTTP/1"
          ? {
              connection: "keep-alive, x-hop",
              "x-hop": "1",
              "keep-alive": "timeout=5",
              "proxy-connection": "keep-alive",
              te: "trailers, deflate;q=0.5",
            }
          : { te: "trailers" };
      const exchange = world.client.send(
        "REPORT",
        "/a%20b//c?d=e&f",
        "A.example:99",
        { ...hop, "x-one": ["1", "2"], cookie: "a=1; b=2" },
        true,
      );
      const { head, request } = await world.origin.next();
      expect(head).toMatchObject({ method: "REPORT", path: "/a%20b//c?d=e&f", authority: "A.example:99" });
      const { fields } = head;
      expect((fields.get("x-one") ?? []).join(", ")).toBe("1, 2");
      expect(fields.get("cookie")).toEqual(["a=1; b=2"]);
      for (const name of ["x-hop", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"])
        expect(fields.has(name), name).toBe(false);
      expect([...fields.keys()].filter((name) => name.startsWith(":"))).toEqual([]);
      if (to === "HTTP/2") {
        expect([fields.has("host"), fields.has("connection")]).toEqual([false, false]);
        expect(fields.get("te")).toEqual(["trailers"]);
      }
      await request.over();
      expect([request.body, request.trailers]).toEqual(["", null]);
      exchange.reset();
    });

    test("have their cookies joined", async () => {
      await using world = await cell();
      // HTTP/1 has one field of them; over HTTP/2 each may come for itself.
      const exchange = world.get("/", { cookie: from === "HTTP/2" ? ["a=1", "b=2", "c=3"] : "a=1; b=2; c=3" });
      expect((await world.origin.next()).head.fields.get("cookie")).toEqual(["a=1; b=2; c=3"]);
      exchange.reset();
    });

    test("stream their bodies, with trailers", async () => {
      await using world = await cell();
      const exchange = world.post("/up", { trailer: "x-sum", te: "trailers" });
      const { request, head, respond } = await world.origin.next();
      expect(head.fields.has("content-length")).toBe(false);
      exchange.write("one ");
      await request.has("one ");
      expect(request.ended).toBe(false);
      exchange.write("two");
      exchange.end({ "x-sum": "9" });
      await request.over();
      expect([request.body, request.ended, request.trailers]).toEqual(["one two", true, { "x-sum": "9" }]);
      respond(204, {}, { end: true });
      expect((await exchange.head()).status).toBe(204);
      await exchange.response.over();
      await world.settled();
    });

    test("keep their length", async () => {
      await using world = await cell();
      const exchange = world.post("/up", { "content-length": "5" });
      exchange.write("hello");
      exchange.end();
      const { head, request, respond } = await world.origin.next();
      await request.over();
      expect([head.fields.get("content-length"), request.body]).toEqual([["5"], "hello"]);
      respond(200, {}, { end: true });
      await exchange.response.over();
    });
  });

  describe("responses", () => {
    test("keep status and fields, and lose what belongs to one connection", async () => {
      await using world = await cell();
      const exchange = world.get();
      const { respond } = await world.origin.next();
      const hop: Record<string, string> = to === "HTTP/1" ? { connection: "keep-alive, x-hop", "x-hop": "1" } : {};
      respond(203, { ...hop, "set-cookie": ["a=1", "b=2"], "x-one": "1", "content-length": "0" }, { end: true });
      const { status, fields } = await exchange.head();
      expect([status, fields.get("set-cookie"), fields.get("x-one"), fields.get("content-length")]).toEqual([
        203,
        ["a=1", "b=2"],
        ["1"],
        ["0"],
      ]);
      expect(fields.has("x-hop")).toBe(false);
      if (from === "HTTP/2")
        for (const name of ["connection", "keep-alive", "transfer-encoding"])
          expect(fields.has(name), name).toBe(false);
      await exchange.response.over();
    });

    test("stream their bodies, with trailers", async () => {
      await using world = await cell();
      const exchange = world.get("/", { te: "trailers" });
      const { respond, write, end } = await world.origin.next();
      respond(200, {}, { trailers: { "x-sum": "9" } });
      await exchange.head();
      write("one ");
      await exchange.response.has("one ");
      expect(exchange.response.ended).toBe(false);
      write("two");
      end();
      await exchange.response.over();
      expect(exchange.response).toMatchObject({ body: "one two", ended: true, trailers: { "x-sum": "9" } });
      await world.settled();
    });

    test("to HEAD, and those without a body, keep their length and have none", async () => {
      await using world = await cell();
      const head = world.client.send("HEAD", "/", "a.example", {}, true);
      (await world.origin.next()).respond(200, { "content-length": "1234" }, { end: true });
      expect((await head.head()).fields.get("content-length")).toEqual(["1234"]);
      await head.response.over();
      expect([head.response.body, head.response.ended]).toEqual(["", true]);
      const unchanged = world.get();
      (await world.origin.next()).respond(304, { etag: '"1"' }, { end: true });
      expect((await unchanged.head()).status).toBe(304);
      await unchanged.response.over();
      expect([unchanged.response.body, unchanged.response.ended]).toEqual(["", true]);
    });
  });

  describe("informational responses", () => {
    test("103 pass, as many as there are", async () => {
      await using world = await cell();
      const exchange = world.get();
      const { inform, respond } = await world.origin.next();
      inform(103, { link: "</a.css>; rel=preload" });
      await exchange.response.until("the first 103", () => exchange.informational.length === 1);
      inform(103, { link: "</b.css>; rel=preload" });
      respond(200, {}, { end: true });
      expect((await exchange.head()).status).toBe(200);
      expect(exchange.informational.map(({ status, fields }) => [status, fields.get("link")])).toEqual([
        [103, ["</a.css>; rel=preload"]],
        [103, ["</b.css>; rel=preload"]],
      ]);
      await exchange.response.over();
    });

    test("100 is the proxy's, and the expectation goes no further", async () => {
      await using world = await cell();
      const exchange = world.post("/", { expect: "100-continue" });
      await exchange.response.until("100", () => exchange.informational.length === 1);
      expect(exchange.informational[0]!.status).toBe(100);
      exchange.write("body");
      exchange.end();
      const { head, request, respond } = await world.origin.next();
      expect(head.fields.has("expect")).toBe(false);
      await request.has("body");
      respond(200, {}, { end: true });
      expect((await exchange.head()).status).toBe(200);
      expect(exchange.informational.length).toBe(1);
      await exchange.response.over();
    });

    test("100 of an origin that nobody asked for stays here", async () => {
      await using world = await cell();
      const exchange = world.get();
      const { inform, respond } = await world.origin.next();
      inform(100, {});
      inform(103, { link: "</a.css>" });
      respond(200, {}, { end: true });
      expect((await exchange.head()).status).toBe(200);
      expect(exchange.informational.map(({ status }) => status)).toEqual([103]);
      await exchange.response.over();
    });

    test("100 is the origin's where that is configured", async () => {
      await using world = await Cell.start([from, to], passing100);
      const exchange = world.post("/", { expect: "100-continue" });
      const { head, inform, request, respond } = await world.origin.next();
      expect(head.fields.get("expect")).toEqual(["100-continue"]);
      expect(exchange.informational.length).toBe(0);
      inform(100, {});
      await exchange.response.until("100", () => exchange.informational.length === 1);
      exchange.write("body");
      exchange.end();
      await request.has("body");
      respond(200, {}, { end: true });
      expect((await exchange.head()).status).toBe(200);
      await exchange.response.over();
    });
  });

  describe("both directions at once", () => {
    test("a response may begin and go on while the request does", async () => {
      await using world = await cell();
      const exchange = world.post();
      const { request, respond, write, end } = await world.origin.next();
      respond(200);
      expect((await exchange.head()).status).toBe(200);
      for (let turn = 0; turn < 5; turn++) {
        exchange.write(`<${turn}>`);
        await request.has(`<${turn}>`);
        write(`[${turn}]`);
        await exchange.response.has(`[${turn}]`);
      }
      exchange.end();
      await request.over();
      write("last");
      end();
      await exchange.response.over();
      expect([request.ended, exchange.response.ended, exchange.response.body]).toEqual([
        true,
        true,
        "[0][1][2][3][4]last",
      ]);
      await world.settled();
    });

    test("a response that ends before its request is whole, and the request ends there", async () => {
      await using world = await cell();
      const exchange = world.post();
      exchange.write("beginning");
      const { request, respond } = await world.origin.next();
      await request.has("beginning");
      respond(413, { "content-length": "0" }, { end: true });
      expect((await exchange.head()).status).toBe(413);
      await exchange.response.until("the end", () => exchange.response.ended);
      await world.settled();
      // The origin hears that nothing more comes: by RST_STREAM with NO_ERROR, or the end of the connection.
      if (to === "HTTP/2") await request.over();
      else await world.proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
      expect(await world.proxy.admin.stat("http.front.downstream_rq_response_before_rq_complete")).toBe(1);
    });
  });

  describe("what is broken off", () => {
    test("by the client, before the response: the origin hears of it", async () => {
      await using world = await cell();
      const exchange = world.post();
      exchange.write("half");
      const { request } = await world.origin.next();
      await request.has("half");
      exchange.reset();
      await request.over();
      expect([request.ended, request.broken]).toEqual([false, true]);
      if (to === "HTTP/2") expect(request.code).toBe(8);
      await world.settled();
      expect(await world.proxy.admin.stat("http.front.downstream_rq_rx_reset")).toBe(1);
    });

    test("by the client, in the middle of the response: the origin hears of it", async () => {
      await using world = await cell();
      const exchange = world.post();
      const { request, respond, write } = await world.origin.next();
      respond(200);
      write("half");
      await exchange.response.has("half");
      exchange.reset();
      await request.over();
      expect(request.broken).toBe(true);
      if (to === "HTTP/2") expect(request.code).toBe(8);
      await world.settled();
    });

    test("by the origin, before the response: 503", async () => {
      await using world = await cell();
      const exchange = world.post();
      exchange.write("half");
      const { reset, request } = await world.origin.next();
      await request.has("half");
      reset();
      expect((await exchange.head()).status).toBe(503);
      await exchange.response.has("reset reason");
      const why = to === "HTTP/1" ? "connection termination" : "remote reset";
      expect(exchange.response.body).toBe(
        `upstream connect error or disconnect/reset before headers. reset reason: ${why}`,
      );
      await world.settled();
    });

    test("by the origin, in the middle of the response: the client never takes it for whole", async () => {
      await using world = await cell();
      const exchange = world.get();
      const { respond, write, reset } = await world.origin.next();
      respond(200);
      write("half");
      await exchange.response.has("half");
      reset();
      await exchange.response.over();
      expect([exchange.response.ended, exchange.response.broken]).toEqual([false, true]);
      if (from === "HTTP/2") expect(exchange.response.code).toBe(2);
      await world.settled();
    });

    test("one stream leaves the others alone", async () => {
      await using world = await cell();
      const [first, second] = [world.get("/first"), world.get("/second")];
      const arrived = [await world.origin.next(), await world.origin.next()];
      const of = (path: string) => arrived.find(({ head }) => head.path === path)!;
      of("/first").reset();
      expect((await first.head()).status).toBe(503);
      of("/second").respond(200, {}, { end: true });
      expect((await second.head()).status).toBe(200);
      const third = world.get("/third");
      (await world.origin.next()).respond(201, {}, { end: true });
      expect((await third.head()).status).toBe(201);
      await eventually("all is over", () => [first, second, third].every(({ response }) => response.ended));
    });
  });
});

test.each([
  ["NO_ERROR", 0, 2],
  ["PROTOCOL_ERROR", 1, 2],
  ["REFUSED_STREAM", 7, 2],
  ["CANCEL", 8, 8],
  ["ENHANCE_YOUR_CALM", 11, 11],
  ["HTTP_1_1_REQUIRED", 13, 2],
])(
  "HTTP/2 → HTTP/2: a response that the origin breaks off with %s (%i) is broken off with %i",
  async (_, code, told) => {
    await using world = await Cell.start(["HTTP/2", "HTTP/2"]);
    const exchange = world.get();
    const { respond, write, reset } = await world.origin.next();
    respond(200);
    write("half");
    await exchange.response.has("half");
    reset(code);
    await exchange.response.over();
    expect([exchange.response.ended, exchange.response.broken, exchange.response.code]).toEqual([false, true, told]);
    await world.settled();
  },
);
