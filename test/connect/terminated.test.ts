// CONNECT that ends at the proxy (connect_config): its payload reaches a TCP server as it is, over both versions of HTTP.
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { within } from "../support/eventually.ts";
import { readSlowly, sendPattern, untilStalled } from "../support/bulk.ts";
import { statusOf } from "../support/http-message.ts";
import { Http2Client, answerOf } from "../support/http2-client.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { closedPort } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { openTunnel, rest, take, TcpTarget, type Version } from "../support/tunnels.ts";

const VERSIONS: readonly Version[] = ["HTTP/1", "HTTP/2"];

function terminating(address: string, more: Forwarding = {}): Promise<RunningProxy> {
  return startProxy(
    forwardTo(address, {
      ...more,
      http: { routes: [{ connect: true, cluster: "web", tunnel: true, ...more.route }], ...more.http },
    }),
  );
}

describe.each(VERSIONS)("over %s", (version) => {
  test("bytes pass both ways; the client's end reaches the target, which may still speak", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address);
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    expect(tunnel.status).toBe(200);
    expect(tunnel.headers).not.toHaveProperty("content-length");
    expect(tunnel.headers).not.toHaveProperty("transfer-encoding");
    const socket = await target.accepted();
    tunnel.stream.write("question");
    expect(await take(socket, 8)).toBe("question");
    socket.write("answer");
    expect(await take(tunnel.stream, 6)).toBe("answer");
    tunnel.stream.end("last words");
    expect(await rest(socket)).toBe("last words");
    socket.end("and mine");
    expect(await rest(tunnel.stream)).toBe("and mine");
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_total")).toBe(1);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_200")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([
      { status: 200, flags: "-", method: "CONNECT", received: 18, sent: 14 },
    ]);
  });

  test("the target's end reaches the client, which may still speak, megabytes if need be", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address);
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    const socket = await target.accepted();
    socket.end("that is all");
    expect(await rest(tunnel.stream)).toBe("that is all");
    const received = readSlowly(socket, 1 << 30, () => Promise.resolve());
    const sent = await sendPattern(tunnel.stream as Socket, 5_000_000);
    expect(await received).toEqual({ digest: sent, bytes: 5_000_000 });
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("what the client sends ahead of the answer waits until the connection stands, and is never a request", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address);
    const early = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432", early);
    const socket = await target.accepted();
    expect(await take(socket, early.length)).toBe(early);
    tunnel.stream.write("more");
    expect(await take(socket, 4)).toBe("more");
    expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(1);
  });

  test.each([undefined, "early "])("the target is told who the client is, ahead of all else (%s)", async (early) => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, { route: { tunnel: { proxy_protocol: "v1" } } });
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432", early);
    const socket = await target.accepted();
    tunnel.stream.end("payload");
    const [header, payload] = (await rest(socket)).split("\r\n");
    expect(header).toMatch(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${proxy.port}$`));
    if (version === "HTTP/1") expect(header!.split(" ")[4]).toBe(String((tunnel.stream as Socket).localPort));
    expect(payload).toBe(`${early ?? ""}payload`);
  });

  test("a target that does not answer is 503, and what was sent ahead goes nowhere", async () => {
    await using proxy = await terminating(`127.0.0.1:${await closedPort()}`);
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432", "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(tunnel.status).toBe(503);
    expect(await rest(tunnel.stream)).toContain("remote connection failure");
    expect(await proxy.accessLog()).toMatchObject([{ status: 503, flags: "UF", method: "CONNECT" }]);
  });

  test("a client that cuts the tunnel off cuts the target off too", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address);
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    const socket = await target.accepted();
    const failed = once(socket, "end");
    socket.resume();
    tunnel.abort();
    await expect(within("a reset", failed)).rejects.toThrow("ECONNRESET");
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("a target that resets resets the client's side: half a transfer does not look whole", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address);
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    const socket = await target.accepted();
    let ended = false;
    tunnel.stream.on("end", () => (ended = true));
    socket.write("half");
    expect(await take(tunnel.stream, 4)).toBe("half");
    const closed = once(tunnel.stream, "close").catch(() => {});
    tunnel.stream.resume();
    socket.resetAndDestroy();
    await closed;
    expect(ended).toBe(false);
    expect(await proxy.accessLog()).toMatchObject([{ status: 200, flags: "UC" }]);
  });

  test.each(["the target", "the client"])(
    "%s reads slowly: the other side stops, nothing piles up, nothing is lost",
    async (who) => {
      const total = 48_000_000;
      await using target = await TcpTarget.start();
      await using proxy = await terminating(target.address, {
        http: {
          http2: { stream_window: 65_535 },
          routes: [{ connect: true, cluster: "web", tunnel: true }],
        },
        listener: { buffer_limit: 65_536 },
        cluster: { buffer_limit: 65_536 },
      });
      using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
      const socket = await target.accepted();
      const [from, to] = who === "the target" ? [tunnel.stream as Socket, socket] : [socket, tunnel.stream as Socket];
      let isSent = false;
      const sending = sendPattern(from, total).finally(() => (isSent = true));
      await untilStalled(who === "the target" ? tunnel.socket : socket);
      // What the kernel's buffers hold is all that is on the way.
      expect(isSent).toBe(false);
      const received = readSlowly(to, 4_000_000, () => Promise.resolve());
      expect(await received).toEqual({ digest: await sending, bytes: total });
    },
  );

  test("what the client said to its end is delivered when the tunnel is given up: all of it, whenever the target reads", async () => {
    const total = 24_000_000;
    const buffer = 64 << 20;
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, {
      http: {
        http2: { stream_window: buffer, connection_window: buffer },
        routes: [{ connect: true, cluster: "web", tunnel: true, idle_timeout: "0.3s" }],
      },
      listener: { buffer_limit: buffer },
      cluster: { buffer_limit: buffer },
    });
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    const socket = (await target.accepted()).pause();
    const sent = await sendPattern(tunnel.stream as Socket, total);
    // The idle time-out ends it, with all in the proxy's hands that the kernel has not taken.
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_active")).toBe(1);
    expect(await readSlowly(socket, 1 << 30, () => Promise.resolve())).toEqual({ digest: sent, bytes: total });
    socket.end();
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("a tunnel that is still has its time, also when it is open one way only", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, { route: { idle_timeout: "0.2s" } });
    using tunnel = await openTunnel(version, proxy.port, "db.test:5432");
    const socket = await target.accepted();
    socket.resume().end("bye");
    expect(await take(tunnel.stream, 3)).toBe("bye");
    tunnel.stream.resume();
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    if (version === "HTTP/1") await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    else await proxy.admin.reaches("http2.streams_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ flags: "SI", details: "stream_idle_timeout" }]);
  });
});

test("a hundred tunnels in one HTTP/2 connection, each with its own bytes", async () => {
  await using target = await TcpTarget.start();
  await using proxy = await terminating(target.address);
  await using client = await Http2Client.open(proxy.port);
  const echoing = (async () => {
    for (let i = 0; i < 100; i++) {
      const socket = await target.accepted();
      socket.pipe(socket);
    }
  })();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const stream = client.session.request({ ":method": "CONNECT", ":authority": `host-${i}:1` });
      stream.end(`tunnel ${i}`);
      return (await answerOf(stream)).body.toString();
    }),
  );
  await echoing;
  expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => `tunnel ${i}`));
  await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
});

describe("POST in place of CONNECT", () => {
  const routes = [{ prefix: "/", cluster: "web", tunnel: { allow_post: true } }];

  test("its body goes to the target, whose bytes are the answer's body", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, { http: { routes } });
    await using client = await Http2Client.open(proxy.port);
    const stream = client.start({ ":method": "POST", ":path": "/any" });
    const answer = answerOf(stream);
    stream.write("early");
    const socket = await target.accepted();
    expect(await take(socket, 5)).toBe("early");
    stream.end(" and late");
    expect(await rest(socket)).toBe(" and late");
    socket.end("reply");
    const { status, body } = await answer;
    expect([status, body.toString()]).toEqual([200, "reply"]);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  });

  test("over HTTP/1 chunks are undone and made: no framing of HTTP reaches the target", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, { http: { routes } });
    using client = await RawPeer.open(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    const socket = await target.accepted();
    expect(await rest(socket)).toBe("hello");
    socket.end("0\r\n\r\n");
    const response = await client.next();
    expect([statusOf(response), response.body.toString()]).toEqual([200, "0\r\n\r\n"]);
  });

  test("is an ordinary request where it is not allowed", async () => {
    await using target = await TcpTarget.start();
    await using proxy = await terminating(target.address, {
      http: { routes: [{ prefix: "/", cluster: "web", tunnel: true }] },
    });
    using client = await RawPeer.open(proxy.port);
    client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
    const socket = await target.accepted();
    expect(await take(socket, 16)).toBe("POST /x HTTP/1.1");
  });
});
