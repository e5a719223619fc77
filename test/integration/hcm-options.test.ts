// What a connection manager does besides routing, in a whole proxy: the client's certificate, local replies, extra log lines, filters of upgrades, spellings.
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { header, statusOf } from "../support/http-message.ts";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { Http2Client } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { certificate, pem } from "../support/tls.ts";

const SERVER = (({ cert, key }) => ({ cert, key }))(certificate("server"));
const CLIENT = (({ cert, key }) => ({ cert, key }))(certificate("client"));

describe("the client's certificate", () => {
  test("is told to upstreams, and what the client itself says of it is not believed", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        listener: { tls: { ...SERVER, client_ca: pem("ca"), require_client_certificate: false } },
        http: {
          client_cert: { tell: ["subject", "uri", "dns", "chain"] },
          response_headers: { set: { "x-serial": "%DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_LOCAL_URI_SAN%" } },
        },
      }),
    );
    const request = "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-client-cert: By=spiffe://evil\r\n\r\n";
    using known = await RawPeer.openTls(proxy.port, { ...CLIENT, ca: pem("ca"), servername: "server.test" });
    const answer = await known.send(request).next();
    const { headers } = JSON.parse(answer.body.toString()) as Echo;
    expect(headers["x-forwarded-client-cert"]).toMatch(
      /^By=spiffe:\/\/test\/server;Hash=[0-9a-f]{64};Chain="-----BEGIN%20CERTIFICATE-----%0A[^"]+";Subject="CN=client,O=Acme\\, Inc";URI=spiffe:\/\/test\/client;DNS=client\.test$/,
    );
    expect(header(answer, "x-serial")).toMatch(/^[0-9a-f]+ spiffe:\/\/test\/server$/);
    using stranger = await RawPeer.openTls(proxy.port, { ca: pem("ca"), servername: "server.test" });
    const other = JSON.parse((await stranger.send(request).next()).body.toString()) as Echo;
    expect(other.headers["x-forwarded-client-cert"]).toBeUndefined();
  });
});

describe("local replies", () => {
  const local_replies = {
    json: { code: "%RESPONSE_CODE%", why: "%RESPONSE_CODE_DETAILS%", path: "%REQ(:path)%" },
    map: [{ when: { status: "404" }, status: 410, headers: { "x-mapped": "yes" } }],
  };

  test("of routes and of the codec have the configured form", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { local_replies }, route: { prefix: "/only" } }),
    );
    const missing = await send(proxy.port, "/other");
    expect(missing.status).toBe(410);
    expect(missing.headers).toMatchObject({ "x-mapped": "yes", "content-type": "application/json" });
    expect(JSON.parse(missing.body.toString())).toEqual({ code: 410, why: "route_not_found", path: "/other" });
    using raw = await RawPeer.open(proxy.port);
    const refused = await raw.send("GET / HTTP/1.1\r\n\r\n").next();
    expect(statusOf(refused)).toBe(400);
    expect(JSON.parse(refused.body.toString())).toEqual({ code: 400, why: "missing_host_header", path: null });
    expect((await send(proxy.port, "/only")).status).toBe(200);
  });
});

describe("access logs", () => {
  test("have lines while a tunnel lives, and only those that are asked for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-log-times-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "access.log");
    await using origin = await RawOrigin.start(async (peer) => {
      await peer.next("none");
      peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    });
    {
      await using proxy = await startProxy(
        forwardTo(origin.address, {
          http: {
            upgrades: ["websocket"],
            access_log: [
              {
                to: file,
                format: "%ACCESS_LOG_TYPE% %RESPONSE_CODE% %DURATION%",
                when: {
                  any: [
                    { types: ["DownstreamStart", "DownstreamTunnelSuccessfullyEstablished", "DownstreamPeriodic"] },
                    { status: "1xx" },
                  ],
                },
              },
              { to: file, format: "never", when: { status: "5xx" } },
            ],
            access_log_times: { at_start: true, at_tunnel: true, every: "0.02s" },
          },
        }),
      );
      using client = await RawPeer.open(proxy.port);
      client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
      expect(statusOf(await client.next("none"))).toBe(101);
      const upstream = await origin.accepted();
      // As long as it takes for one line between: echoes go on until the clock has moved.
      const until = performance.now() + 60;
      while (performance.now() < until) {
        client.send("x");
        await upstream.through("x");
      }
    }
    const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
    expect(lines[0]).toBe("DownstreamStart 0 -");
    // On a busy machine the answer may take longer than the time between two lines.
    const opened = lines.findIndex((line, i) => i > 0 && line !== "DownstreamPeriodic 0 -");
    expect(lines[opened]).toBe("DownstreamTunnelSuccessfullyEstablished 101 -");
    expect(lines.at(-1)).toMatch(/^DownstreamEnd 101 \d+$/);
    const between = lines.slice(opened + 1, -1);
    expect(between.length).toBeGreaterThan(0);
    for (const line of between) expect(line).toBe("DownstreamPeriodic 101 -");
  });
});

describe("spellings of HTTP/1", () => {
  /** The names of the headers that origin and client get. */
  async function names(listener: "proper" | "preserve" | undefined, cluster: "proper" | "preserve" | undefined) {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    await using origin = await RawOrigin.start(async (peer) => {
      resolve((await peer.next("none")).headers.map(([name]) => name));
      peer.send("HTTP/1.1 200 OK\r\nContent-LENGTH: 2\r\nX-FROM-origin: 1\r\nplain-one: 1\r\n\r\nok");
    });
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        http: listener === undefined ? {} : { header_case: listener },
        cluster: cluster === undefined ? {} : { header_case: cluster },
      }),
    );
    using client = await RawPeer.open(proxy.port);
    const answer = await client
      .send("GET / HTTP/1.1\r\nHost: a\r\nX-cUSTOM: 1\r\nplain-two: 1\r\nConnection: close\r\n\r\n")
      .next();
    expect(answer.body.toString()).toBe("ok");
    return { origin: await promise, client: answer.headers.map(([name]) => name) };
  }

  test("are lower case unless told otherwise", async () => {
    const { origin, client } = await names(undefined, undefined);
    for (const name of [...origin, ...client]) expect(name).toBe(name.toLowerCase());
  });

  test("are as the client and the origin wrote them; what the proxy adds is in lower case", async () => {
    const { origin, client } = await names("preserve", "preserve");
    expect(origin).toEqual(
      expect.arrayContaining(["Host", "X-cUSTOM", "plain-two", "x-request-id", "x-forwarded-proto"]),
    );
    expect(client).toEqual(
      expect.arrayContaining(["Content-LENGTH", "X-FROM-origin", "plain-one", "server", "connection"]),
    );
  });

  test("have capitals where each word begins, towards those who want it", async () => {
    const { origin, client } = await names("proper", "proper");
    expect(origin).toEqual(expect.arrayContaining(["Host", "X-Custom", "Plain-Two", "X-Request-Id"]));
    expect(client).toEqual(
      expect.arrayContaining(["Content-Length", "X-From-Origin", "Plain-One", "Server", "Connection"]),
    );
  });

  test("of one side are kept although the other side says nothing", async () => {
    const { origin, client } = await names("preserve", undefined);
    expect(origin).toEqual(expect.arrayContaining(["Host", "X-cUSTOM"]));
    expect(client).toEqual(expect.arrayContaining(["content-length", "x-from-origin"]));
  });
});

describe("upgrades", () => {
  const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const router = { name: "router", typed_config: { "@type": type("http.router.v3.Router") } };
  const marker = (name: string, value: string) => ({
    name,
    typed_config: {
      "@type": type("http.header_mutation.v3.HeaderMutation"),
      mutations: { request_mutations: [{ append: { header: { key: "x-chain", value } } }] },
    },
  });

  test("may have filters of their own, which routes turn off by name", async () => {
    await using origin = await HttpOrigin.start();
    origin.onUpgrade((request, socket) => {
      const chain = request.headers["x-chain"] ?? "none";
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-chain: ${String(chain)}\r\n\r\n`,
      );
    });
    const off = { own: { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true } };
    const hcm = {
      "@type": type("network.http_connection_manager.v3.HttpConnectionManager"),
      stat_prefix: "front",
      http_filters: [marker("plain", "plain"), router],
      upgrade_configs: [{ upgrade_type: "websocket", filters: [marker("own", "own"), marker("last", "last"), router] }],
      route_config: {
        virtual_hosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [
              { match: { prefix: "/off" }, route: { cluster: "web" }, typed_per_filter_config: off },
              { match: { prefix: "/" }, route: { cluster: "web" } },
            ],
          },
        ],
      },
    };
    const socketAddress = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
    const bootstrap = {
      admin: { address: socketAddress(0) },
      static_resources: {
        listeners: [
          {
            name: "front",
            address: socketAddress(0),
            filter_chains: [{ filters: [{ name: "hcm", typed_config: hcm }] }],
          },
        ],
        clusters: [
          {
            name: "web",
            load_assignment: {
              cluster_name: "web",
              endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(origin.port) } }] }],
            },
          },
        ],
      },
    };
    await using proxy = await startProxy(bootstrap as never);
    for (const [path, chain] of [
      ["/", "own, last"],
      ["/off", "last"],
    ] as const) {
      using client = await RawPeer.open(proxy.port);
      client.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
      expect(header(await client.next("none"), "x-chain")).toBe(chain);
    }
    const plain = JSON.parse((await send(proxy.port, "/")).body.toString()) as Echo;
    expect(plain.headers["x-chain"]).toBe("plain");
  });
});

describe("names with underscores", () => {
  test("cost a stream of HTTP/2 and a connection of HTTP/1, and are counted by codec", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { underscores: "reject" } }));
    await using h2 = await Http2Client.open(proxy.port);
    expect((await h2.send({ x_a: "1" })).status).toBe(400);
    expect((await h2.send({ "x-a": "1" })).status).toBe(200);
    using h1 = await RawPeer.open(proxy.port);
    const refused = await h1.send("GET / HTTP/1.1\r\nhost: a\r\nx_a: 1\r\n\r\n").next();
    expect([statusOf(refused), header(refused, "connection")]).toEqual([400, "close"]);
    await h1.gone();
    for (const codec of ["http1", "http2"])
      expect(await proxy.admin.stat(`${codec}.requests_rejected_with_underscores_in_headers`)).toBe(1);
  });
});

describe("a header block of HTTP/2 that does not end", () => {
  const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const SETTINGS = "\0\0\0\x04\0\0\0\0\0";

  test.each([
    ["is cut off between its frames", "\0\0\x01\x01\x01\0\0\0\x01\x82"],
    ["is cut off inside a frame", "\0\0\x09\x01\x05\0\0\0\x01\x82"],
  ])("has the time of a request head, where it %s", async (_, begun) => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { request_headers_timeout: "0.1s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send(PREFACE).send(SETTINGS).send(begun);
    expect(await client.gone()).toContain("\x07\0\0\0\0\0");
    expect(await proxy.admin.stat("http.front.downstream_rq_header_timeout")).toBe(1);
  });

  test("is none where the next frames end it in time", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using client = await RawPeer.open(proxy.port);
    // GET, http, /, then :authority "a" by a CONTINUATION.
    client.send(PREFACE).send(SETTINGS).send("\0\0\x03\x01\x01\0\0\0\x01\x82\x86\x84");
    client.send("\0\0\x03\x09\x04\0\0\0\x01\x41\x01a");
    await client.through("GET");
    expect(origin.seen).toEqual(["GET /"]);
  });
});
