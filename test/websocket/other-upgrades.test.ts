// Upgrades to other protocols than WebSocket: by name, whatever it is.
import { describe, expect, test } from "vitest";
import { header, statusOf } from "../support/http-message.ts";
import { Http2Client } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { take } from "../support/tunnels.ts";

function asking(protocol: string, method = "GET"): string {
  return `${method} /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`;
}

describe.each(["spdy/3.1", "acme-sync"])("%s", (protocol) => {
  test("switches over HTTP/1, with the method that it was asked by; the case of the name does not matter", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: [protocol.toUpperCase()] } }));
    using client = await RawPeer.open(proxy.port);
    client.send(asking(protocol.toUpperCase(), "POST"));
    const upstream = await origin.accepted();
    const head = await upstream.next("none");
    expect(head.startLine).toBe("POST /x HTTP/1.1");
    expect([header(head, "upgrade"), header(head, "connection")]).toEqual([protocol, "upgrade"]);
    upstream.send(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\nraw`);
    expect(statusOf(await client.next("none"))).toBe(101);
    expect(await client.through("raw")).toBe("raw");
    client.send("back");
    expect(await upstream.through("back")).toBe("back");
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_active")).toBe(1);
  });

  test("is refused where only another is allowed", async () => {
    await using origin = await RawOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
    using client = await RawPeer.open(proxy.port);
    client.send(asking(protocol));
    expect(statusOf(await client.next())).toBe(403);
    expect(await proxy.admin.stat("http.front.downstream_rq_ws_on_non_ws_route")).toBe(1);
    expect(origin.connections).toEqual([]);
  });
});

test("over HTTP/2 the protocol is that of an extended CONNECT, and an HTTP/1 origin is asked by GET", async () => {
  await using origin = await RawOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["acme-sync"] } }));
  await using client = await Http2Client.open(proxy.port);
  const stream = client.start({
    ":method": "CONNECT",
    ":protocol": "acme-sync",
    ":path": "/x",
    ":scheme": "http",
    ":authority": "a",
  });
  const upstream = await origin.accepted();
  const head = await upstream.next("none");
  expect(head.startLine).toBe("GET /x HTTP/1.1");
  expect(header(head, "upgrade")).toBe("acme-sync");
  expect(header(head, "sec-websocket-key")).toBeUndefined();
  upstream.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: acme-sync\r\n\r\nraw");
  expect(await take(stream, 3)).toBe("raw");
});

test("a route allows what the connection manager does not speak of", async () => {
  await using origin = await RawOrigin.start(async (peer) => {
    await peer.next("none");
    peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: acme-sync\r\n\r\n");
  });
  await using proxy = await startProxy(forwardTo(origin.address, { route: { upgrades: { "acme-sync": true } } }));
  using client = await RawPeer.open(proxy.port);
  client.send(asking("acme-sync"));
  expect(statusOf(await client.next("none"))).toBe(101);
});

test("an origin that switches to what was not asked for, or unasked, is an error", async () => {
  await using origin = await RawOrigin.start(async (peer) => {
    await peer.next();
    peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nsmuggled");
  });
  await using proxy = await startProxy(forwardTo(origin.address, { http: { upgrades: ["websocket"] } }));
  using client = await RawPeer.open(proxy.port);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  expect(statusOf(await client.next())).toBe(502);
});
