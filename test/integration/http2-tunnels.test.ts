// What stops being HTTP inside an HTTP/2 stream: WebSocket by extended CONNECT (RFC 8441) in front of HTTP/1 origins, and CONNECT.
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { HttpOrigin } from "../support/http-origin.ts";
import { Http2Client, answerOf } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

const WEBSOCKET = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/ws?x=1",
  ":scheme": "http",
  ":authority": "a.test",
  "sec-websocket-version": "13",
};

async function webSocketOrigin(): Promise<HttpOrigin> {
  const origin = await HttpOrigin.start();
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 << 20, perMessageDeflate: false });
  origin.onUpgrade((request, socket, head) => {
    origin.seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    server.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", (data: Buffer, isBinary) => peer.send(data, { binary: isBinary }));
    });
  });
  return origin;
}

/** A masked frame; the mask is nought, so that the payload stands as it is. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size =
    length < 126
      ? Buffer.from([0x80 | length])
      : Buffer.concat([Buffer.from([0x80 | 127, 0, 0, 0, 0]), Buffer.alloc(4)]);
  if (length >= 126) size.writeUInt32BE(length, 5);
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, Buffer.alloc(4), payload]);
}

/** Collects bytes until there are enough. */
async function bytes(stream: ClientHttp2Stream, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let have = 0; have < count; ) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) await once(stream, "readable");
    else {
      chunks.push(chunk);
      have += chunk.length;
    }
  }
  return Buffer.concat(chunks);
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = (await once(stream, "response")) as [{ ":status": number }];
  return headers[":status"];
}

describe("WebSocket", () => {
  test("texts and megabytes pass both ways, beside ordinary requests of the same connection", async () => {
    await using origin = await webSocketOrigin();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    await using client = await Http2Client.open(proxy.port);
    expect(client.session.remoteSettings.enableConnectProtocol).toBe(true);
    const sockets = Array.from({ length: 5 }, () => client.start(WEBSOCKET));
    for (const socket of sockets) expect(await statusOf(socket)).toBe(200);
    expect(origin.seen[0]).toBe("GET /ws?x=1 a.test");
    expect((await client.send({ ":path": "/plain" })).status).toBe(200);
    for (const [index, socket] of sockets.entries()) {
      const text = Buffer.from(`hello ${index}`);
      socket.write(frame(1, text));
      expect((await bytes(socket, 2 + text.length)).subarray(2).toString()).toBe(text.toString());
    }
    const large = Buffer.alloc(8 << 20, "0123456789");
    sockets[0]!.write(frame(2, large));
    expect((await bytes(sockets[0]!, 10 + large.length)).subarray(10).equals(large)).toBe(true);
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_active")).toBe(5);
    for (const socket of sockets) {
      socket.write(frame(8, Buffer.from([3, 232])));
      expect((await bytes(socket, 4)).toString("hex")).toBe("880203e8");
      socket.end();
    }
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("http2.streams_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 1);
    expect(client.closed).toBe(false);
  });

  test("a client that gives up closes the origin's socket; an origin that goes ends the stream", async () => {
    await using origin = await webSocketOrigin();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    await using client = await Http2Client.open(proxy.port);
    const lost = client.start(WEBSOCKET);
    const kept = client.start(WEBSOCKET);
    expect([await statusOf(lost), await statusOf(kept)]).toEqual([200, 200]);
    lost.close(8);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 1);
    kept.write(frame(8, Buffer.from([3, 232])));
    kept.resume();
    await once(kept, "end");
    kept.end();
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    await proxy.admin.reaches("http2.streams_active", 0);
  });

  test("is refused where it is not allowed: no setting offers it, and a route may take it back", async () => {
    await using origin = await webSocketOrigin();
    await using plain = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(plain.port);
    expect(client.session.remoteSettings.enableConnectProtocol ?? false).toBe(false);
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { upgrades: ["websocket"] }, route: { upgrades: { websocket: false } } }),
    );
    await using other = await Http2Client.open(proxy.port);
    expect((await answerOf(other.start(WEBSOCKET))).status).toBe(403);
    expect(origin.seen).toEqual([]);
  });

  test("an origin that answers with a page is passed on as it is", async () => {
    await using origin = await HttpOrigin.start((_, response) => void response.writeHead(418).end("no"));
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    await using client = await Http2Client.open(proxy.port);
    const answer = await answerOf(client.start(WEBSOCKET));
    expect([answer.status, answer.body.toString()]).toEqual([418, "no"]);
    await proxy.admin.reaches("http2.streams_active", 0);
  });
});

describe("CONNECT", () => {
  test("opens a way of raw bytes when the upstream proxy says yes, with an end of its own each way", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    const { port } = echo.address() as AddressInfo;
    await using upstreamProxy = await HttpOrigin.start();
    upstreamProxy.server.on("connect", (request, socket, head) => {
      const target = connect(
        { port: Number(request.url?.split(":")[1]), host: "127.0.0.1", allowHalfOpen: true },
        () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          target.write(head);
          target.pipe(socket).pipe(target);
        },
      );
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    const http = { upgrades: ["CONNECT"], routes: [{ connect: true as const, cluster: "web" }] };
    await using proxy = await startProxy(forwardTo(upstreamProxy.address, { http }));
    await using client = await Http2Client.open(proxy.port);
    const stream = client.session.request({ ":method": "CONNECT", ":authority": `127.0.0.1:${port}` });
    stream.end("early bytes");
    const answer = await answerOf(stream);
    expect([answer.status, answer.body.toString(), answer.resetCode]).toEqual([200, "early bytes", 0]);
    await proxy.admin.reaches("http2.streams_active", 0);
    echo.close();
  });

  test("is refused where it is not allowed", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { routes: [{ connect: true, cluster: "web" }] } }),
    );
    await using client = await Http2Client.open(proxy.port);
    const stream = client.session.request({ ":method": "CONNECT", ":authority": "a:443" });
    expect((await answerOf(stream)).status).toBe(403);
    expect(origin.seen).toEqual([]);
  });
});
