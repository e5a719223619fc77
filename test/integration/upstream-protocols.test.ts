// What clusters speak with real servers: found out by ALPN, taken from the client, changed by a restart; what connections begin with and how they are resumed.
import { once } from "node:events";
import { type Http2SecureServer, type ServerHttp2Session, createSecureServer } from "node:http2";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createTcp } from "node:net";
import { type Server as HttpsServer, createServer as createHttps } from "node:https";
import type { Duplex } from "node:stream";
import { type TLSSocket, createServer as createTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { eventually, within } from "../support/eventually.ts";
import { Http2Client } from "../support/http2-client.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { Http2Origin } from "../support/http2-origin.ts";
import { send } from "../support/http-request.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { certificate, pem } from "../support/tls.ts";
import { openWebSocket } from "../support/websockets.ts";

const tls = { ca: pem("ca"), sni: "server.test" };

/** A server behind TLS that says in which version it was asked, on whichever port it is told. */
class Origin implements AsyncDisposable {
  readonly server: Http2SecureServer | HttpsServer;
  connections = 0;
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor(server: Http2SecureServer | HttpsServer) {
    this.server = server;
    server.on("secureConnection", () => this.connections++);
    server.on("session", (session: ServerHttp2Session) => this.#sessions.add(session));
  }

  static async start(speaks: "http1" | "http2" | "both", port = 0): Promise<Origin> {
    const { cert, key } = certificate("server");
    const answer = (request: { httpVersion: string }, response: { end(text: string): void }) =>
      response.end(request.httpVersion);
    const server =
      speaks === "http1"
        ? createHttps({ cert, key }, answer)
        : createSecureServer({ cert, key, allowHTTP1: speaks === "both" }, answer);
    const origin = new Origin(server as Http2SecureServer);
    origin.server.listen(port, "127.0.0.1");
    await once(origin.server, "listening");
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const session of this.#sessions) session.destroy();
    if ("closeAllConnections" in this.server) this.server.closeAllConnections();
    await closed;
  }
}

const auto = (address: string, more: Forwarding = {}) =>
  forwardTo(address, { ...more, cluster: { protocol: "auto", tls, ...more.cluster } });

const version = async (proxy: RunningProxy): Promise<string> => (await send(proxy.port, "/")).text;

async function row(proxy: RunningProxy, name: string): Promise<string | undefined> {
  const { body } = await proxy.admin.get("/clusters");
  return body
    .split("\n")
    .find((line) => line.includes(`::${name}::`))
    ?.split("::")[3];
}

describe("auto", () => {
  test.each([
    ["http2", "2.0"],
    ["both", "2.0"],
    ["http1", "1.1"],
  ] as const)("finds out what a host speaks that takes %s, and /clusters tells", async (speaks, expected) => {
    await using origin = await Origin.start(speaks);
    await using proxy = await startProxy(auto(origin.address));
    expect([await row(proxy, "protocol"), await row(proxy, "protocol_source")]).toEqual(["", "alpn"]);
    expect(await version(proxy)).toBe(expected);
    const spoken = expected === "2.0" ? "http2" : "http1";
    expect(await row(proxy, "protocol")).toBe(spoken);
    const { cluster_statuses: clusters } = (await proxy.admin.json("/clusters?format=json")) as {
      cluster_statuses: { host_statuses: { stats: { name: string; value?: string }[] }[] }[];
    };
    const { stats } = clusters[0]!.host_statuses[0]!;
    const ours = stats.filter(({ name }) => !/^(cx|rq)_|^pick\./.test(name)).map(({ name, value }) => [name, value]);
    expect(ours).toEqual([
      [`protocol.${spoken}`, "1"],
      ["protocol_source.alpn", "1"],
    ]);
  });

  test("is HTTP/1 without TLS", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { protocol: "auto" } }));
    expect((await send(proxy.port, "/")).status).toBe(200);
    expect([await row(proxy, "protocol"), await row(proxy, "protocol_source")]).toEqual(["http1", "no_tls"]);
  });

  test.each(["HTTP/1", "HTTP/2"] as const)(
    "a WebSocket from %s goes over HTTP/1 where a host speaks HTTP/2 without extended CONNECT; requests stay on HTTP/2",
    async (client) => {
      await using origin = await Origin.start("both");
      const sockets = new WebSocketServer({ noServer: true });
      origin.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
        sockets.handleUpgrade(request, socket, head, (peer) =>
          peer.on("message", (data: Buffer) => peer.send(data.toString())),
        ),
      );
      await using proxy = await startProxy(auto(origin.address, { http: { upgrades: ["websocket"] } }));
      for (const text of ["first", "second"]) {
        expect(await version(proxy)).toBe("2.0");
        const socket = await openWebSocket(client, proxy.port);
        const echoed = once(socket, "message");
        socket.send(text);
        expect(String((await within("an echo", echoed))[0])).toBe(text);
        const closed = once(socket, "close");
        socket.close();
        await within("the close", closed);
      }
      await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
      const { admin } = proxy;
      expect([
        await admin.stat("cluster.web.upstream_cx_http2_total"),
        await admin.stat("cluster.web.upstream_cx_http1_total"),
        await admin.stat("cluster.web.upstream_rq_pending_active"),
      ]).toEqual([1, 2, 0]);
    },
  );

  test("a burst of a hundred on a cold host makes one connection where it speaks HTTP/2", async () => {
    await using origin = await Origin.start("both");
    await using proxy = await startProxy(auto(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.send()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect([origin.connections, await proxy.admin.stat("cluster.web.upstream_cx_total")]).toEqual([1, 1]);
  });

  test("follows a host that comes back speaking something else, both ways", async () => {
    let origin = await Origin.start("both");
    const { address, port } = origin;
    await using proxy = await startProxy(auto(address));
    try {
      expect(await version(proxy)).toBe("2.0");
      for (const [speaks, expected] of [
        ["http1", "1.1"],
        ["both", "2.0"],
      ] as const) {
        await origin[Symbol.asyncDispose]();
        await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
        origin = await Origin.start(speaks, port);
        expect(await version(proxy)).toBe(expected);
        expect(await row(proxy, "protocol")).toBe(expected === "2.0" ? "http2" : "http1");
      }
    } finally {
      await origin[Symbol.asyncDispose]();
    }
  });
});

test("a cluster that speaks what its clients speak has a pool for each", async () => {
  await using modern = await Http2Origin.start((stream) => {
    stream.respond({ ":status": 200 });
    stream.end("2.0");
  });
  await using old = await HttpOrigin.start();
  // One address for both: the first bytes of a connection say which it is.
  const server = createTcp((socket) => {
    socket.once("data", (first) => {
      const { address } = first.toString("latin1", 0, 3) === "PRI" ? modern : old;
      const onward = connect(Number(address.split(":")[1]), "127.0.0.1");
      onward.write(first);
      socket.pipe(onward).pipe(socket);
      for (const each of [socket, onward]) each.on("error", () => socket.destroy());
    });
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using proxy = await startProxy(forwardTo(address, { cluster: { protocol: "downstream" } }));
  await using client = await Http2Client.open(proxy.port);
  expect((await client.send()).body.toString()).toBe("2.0");
  expect((await send(proxy.port, "/")).status).toBe(200);
  const stats = await proxy.admin.stats();
  expect(stats.get("cluster.web.upstream_cx_http1_total")).toBe(1);
  expect(stats.get("cluster.web.upstream_cx_http2_total")).toBe(1);
  expect(await row(proxy, "protocol_source")).toBe("downstream");
  server.close();
});

describe("TLS sessions", () => {
  // Node's servers give no new ticket on a resumed connection, and one of TLS 1.3 is used once.
  test.each([
    ["TLSv1.2", [false, true, true]],
    ["TLSv1.3", [false, true, false]],
  ] as const)("are resumed over %s, and the server is verified all the same", async (v, expected) => {
    const { cert, key } = certificate("server");
    const reused: boolean[] = [];
    const server = createTls({ cert, key, minVersion: v, maxVersion: v }, (socket: TLSSocket) => {
      reused.push(socket.isSessionReused());
      socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"));
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using proxy = await startProxy(forwardTo(address, { cluster: { tls } }));
    for (let i = 0; i < 3; i++) {
      const { status, text } = await send(proxy.port, "/");
      expect([status, text]).toEqual([200, ""]);
      await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    }
    expect(reused).toEqual(expected);
    expect(await proxy.admin.stat("cluster.web.ssl.session_reused")).toBe(expected.filter(Boolean).length);
    server.close();
  });
});

describe("PROXY protocol to hosts", () => {
  test.each([false, true])("tells each client's address before everything else (TLS: %s)", async (isSecure) => {
    const { cert, key } = certificate("server");
    const heads: string[] = [];
    const inner = createTls({ cert, key });
    inner.on("secureConnection", (socket: TLSSocket) => answer(socket));
    const answer = (socket: NodeJS.ReadWriteStream): void => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    };
    const server = createTcp((socket) => {
      socket.on("error", () => {});
      socket.once("readable", () => {
        const first = socket.read() as Buffer;
        const end = first.indexOf("\r\n") + 2;
        heads.push(first.toString("latin1", 0, end));
        socket.unshift(first.subarray(end));
        if (isSecure) inner.emit("connection", socket);
        else answer(socket);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cluster = { proxy_protocol: "v1", ...(isSecure ? { tls } : {}) } as const;
    await using proxy = await startProxy(
      forwardTo(address, { cluster, listener: { proxy_protocol: { allow_requests_without_proxy_protocol: true } } }),
    );
    for (let i = 0; i < 2; i++) expect((await send(proxy.port, "/")).status).toBe(200);
    expect(heads).toHaveLength(2);
    const clients = heads.map(
      (head) => new RegExp(`^PROXY TCP4 127.0.0.1 127.0.0.1 (\\d+) ${proxy.port}\r\n$`).exec(head)?.[1],
    );
    expect(clients.every((port) => port !== undefined)).toBe(true);
    expect(new Set(clients).size).toBe(2);
    server.close();
  });
});

test("a stream that takes longer than the cluster's streams may is answered 504", async () => {
  await using origin = await HttpOrigin.start(() => {});
  await using proxy = await startProxy(forwardTo(origin.address, { cluster: { max_stream_duration: "0.05s" } }));
  const response = await send(proxy.port, "/");
  expect(response.status).toBe(504);
  expect(await proxy.admin.stat("cluster.web.upstream_rq_max_duration_reached")).toBe(1);
  const [line] = await proxy.accessLog();
  expect(line?.flags).toBe("UMSDR");
});

test("keep-alive of the system's own is turned on", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address, { cluster: { tcp_keepalive: 60 } }));
  expect((await send(proxy.port, "/")).status).toBe(200);
  const port = Number(origin.address.split(":")[1]).toString(16).toUpperCase().padStart(4, "0");
  // Linux: the connection's timer is 02, keep-alive.
  const line = await eventually("the connection rests", async () => {
    const table = await readFile("/proc/self/net/tcp", "latin1");
    return table.split("\n").find((each) => each.includes(`0100007F:${port} 01 `) && / 02:/.test(each));
  });
  expect(line).toBeDefined();
});
