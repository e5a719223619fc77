// What goes wrong has an answer, a flag and a word in the access log, and costs nobody else anything.
import { describe, expect, test } from "vitest";
import { statusOf } from "../support/http-message.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin, closedPort } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

/** With an origin that never speaks, the handshake does not end, and so the connection does not come to be. */
const neverConnects = { tls: { verify: false } } as const;

describe("no way to an upstream", () => {
  test("an unknown host is 404 NR", async () => {
    await using origin = await HttpOrigin.start();
    const routes = [{ host: "known.example", prefix: "/", cluster: "web" }];
    await using proxy = await startProxy(forwardTo(origin.address, { http: { routes } }));
    const response = await send(proxy.port, "/", { headers: { host: "unknown.example" } });
    expect(response.status).toBe(404);
    expect(await proxy.admin.stat("http.front.no_route")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([{ status: 404, flags: "NR", details: "route_not_found" }]);
    expect(origin.seen).toEqual([]);
  });

  test("no healthy upstream is 503 UH", async () => {
    await using proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster: { endpoints: [] } }));
    const response = await send(proxy.port, "/");
    expect([response.status, response.text]).toEqual([503, "no healthy upstream"]);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_none_healthy")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([{ status: 503, flags: "UH", details: "no_healthy_upstream" }]);
  });

  test("a refused connection is 503 UF", async () => {
    await using proxy = await startProxy(forwardTo(`127.0.0.1:${await closedPort()}`));
    const response = await send(proxy.port, "/");
    expect(response.status).toBe(503);
    expect(response.text).toMatch(
      /^upstream connect error or disconnect\/reset before headers\. reset reason: remote connection failure/,
    );
    expect(await proxy.admin.stat("cluster.web.upstream_cx_connect_fail")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([
      { status: 503, flags: "UF", details: expect.stringMatching(/^upstream_reset_before_response_started\{/) },
    ]);
  });

  test("a connection that does not come in time is 503 UF", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { cluster: { ...neverConnects, connect_timeout: "0.1s" } }),
    );
    const response = await send(proxy.port, "/");
    expect([response.status, response.text]).toEqual([
      503,
      expect.stringContaining("reset reason: connection timeout"),
    ]);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_connect_timeout")).toBe(1);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_connect_fail")).toBe(1);
    await (await origin.accepted()).gone();
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 503, flags: "UF" });
  });

  test("a route to a cluster that answers, beside one that does not, goes on working", async () => {
    await using origin = await HttpOrigin.start();
    const dead = `127.0.0.1:${await closedPort()}`;
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        http: {
          routes: [
            { prefix: "/dead", cluster: "dead" },
            { prefix: "/", cluster: "web" },
          ],
        },
        config: { clusters: { web: origin.address, dead } },
      }),
    );
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => send(proxy.port, index % 2 === 0 ? "/dead" : "/live")),
    );
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 503 : 200)),
    );
  });
});

describe("time", () => {
  test("an upstream that does not answer in time is 504 UT", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { route: { timeout: "0.1s" } }));
    const response = await send(proxy.port, "/");
    expect([response.status, response.text]).toEqual([504, "upstream request timeout"]);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_timeout")).toBe(1);
    // The connection that owes an answer is of no more use.
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 504, flags: "UT", details: "response_timeout" }]);
  });

  test("a response that stops in the middle is cut by the route's time-out", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    });
    await using proxy = await startProxy(forwardTo(origin.address, { route: { timeout: "0.2s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await client.gone()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*half$/);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 200, flags: "UT" });
  });

  test("a stream on which nothing moves is ended by the idle time-out", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { stream_idle_timeout: "0.1s" } }));
    const response = await send(proxy.port, "/");
    expect(response.status).toBe(504);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 504, flags: "SI", details: "stream_idle_timeout" });
  });
});

describe("upstream garbage is 502 UPE", () => {
  const garbage: Record<string, string> = {
    "no HTTP at all": "\x16\x03\x01 this is not HTTP\r\n\r\n",
    "a status line of another protocol": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a bad status": "HTTP/1.1 20 OK\r\n\r\n",
    "an unknown version": "HTTP/3.0 200 OK\r\n\r\n",
    "both lengths": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "a negative length": "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "an unknown transfer coding": "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
    "a header without a colon": "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "a control character in a value": "HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 0\r\n\r\n",
    "a folded header": "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "101 that nobody asked for":
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
  };
  test.each(Object.entries(garbage))("%s", async (_, bytes) => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send(bytes);
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const response = await client.next();
    expect(statusOf(response)).toBe(502);
    // The client is not to blame: its connection goes on.
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next())).toBe(502);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_protocol_error")).toBe(2);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([
      { status: 502, flags: "UPE" },
      { status: 502, flags: "UPE" },
    ]);
  });

  test("bad chunks after the response began end the client's response unfinished", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await client.gone()).not.toContain("\r\n0\r\n");
    expect((await proxy.accessLog())[0]).toMatchObject({ flags: "UPE" });
  });

  test("endless 1xx responses are not waited for", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000));
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    for (;;) {
      const status = statusOf(await client.next());
      if (status === 103) continue;
      expect(status).toBe(502);
      break;
    }
  });
});

describe("odd upstreams", () => {
  test("bytes after a response are never taken for the next response", async () => {
    const evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood${evil}`);
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    for (let count = 0; count < 5; count++) {
      client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      expect((await client.next()).body.toString()).toBe("good");
    }
    expect(origin.connections.length).toBe(5);
  });

  test("bytes that come while a connection is idle end it", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    expect((await send(proxy.port, "/")).text).toBe("good");
    (await origin.accepted()).send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect((await send(proxy.port, "/")).text).toBe("good");
  });

  test("an upstream that closes without an answer is 503 UC", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.close();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    expect((await send(proxy.port, "/")).status).toBe(503);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 503, flags: "UC" });
  });

  test("an upstream that resets before its answer is 503 UC", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.reset();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    expect((await send(proxy.port, "/")).status).toBe(503);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 503, flags: "UC" });
  });

  test.each(["content-length: 10\r\n", "transfer-encoding: chunked\r\n"])(
    "a response that breaks off (%j) breaks off at the client too",
    async (framing) => {
      await using origin = await RawOrigin.start(async (peer) => {
        await peer.next();
        peer.send(`HTTP/1.1 200 OK\r\n${framing}\r\n5\r\nab`).end();
      });
      await using proxy = await startProxy(forwardTo(origin.address));
      await expect(send(proxy.port, "/")).rejects.toThrow(/aborted|hang up|reset/i);
      expect((await proxy.accessLog())[0]).toMatchObject({ status: 200, flags: "UC" });
    },
  );

  test("an answer before the request is whole reaches the client, and neither connection is used again", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.through("\r\n\r\n");
      peer.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig");
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nstart");
    const response = await client.next();
    expect([statusOf(response), response.body.toString()]).toEqual([413, "big"]);
    await client.gone();
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  });
});

describe("clients that go away", () => {
  test("a reset while the upstream is silent is DC in the access log, and ends the upstream's connection", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET /gone HTTP/1.1\r\nhost: a\r\n\r\n");
    const upstream = await origin.accepted();
    await upstream.through("\r\n\r\n");
    client.reset();
    await upstream.gone();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.admin.stat("http.front.downstream_cx_destroy_remote_active_rq")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([
      { status: 0, flags: "DC", details: "downstream_remote_disconnect", path: "/gone" },
    ]);
  });

  test("a reset while the upstream's connection is still being made leaves no request waiting", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { cluster: { ...neverConnects, connect_timeout: "1s" } }),
    );
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    await proxy.admin.reaches("cluster.web.upstream_rq_pending_active", 1);
    client.reset();
    await proxy.admin.reaches("cluster.web.upstream_rq_pending_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_cancelled", 1);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 0, flags: "DC", received: 4 }]);
  });

  test("a client that ends its half is gone, as for Envoy, though its request was whole", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const upstream = await origin.accepted();
    await upstream.through("\r\n\r\n");
    client.end();
    await upstream.gone();
    await client.gone();
    expect(await proxy.accessLog()).toMatchObject([{ status: 0, flags: "DC" }]);
  });

  test("a client that ends its half in the middle of the request is gone", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf");
    const upstream = await origin.accepted();
    await upstream.through("half");
    client.end();
    await upstream.gone();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 0, flags: "DC", received: 4 }]);
  });
});
