// WebSocket between all versions of HTTP, with real clients and servers.
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { within } from "../support/eventually.ts";
import { Http2Origin } from "../support/http2-origin.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { type Forwarding, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import type { Version } from "../support/tunnels.ts";
import { openWebSocket, refusalOf, WebSocketOrigin } from "../support/websockets.ts";

const CELLS: readonly (readonly [client: Version, origin: Version])[] = [
  ["HTTP/1", "HTTP/1"],
  ["HTTP/1", "HTTP/2"],
  ["HTTP/2", "HTTP/1"],
  ["HTTP/2", "HTTP/2"],
];

function bridging(address: string, version: Version, more: Forwarding = {}): Promise<RunningProxy> {
  return startProxy(
    forwardTo(address, {
      ...more,
      http: { upgrades: ["websocket"], ...more.http },
      cluster: {
        protocol: version === "HTTP/2" ? "http2" : "http1",
        ...more.cluster,
      },
    }),
  );
}

async function message(socket: WebSocket): Promise<Buffer> {
  const [data] = (await within("a message", once(socket, "message"))) as [Buffer];
  return data;
}

async function closed(socket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await within("the close", once(socket, "close"))) as [number, Buffer];
  return [code, reason.toString()];
}

describe.each(CELLS)("from %s to %s", (client, server) => {
  test("messages of all sizes, pings and the close pass both ways; the handshake is whole on each side", async () => {
    await using origin = await WebSocketOrigin.start(server);
    await using proxy = await bridging(origin.address, server);
    const socket = await openWebSocket(client, proxy.port, { path: "/chat?room=1", headers: { "x-end": "to-end" } });
    const [seen] = origin.seen;
    expect(seen).toMatchObject({ "sec-websocket-version": "13", "x-end": "to-end" });
    if (server === "HTTP/2") {
      expect(seen).toMatchObject({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":path": "/chat?room=1",
        ":authority": `127.0.0.1:${proxy.port}`,
      });
      expect(seen).not.toHaveProperty("upgrade");
      expect(seen).not.toHaveProperty("connection");
    } else {
      expect(seen).toMatchObject({ upgrade: "websocket", connection: "upgrade", host: `127.0.0.1:${proxy.port}` });
      expect(seen!["sec-websocket-key"]).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    }
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20]) {
      const sent = Buffer.alloc(size, `${size} `);
      const answer = message(socket);
      socket.send(sent);
      expect((await answer).equals(sent), `${size} bytes`).toBe(true);
    }
    const pong = once(socket, "pong");
    socket.ping("there?");
    expect(String((await within("a pong", pong))[0])).toBe("there?");
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_active")).toBe(1);
    const both = Promise.all([closed(socket), closed(origin.peers[0]!)]);
    origin.peers[0]!.close(4001, "as you wish");
    expect(await both).toEqual([
      [4001, "as you wish"],
      [4001, "as you wish"],
    ]);
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    const [line] = await proxy.accessLog();
    expect(line).toMatchObject({ status: 101, flags: "-", method: "GET", path: "/chat?room=1" });
  });

  test("the client's close is the origin's", async () => {
    await using origin = await WebSocketOrigin.start(server);
    await using proxy = await bridging(origin.address, server);
    const socket = await openWebSocket(client, proxy.port);
    const both = Promise.all([closed(socket), closed(origin.peers[0]!)]);
    socket.close(4002, "enough");
    expect(await both).toEqual([
      [4002, "enough"],
      [4002, "enough"],
    ]);
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("the two ends agree on a subprotocol and on compression", async () => {
    await using origin = await WebSocketOrigin.start(server, undefined, {
      perMessageDeflate: { threshold: 0 },
      handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
    });
    await using proxy = await bridging(origin.address, server);
    const socket = await openWebSocket(client, proxy.port, {
      protocols: ["chat.v1", "chat.v2"],
      perMessageDeflate: { threshold: 0 },
    });
    expect([socket.protocol, socket.extensions]).toEqual(["chat.v2", "permessage-deflate"]);
    const text = "compressible ".repeat(100_000);
    const answer = message(socket);
    socket.send(text);
    expect((await answer).toString()).toBe(text);
    socket.close();
    await closed(socket);
    const [line] = await proxy.accessLog();
    expect(line!.received).toBeLessThan(text.length / 50);
  });

  test.each(["the client", "the origin"])(
    "%s reads slowly: the sender is held back, and nothing is lost",
    async (who) => {
      await using origin = await WebSocketOrigin.start(server, () => {});
      await using proxy = await bridging(origin.address, server, {
        listener: { buffer_limit: 65_536 },
        cluster: { buffer_limit: 65_536 },
      });
      const socket = await openWebSocket(client, proxy.port);
      const peer = origin.peers[0]!;
      const [from, to] = who === "the client" ? [peer, socket] : [socket, peer];
      to.pause();
      const count = 400;
      const block = Buffer.alloc(65_536, "websocket");
      let taken = 0;
      for (let i = 0; i < count; i++) {
        block.writeUInt32BE(i, 0);
        from.send(Buffer.from(block), () => taken++);
      }
      // All buffers on the way are full: what is left stays with the sender.
      for (let before = -1; before !== taken; ) {
        before = taken;
        for (let round = 0; round < 5; round++) await proxy.admin.stats();
      }
      expect(taken).toBeLessThan(count);
      expect(from.bufferedAmount).toBeGreaterThan(1 << 20);
      const numbers: number[] = [];
      const all = new Promise<void>((resolve) => {
        to.on("message", (data: Buffer) => {
          numbers.push(data.readUInt32BE(0));
          if (numbers.length === count) resolve();
        });
      });
      to.resume();
      await within("all messages", all, 12_000);
      expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
    },
  );

  test("an end that is cut off is one on the other side too", async () => {
    await using origin = await WebSocketOrigin.start(server);
    await using proxy = await bridging(origin.address, server);
    const first = await openWebSocket(client, proxy.port);
    const lost = closed(origin.peers[0]!);
    first.terminate();
    expect(await lost).toEqual([1006, ""]);
    const second = await openWebSocket(client, proxy.port);
    const gone = closed(second);
    origin.peers[1]!.terminate();
    expect(await gone).toEqual([1006, ""]);
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("an origin that answers with a page is passed on", async () => {
    const page = { status: 404, body: "no such room" };
    await using origin =
      server === "HTTP/1"
        ? await HttpOrigin.start((_, response) => void response.writeHead(page.status).end(page.body))
        : await Http2Origin.start(
            (stream) => {
              stream.respond({ ":status": page.status });
              stream.end(page.body);
            },
            { settings: { enableConnectProtocol: true } },
          );
    await using proxy = await bridging(origin.address, server);
    const refusal = await refusalOf(client, proxy.port);
    expect(refusal.status).toBe(404);
    expect(refusal.body).toContain(page.body);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_total")).toBe(0);
  });

  test("a route may refuse what the connection manager allows", async () => {
    await using origin = await WebSocketOrigin.start(server);
    await using proxy = await bridging(origin.address, server, {
      http: {
        routes: [
          { prefix: "/no", cluster: "web", upgrades: { websocket: false } },
          { prefix: "/", cluster: "web" },
        ],
      },
    });
    expect((await refusalOf(client, proxy.port, { path: "/no" })).status).toBe(403);
    const socket = await openWebSocket(client, proxy.port, { path: "/yes" });
    socket.close();
    await closed(socket);
    expect(origin.seen).toHaveLength(1);
  });
});

test("an HTTP/2 origin that takes no extended CONNECT is not sent one", async () => {
  await using origin = await Http2Origin.start();
  await using proxy = await bridging(origin.address, "HTTP/2");
  expect((await refusalOf("HTTP/1", proxy.port)).status).toBe(503);
  expect(origin.seen).toEqual([]);
});
