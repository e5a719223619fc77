// What is too much is refused, at either side, with a status and a word; what is just not too much passes.
import { describe, expect, test } from "vitest";
import { header, statusOf } from "../support/http-message.ts";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

const many = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join("");

describe("requests", () => {
  test.each<[string, string, number]>([
    ["too many headers", `GET / HTTP/1.1\r\nhost: a\r\n${many(101)}\r\n`, 431],
    ["headers too large", `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(70_000)}\r\n\r\n`, 431],
    ["headers too large that never end", `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(200_000)}`, 431],
    ["a request line without end", "M".repeat(100_000), 414],
  ])("%s: refused, closed, logged", async (_, bytes, status) => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send(bytes);
    expect(statusOf(await client.next())).toBe(status);
    await client.gone();
    expect(origin.seen).toEqual([]);
    expect(await proxy.accessLog()).toMatchObject([{ status, flags: "DPE", method: "-" }]);
  });

  test("just as many and as large as is allowed passes", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      for (;;) {
        const { head } = await peer.next();
        peer.send(`HTTP/1.1 200 OK\r\ncontent-length: ${head.length}\r\n\r\n${head}`);
      }
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send(`GET / HTTP/1.1\r\nhost: a\r\n${many(90)}\r\n`);
    expect((await client.next()).body.toString()).toContain("x-89: 1");
    client.send(`GET /${"p".repeat(20_000)} HTTP/1.1\r\nhost: a\r\nlarge: ${"v".repeat(30_000)}\r\n\r\n`);
    expect((await client.next()).body.length).toBeGreaterThan(50_000);
  });

  test("the largest head that is allowed is configuration", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { max_request_headers_kb: 2, max_headers_count: 10 } }),
    );
    const status = async (bytes: string) => {
      using client = await RawPeer.open(proxy.port);
      client.send(bytes);
      return statusOf(await client.next());
    };
    expect(await status(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(1000)}\r\n\r\n`)).toBe(200);
    expect(await status(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(3000)}\r\n\r\n`)).toBe(431);
    expect(await status(`GET / HTTP/1.1\r\nhost: a\r\n${many(9)}\r\n`)).toBe(200);
    expect(await status(`GET / HTTP/1.1\r\nhost: a\r\n${many(10)}\r\n`)).toBe(431);
  });
});

describe("responses", () => {
  test.each<[string, string]>([
    ["too many headers", `HTTP/1.1 200 OK\r\n${many(101)}content-length: 0\r\n\r\n`],
    ["headers too large", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\ncontent-length: 0\r\n\r\n`],
    ["headers without end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(500_000)}`],
  ])("%s are 502 UPE", async (_, bytes) => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send(bytes);
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next())).toBe(502);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 502, flags: "UPE" }]);
  });

  test("a body where none may be is not passed on, and its connection not used again", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil");
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    for (let round = 0; round < 3; round++) {
      client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      expect(statusOf(await client.next())).toBe(304);
    }
    expect(client.text).toBe("");
    expect(origin.connections.length).toBe(3);
  });

  test.each([
    ["content-length: 0\r\n", 204],
    ["content-length: 4\r\n", 502],
    ["transfer-encoding: chunked\r\n", 502],
  ])("204 with %j is %i, as in Envoy", async (framing, status) => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send(`HTTP/1.1 204 No Content\r\n${framing}\r\n`);
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    expect((await send(proxy.port, "/")).status).toBe(status);
  });
});

describe("many", () => {
  test("a thousand connections at once, each with requests of its own", { timeout: 30_000 }, async () => {
    await using origin = await HttpOrigin.start((request, response) => void response.end(request.url));
    await using proxy = await startProxy(forwardTo(origin.address));
    const clients = await Promise.all(Array.from({ length: 1000 }, () => RawPeer.open(proxy.port)));
    for (const round of [1, 2]) {
      for (const [index, client] of clients.entries())
        client.send(`GET /${round}-${index} HTTP/1.1\r\nhost: a\r\n\r\n`);
      for (const [index, client] of clients.entries())
        expect((await client.next()).body.toString()).toBe(`/${round}-${index}`);
    }
    expect(await proxy.admin.stat("http.front.downstream_cx_active")).toBe(1000);
    for (const client of clients) client.close();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    expect(await proxy.admin.stat("http.front.downstream_rq_2xx")).toBe(2000);
  });

  test("a client that pipelines without reading cannot fill the memory", async () => {
    await using origin = await HttpOrigin.start((_, response) => void response.end("x".repeat(10_000)));
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.socket.pause();
    const block = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2000);
    // 30,000 requests would have 300 MB of answers.
    for (let count = 0; count < 15; count++) client.send(block);
    let last = -1;
    // It stands still, long before they are all taken.
    for (let still = 0; still < 20; ) {
      const seen = origin.seen.length;
      still = seen === last && seen > 0 ? still + 1 : 0;
      last = seen;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(last).toBeLessThan(10_000);
    client.socket.resume();
    for (let count = 0; count < 2000; count++) expect(header(await client.next(), "content-length")).toBe("10000");
  });

  test("a cluster by name finds its hosts by DNS", async () => {
    await using origin = await HttpOrigin.start();
    const clusters = { web: { dns: `localhost:${origin.port}`, dns_family: "v4_only" as const } };
    await using proxy = await startProxy(forwardTo("", { config: { clusters } }));
    expect(parsed<Echo>(await send(proxy.port, "/by-name")).url).toBe("/by-name");
    expect(await proxy.admin.stat("cluster.web.membership_total")).toBe(1);
  });
});
