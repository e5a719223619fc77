// Connections that stop being HTTP: WebSocket with a real client and server, CONNECT, and what does not get its switch.
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { header, statusOf } from "../support/http-message.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

const SWITCH =
  "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

async function webSocketOrigin(): Promise<HttpOrigin> {
  const origin = await HttpOrigin.start();
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 << 20, perMessageDeflate: false });
  origin.onUpgrade((request, socket, head) => {
    server.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", (data: Buffer, isBinary) => {
        if (!isBinary && data.toString() === "bye") peer.close(4001, "as you wish");
        else peer.send(data, { binary: isBinary });
      });
      peer.send("hello");
    });
  });
  return origin;
}

/** Messages of a WebSocket, one at a time. */
async function* messages(socket: WebSocket): AsyncGenerator<Buffer, void> {
  const waiting: Buffer[] = [];
  let wake = () => {};
  socket.on("message", (data: Buffer) => {
    waiting.push(data);
    wake();
  });
  socket.on("close", () => wake());
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) yield next;
    else if (socket.readyState === WebSocket.CLOSED) return;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}

describe("WebSocket", () => {
  test("texts, pings, messages of megabytes and the close pass in both directions", async () => {
    await using origin = await webSocketOrigin();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws?x=1`, { perMessageDeflate: false });
    const incoming = messages(socket);
    expect((await incoming.next()).value?.toString()).toBe("hello");
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20]) {
      const message = Buffer.alloc(size, size % 251);
      socket.send(message);
      const answer = (await incoming.next()).value;
      expect(answer?.equals(message), `${size} bytes`).toBe(true);
    }
    const pong = once(socket, "pong");
    socket.ping("are you there");
    expect(String((await pong)[0])).toBe("are you there");
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_active")).toBe(1);
    const closed = once(socket, "close");
    socket.send("bye");
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, "as you wish"]);
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 101, method: "GET", path: "/ws?x=1" });
  });

  test("a hundred at once, each with its own echo", async () => {
    await using origin = await webSocketOrigin();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
        const incoming = messages(socket);
        await incoming.next();
        socket.send(`message ${index}`);
        const answer = (await incoming.next()).value?.toString();
        const closed = once(socket, "close");
        socket.close();
        await closed;
        return answer;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, index) => `message ${index}`));
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("is refused with 403 where it is not allowed", async () => {
    await using origin = await webSocketOrigin();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    client.send(SWITCH);
    expect(statusOf(await client.next())).toBe(403);
    expect(origin.seen).toEqual([]);
    expect(await proxy.accessLog()).toMatchObject([{ status: 403, details: "upgrade_failed" }]);
  });

  test("a route can allow it, and another refuse it", async () => {
    await using origin = await webSocketOrigin();
    const routes = [
      { prefix: "/no", cluster: "web", upgrades: { websocket: false } },
      { prefix: "/", cluster: "web" },
    ];
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"], routes } }));
    for (const [path, status] of [
      ["/no", 403],
      ["/yes", 101],
    ] as const) {
      using client = await RawPeer.open(proxy.port);
      client.send(SWITCH.replace("/ws", path));
      expect(statusOf(await client.next("none"))).toBe(status);
    }
  });

  test("an origin that does not switch answers like any other", async () => {
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next();
      peer.send("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
    });
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    using client = await RawPeer.open(proxy.port);
    client.send(SWITCH);
    const response = await client.next();
    expect([statusOf(response), response.body.toString()]).toEqual([404, "no"]);
  });

  test("bytes that stand behind the request are not a request, and reach the origin only after it switched", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    using client = await RawPeer.open(proxy.port);
    client.send(`${SWITCH}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`);
    const upstream = await origin.accepted();
    const head = await upstream.next();
    expect([header(head, "upgrade"), header(head, "connection")?.toLowerCase()]).toEqual(["websocket", "upgrade"]);
    expect(upstream.text).toBe("");
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nraw");
    expect(await upstream.through("\r\n\r\n")).toBe("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await client.next("none"))).toBe(101);
    expect(await client.through("raw")).toBe("raw");
    expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(1);
  });

  async function switched(origin: RawOrigin, client: RawPeer): Promise<RawPeer> {
    client.send(SWITCH);
    const upstream = await origin.accepted();
    await upstream.next();
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    await client.next("none");
    return upstream;
  }

  test("the end of the client's half reaches the upstream, which may still speak", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    using client = await RawPeer.open(proxy.port);
    const upstream = await switched(origin, client);
    client.send("last words").end();
    expect(await upstream.gone()).toBe("last words");
    upstream.send("and yours").end();
    expect(await client.gone()).toBe("and yours");
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("the end of the upstream's half ends both, after its last words, as in Envoy", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    using client = await RawPeer.open(proxy.port);
    const upstream = await switched(origin, client);
    upstream.send("last words").end();
    expect(await client.gone()).toBe("last words");
    client.close();
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });
});

describe("CONNECT", () => {
  const routes = [{ connect: true, cluster: "web" }];

  test("opens a way of raw bytes when the upstream proxy says yes", async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    const { port } = echo.address() as AddressInfo;
    await using upstreamProxy = await HttpOrigin.start();
    upstreamProxy.server.on("connect", (request, socket, head) => {
      const target = connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        target.write(head);
        target.pipe(socket).pipe(target);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    await using proxy = await startProxy(forwardTo(upstreamProxy.address, { http: { upgrades: ["CONNECT"], routes } }));
    using client = await RawPeer.open(proxy.port);
    client.send(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\nearly `);
    expect(statusOf(await client.next("none"))).toBe(200);
    client.send("bytes").end();
    expect(await client.gone()).toBe("early bytes");
    echo.close();
  });

  test("is refused where it is not allowed", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { routes } }));
    using client = await RawPeer.open(proxy.port);
    client.send("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n");
    expect(statusOf(await client.next())).toBe(403);
    expect(origin.connections).toEqual([]);
  });
});
