// Plain HTTP through a whole proxy: what clients send is what origins get, and the other way round.
import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { header, statusOf } from "../support/http-message.ts";
import { type Echo, HttpOrigin, mirror } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

describe("messages", () => {
  test("a GET reaches the origin with its target and headers, and the answer comes back", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await send(proxy.port, "/hello?a=1&b=%20", { headers: { "X-One": "1", accept: "*/*" } });
    expect(response.status).toBe(200);
    const seen = parsed<Echo>(response);
    expect(seen).toMatchObject({ method: "GET", url: "/hello?a=1&b=%20", body: "" });
    expect(seen.headers).toMatchObject({ "x-one": "1", accept: "*/*", host: `127.0.0.1:${proxy.port}` });
    expect(seen.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.server).toBe("envoy");
    expect(response.headers["x-envoy-upstream-service-time"]).toMatch(/^\d+$/);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])(
    "a %s with a length keeps its body and framing",
    async (method) => {
      await using origin = await HttpOrigin.start();
      await using proxy = await startProxy(forwardTo(origin.address));
      const body = "x".repeat(100_000);
      const seen = parsed<Echo>(
        await send(proxy.port, "/", { method, body, headers: { "content-length": body.length } }),
      );
      expect(seen.method).toBe(method);
      expect(seen.body).toBe(body);
      expect(seen.headers["content-length"]).toBe("100000");
      expect(seen.headers["transfer-encoding"]).toBeUndefined();
    },
  );

  test("a chunked body stays chunked in both directions", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address));
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 20; index++) yield Buffer.alloc(7000, index);
    }
    const response = await send(proxy.port, "/", { method: "POST", body: body() });
    expect(response.headers["transfer-encoding"]).toBe("chunked");
    expect(response.headers["content-length"]).toBeUndefined();
    expect(response.body.length).toBe(140_000);
    for (let index = 0; index < 20; index++) expect(response.body[index * 7000]).toBe(index);
  });

  test("duplicate headers keep their order and their number", async () => {
    await using origin = await HttpOrigin.start((_, response) => {
      response.setHeader("set-cookie", ["a=1", "b=2", "c=3"]);
      response.end();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await send(proxy.port, "/");
    expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2", "c=3"]);
  });

  test("HEAD has the length of what GET would give, and no body", async () => {
    await using origin = await HttpOrigin.start(
      (_, response) => void response.writeHead(200, { "content-length": 1234 }).end(),
    );
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round++) {
      const response = await send(proxy.port, "/", { method: "HEAD", agent });
      expect(response.headers["content-length"]).toBe("1234");
      expect(response.body.length).toBe(0);
    }
    agent.destroy();
    await proxy.admin.reaches("http.front.downstream_cx_total", 1);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_total")).toBe(1);
  });

  test.each([204, 304])("a %i has no body and leaves the connection usable", async (status) => {
    await using origin = await HttpOrigin.start(
      (_, response) => void response.writeHead(status, { "x-here": "1" }).end(),
    );
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 2; round++) {
      const response = await send(proxy.port, "/", { agent });
      expect([response.status, response.headers["x-here"], response.body.length]).toEqual([status, "1", 0]);
    }
    agent.destroy();
    expect(await proxy.admin.stat("http.front.downstream_cx_total")).toBe(1);
  });

  test("trailers pass both ways where they are enabled", async () => {
    await using origin = await HttpOrigin.start(async (request, response) => {
      response.writeHead(200, { trailer: "x-sum" });
      for await (const _ of request);
      response.addTrailers({ "x-sum": `got ${request.trailers["x-check"]}` });
      response.end("body");
    });
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { trailers: true }, cluster: { trailers: true } }),
    );
    using client = await RawPeer.open(proxy.port);
    client.send(
      "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-check: 42\r\n\r\n",
    );
    const response = await client.next();
    expect(response.body.toString()).toBe("body");
    expect(response.trailers).toEqual([["x-sum", "got 42"]]);
  });

  test("trailers are dropped where they are not, as Envoy does", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-check: 42\r\n\r\n");
    const seen = JSON.parse((await client.next()).body.toString()) as Echo;
    expect(seen.body).toBe("abc");
    expect(seen.trailers).toEqual({});
  });

  test("a response that ends with its connection arrives whole", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 200 OK\r\nx-close: 1\r\n\r\n").send("until ").send("the end").end();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await send(proxy.port, "/");
    expect(response.text).toBe("until the end");
    expect(response.headers["transfer-encoding"]).toBe("chunked");
  });

  test("hop-by-hop headers end at the proxy, both ways", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send(
        "HTTP/1.1 200 OK\r\nconnection: x-inner, keep-alive\r\nx-inner: 1\r\nkeep-alive: timeout=3\r\nproxy-connection: close\r\nx-outer: 1\r\ncontent-length: 0\r\n\r\n",
      );
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send(
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: x-secret\r\nx-secret: 1\r\nkeep-alive: 5\r\nproxy-connection: keep-alive\r\nte: gzip\r\nx-kept: 1\r\n\r\n",
    );
    const response = await client.next();
    const origins = await origin.accepted();
    expect(origins.text).toBe("");
    expect(header(response, "x-outer")).toBe("1");
    for (const name of ["x-inner", "keep-alive", "proxy-connection"]) expect(header(response, name)).toBeUndefined();
  });
});

describe("connections", () => {
  test("pipelined requests are answered in their order", async () => {
    await using origin = await HttpOrigin.start((request, response) => {
      // The first is the slowest.
      setTimeout(() => response.end(request.url), request.url === "/1" ? 30 : 0);
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    const paths = Array.from({ length: 20 }, (_, index) => `/${index + 1}`);
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(""));
    for (const path of paths) expect((await client.next()).body.toString()).toBe(path);
    expect(origin.seen).toEqual(paths.map((path) => `GET ${path}`));
  });

  test("many requests use one connection on each side", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 50; count++) expect((await send(proxy.port, "/", { agent })).status).toBe(200);
    agent.destroy();
    const stats = await proxy.admin.stats();
    expect(stats.get("http.front.downstream_cx_total")).toBe(1);
    expect(stats.get("http.front.downstream_rq_total")).toBe(50);
    expect(stats.get("cluster.web.upstream_cx_total")).toBe(1);
    expect(stats.get("cluster.web.upstream_rq_total")).toBe(50);
  });

  test("`connection: close` of the client is honoured", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    const response = await client.next();
    expect(header(response, "connection")).toBe("close");
    expect(await client.gone()).toBe("");
  });

  test("an upstream that says `connection: close` is not used again, and the client does not notice", async () => {
    await using origin = await HttpOrigin.start(
      (_, response) => void response.writeHead(200, { connection: "close" }).end("ok"),
    );
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 5; count++) expect((await send(proxy.port, "/", { agent })).text).toBe("ok");
    agent.destroy();
    expect(await proxy.admin.stat("cluster.web.upstream_cx_total")).toBe(5);
    expect(await proxy.admin.stat("http.front.downstream_cx_total")).toBe(1);
  });

  test("requests beyond the limit of a connection go over a new one", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        http: { max_requests_per_connection: 3 },
        cluster: { max_requests_per_connection: 2 },
      }),
    );
    using client = await RawPeer.open(proxy.port);
    for (const connection of [undefined, undefined, "close"]) {
      client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      expect(header(await client.next(), "connection")).toBe(connection);
    }
    await client.gone();
    expect(await proxy.admin.stat("cluster.web.upstream_cx_total")).toBe(2);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_max_requests")).toBe(1);
  });

  test("an upstream connection that closes while idle costs no request", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 5; count++) {
      expect((await send(proxy.port, "/", { agent })).status).toBe(200);
      origin.server.closeAllConnections();
      await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    }
    agent.destroy();
  });
});

describe("HTTP/1.0", () => {
  test("is refused with 426 unless it is allowed", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next())).toBe(426);
    expect(origin.seen).toEqual([]);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 426, details: "low_version" });
  });

  test("is answered and its connection closed where it is allowed; a default host helps where it names none", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { http_10: "old.example" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("GET /old HTTP/1.0\r\n\r\n");
    const response = await client.next("until-close");
    expect(statusOf(response)).toBe(200);
    const seen = JSON.parse(response.body.toString()) as Echo;
    expect(seen.headers["host"]).toBe("old.example");
    await client.gone();
  });

  test("never gets chunks", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address, { http: { http_10: true } }));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.0\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello");
    const response = await client.next("until-close");
    expect(header(response, "transfer-encoding")).toBeUndefined();
    expect(response.body.toString()).toBe("hello");
  });
});

describe("targets", () => {
  test("the authority of an absolute-form target wins over Host", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET http://right.example/path?q HTTP/1.1\r\nhost: wrong.example\r\n\r\n");
    const seen = JSON.parse((await client.next()).body.toString()) as Echo;
    expect(seen).toMatchObject({ url: "/path?q", headers: { host: "right.example" } });
  });

  test("OPTIONS * has no route, as in Envoy, and leaves the connection usable", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\nOPTIONS /path HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next())).toBe(404);
    expect(statusOf(await client.next())).toBe(200);
    expect(origin.seen).toEqual(["OPTIONS /path"]);
  });
});

describe("1xx", () => {
  test("`Expect: 100-continue` is answered by the proxy before the body goes on", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    expect(statusOf(await client.next())).toBe(100);
    client.send("body");
    const response = await client.next();
    expect(statusOf(response)).toBe(200);
    expect((JSON.parse(response.body.toString()) as Echo).body).toBe("body");
  });

  test("103 from the origin reaches the client before the response", async () => {
    await using origin = await HttpOrigin.start((_, response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.end("done");
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await send(proxy.port, "/");
    expect([response.informational, response.text]).toEqual([[103], "done"]);
  });
});
