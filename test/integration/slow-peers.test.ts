// Clients and upstreams that are slow on purpose, or go without a word, are cut by the time-outs and leave nothing behind.
import { describe, expect, test } from "vitest";
import { header, statusOf } from "../support/http-message.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

/** Sends one byte after another, for as long as the other side listens. */
async function drip(client: RawPeer, text: string): Promise<void> {
  for (let at = 0; !client.ended; at = (at + 1) % text.length) {
    client.send(text.slice(at, at + 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("slow clients", () => {
  test("headers that never end are cut by the header time-out with 408", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { request_headers_timeout: "0.2s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx: ");
    await drip(client, "x");
    expect(statusOf(await client.next())).toBe(408);
    expect(await proxy.admin.stat("http.front.downstream_rq_header_timeout")).toBe(1);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    expect(origin.seen).toEqual([]);
    expect(await proxy.accessLog()).toMatchObject([{ status: 408, flags: "-", details: "request_header_timeout" }]);
  });

  test("a body that never ends is cut by the request time-out with 408, and the upstream's request too", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { request_timeout: "0.2s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
    await drip(client, "x");
    expect(statusOf(await client.next())).toBe(408);
    await (await origin.accepted()).gone();
    expect(await proxy.admin.stat("http.front.downstream_rq_timeout")).toBe(1);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 408, details: "request_overall_timeout" }]);
  });

  test("a client that sends a head's first byte and then nothing is cut too", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { request_headers_timeout: "0.1s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("G");
    expect(statusOf(await client.next())).toBe(408);
    await client.gone();
  });

  test.for([
    {
      setting: "stream_idle_timeout",
      detail: "stream_idle_timeout",
      flags: "SI",
      counter: "downstream_rq_idle_timeout",
    },
    { setting: "request_timeout", detail: "request_overall_timeout", flags: "-", counter: "downstream_rq_timeout" },
  ])("headers that never end are cut by $setting as well", async ({ setting, detail, flags, counter }) => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { [setting]: "0.2s" } }));
    using client = await RawPeer.open(proxy.port);
    // The time-out belongs to the request whose head is slow, not to the connection.
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next())).toBe(200);
    client.send("GET / HTTP/1.1\r\nx: ");
    await drip(client, "x");
    expect(statusOf(await client.next())).toBe(408);
    expect(await proxy.admin.stat(`http.front.${counter}`)).toBe(1);
    expect(await proxy.admin.stat("http.front.downstream_cx_protocol_error")).toBe(0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 200 }, { status: 408, flags, details: detail }]);
  });

  test("a connection on which nothing ever comes is closed by the idle time-out", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { idle_timeout: "0.1s" } }));
    using client = await RawPeer.open(proxy.port);
    expect(await client.gone()).toBe("");
    expect(await proxy.admin.stat("http.front.downstream_cx_idle_timeout")).toBe(1);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  });

  test("a connection that grows old says so in its next response", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { max_connection_duration: "0.2s" } }));
    using client = await RawPeer.open(proxy.port);
    for (;;) {
      client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      const response = await client.next().catch(() => null);
      // Idle at the very moment: closed between two requests.
      if (response === null || header(response, "connection") === "close") break;
    }
    await client.gone();
    expect(await proxy.admin.stat("http.front.downstream_cx_max_duration_reached")).toBe(1);
  });

  test("an idle connection that has grown old may still send a last request, for as long as the drain time-out", async () => {
    await using origin = await HttpOrigin.start();
    const old = { max_connection_duration: "0.1s", drain_timeout: "60s" } as const;
    await using proxy = await startProxy(forwardTo(origin.address, { http: old }));
    using client = await RawPeer.open(proxy.port);
    await proxy.admin.reaches("http.front.downstream_cx_max_duration_reached", 1);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(header(await client.next(), "connection")).toBe("close");
    await client.gone();
  });

  test("an idle connection that has grown old is closed after the drain time-out", async () => {
    await using origin = await HttpOrigin.start();
    const old = { max_connection_duration: "0.1s", drain_timeout: "0.1s" } as const;
    await using proxy = await startProxy(forwardTo(origin.address, { http: old }));
    using client = await RawPeer.open(proxy.port);
    expect(await client.gone()).toBe("");
    expect(await proxy.admin.stat("http.front.downstream_cx_max_duration_reached")).toBe(1);
  });

  test("a client that does not read its response is cut by the stream's idle time-out", async () => {
    await using origin = await HttpOrigin.start((_, response) => {
      response.writeHead(200);
      const block = Buffer.alloc(64 * 1024);
      const more = () => {
        while (response.write(block));
      };
      response.on("drain", more);
      more();
    });
    await using proxy = await startProxy(forwardTo(origin.address, { http: { stream_idle_timeout: "0.3s" } }));
    using client = await RawPeer.open(proxy.port);
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await proxy.admin.reaches("http.front.downstream_rq_idle_timeout", 1);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 200, flags: "SI" }]);
  });
});

describe("half-open peers", () => {
  test("an upstream that ends its half of an idle connection loses it", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").end();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect((await client.next()).body.toString()).toBe("ok");
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    await (await origin.accepted()).gone();
  });

  test("a client that ends its half while idle is let go", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.next();
    client.end();
    await client.gone();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  });

  test("an upstream that keeps its idle connection for ever loses it to the pool's idle time-out", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { idle_timeout: "0.1s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.next();
    await proxy.admin.reaches("cluster.web.upstream_cx_idle_timeout", 1);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });
});
