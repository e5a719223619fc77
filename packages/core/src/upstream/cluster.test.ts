import type { UpstreamRequest, UpstreamStream } from "@sluice/sdk";
import { describe, expect, it, test, vi } from "vitest";
import { upstreamTls } from "../../../../test/support/tls.ts";
import type { ClusterModel } from "../config/model.ts";
import { OK, goaway, headers, rst } from "../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { ipAddress } from "../network/address.ts";
import { SocketInfo } from "../network/connection-info.ts";
import { HostPools } from "./pool/host-pools.ts";
import { StreamRecorder } from "./pool/scripted-pool.ts";
import { endpoints, request, setup } from "../../../../test/support/scripted-cluster.ts";

const OK1 = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
describe("a request that a server promises not to have served", () => {
  it("goes to another host, and says so", () => {
    const { servers, send, ports } = setup({ endpoints: endpoints(1, 2) });
    const { recorder } = send();
    const [first] = ports();
    const other = first === "1" ? "2" : "1";
    servers.greet().receive(rst(1, 7));
    expect(ports()).toEqual([other]);
    servers.greet().receive(headers(1, OK));
    expect(recorder.events).toEqual([`ready 10.0.0.1:${first}`, `ready 10.0.0.1:${other}`, "headers 200 end"]);
  });

  it("survives its host: one that was taken out and says GOAWAY", () => {
    const { cluster: made, servers, send, ports } = setup();
    const { recorder } = send();
    const old = servers.greet();
    made.updateHosts(endpoints(2));
    old.receive(goaway(0, 0));
    expect(ports()).toEqual(["2"]);
    servers.greet().receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
  });

  it("does not fail with the host that it was sent to next", () => {
    const { servers, send, ports } = setup({ endpoints: endpoints(1, 2, 3) });
    const { recorder } = send();
    servers.greet().receive(goaway(0, 0));
    const second = ports();
    servers.fail();
    expect(ports()).not.toEqual(second);
    servers.greet().receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
  });

  it("is lost where the only host is gone", () => {
    const { cluster: made, servers, send } = setup();
    const { recorder } = send();
    const old = servers.greet();
    made.updateHosts([]);
    old.receive(goaway(0, 0));
    expect(recorder.last).toBe("reset remote_reset http2.remote_refuse");
  });
});

describe("use_downstream_protocol", () => {
  const same = { protocol: "downstream", http2: null } as const;

  it("has connections of both kinds to one host", () => {
    const { servers, send, count } = setup({ http: same });
    const old = send(request("HTTP/1.0"));
    servers.accept().receive(OK1);
    const modern = send(request("HTTP/2"));
    servers.greet().receive(headers(1, OK));
    for (const { recorder } of [old, modern]) expect(recorder.last).toBe("headers 200 end");
    send(request("HTTP/1.1"));
    send(request("HTTP/2"));
    expect(servers.attempts).toHaveLength(0);
    expect([count("upstream_cx_http1_total"), count("upstream_cx_http2_total")]).toEqual([1, 1]);
  });

  test.each([
    [null, "http1"],
    [{}, "http2"],
  ])("speaks what it can where nobody asked (HTTP/2 options: %j): %s", (http2, expected) => {
    const options = http2 === null ? null : ({} as ClusterModel["http"]["http2"]);
    const { servers, send, count } = setup({ http: { ...same, http2: options } });
    send();
    servers.accept();
    expect(count(`upstream_cx_${expected}_total`)).toBe(1);
  });

  it("offers h2 by ALPN on HTTP/2 connections alone", () => {
    const { servers, send } = setup({ http: same, tls: upstreamTls() });
    send(request("HTTP/1.1"));
    send(request("HTTP/2"));
    expect(servers.attempts.map(({ target }) => target?.alpn ?? null)).toEqual([null, ["h2"]]);
  });
});

describe("auto_sni", () => {
  const named = { autoSni: true, autoSanValidation: true } as const;
  const tls = upstreamTls({ trustedCa: "ca", sni: "configured.test" });

  test.each([
    ["A.test:8443", "a.test", "a.test"],
    ["127.0.0.1:80", "", "127.0.0.1"],
    ["[::1]:80", "", "::1"],
    ["a_b.test", "a_b.test", "a_b.test"],
    ["bad!name", "", "bad!name"],
    ["", "", "."],
    [":80", "", "."],
  ])("asks for %s as %j, and verifies %j", (authority, serverName, certificateName) => {
    const { servers, send } = setup({ http: named, tls });
    send(request("HTTP/1.1", authority));
    expect(servers.attempts[0]!.target).toMatchObject({ serverName, certificateName });
  });

  it("keeps connections of different names apart, and shares those of one", () => {
    const { servers, send } = setup({ http: named, tls });
    for (const name of ["a.test", "b.test", "A.TEST"]) send(request("HTTP/1.1", name));
    expect(servers.attempts.map(({ target }) => target!.serverName)).toEqual(["a.test", "b.test"]);
  });

  it("reads another header where it is told to, and the authority where that is missing", () => {
    const { servers, send } = setup({ http: { ...named, autoSniHeader: "x-name" }, tls });
    send(request("HTTP/1.1", "a.test", [["x-name", "c.test"]]));
    send(request("HTTP/1.1", "b.test"));
    expect(servers.attempts.map(({ target }) => target!.serverName)).toEqual(["c.test", "b.test"]);
  });

  it("is nothing without TLS", () => {
    const { servers, send } = setup({ http: named });
    for (const name of ["a.test", "b.test"]) send(request("HTTP/1.1", name));
    expect(servers.attempts.map(({ target }) => target)).toEqual([null]);
  });

  it("does not pile up connections for names that clients make up", async () => {
    const { cluster: made, servers, send, count } = setup({ http: { ...named, protocol: "http1" }, tls });
    for (let i = 0; i < 1000; i++) {
      send(request("HTTP/1.1", `n${i}.test`));
      servers.accept().receive(OK1);
    }
    await Promise.resolve();
    expect(servers.connections.filter(({ closed }) => !closed)).toHaveLength(256);
    // In use, all of them: what comes beyond is refused.
    for (let i = 0; i < 256; i++) send(request("HTTP/1.1", `busy${i}.test`));
    expect(send(request("HTTP/1.1", "one-more.test")).opened).toBe("overflow");
    expect(count("upstream_cx_pool_overflow")).toBe(1);
    made.destroy();
    await Promise.resolve();
    expect(servers.connections.some(({ closed }) => !closed)).toBe(false);
  });
});

describe("PROXY protocol", () => {
  const proxyProtocol = { version: 2, passTlvs: "all" } as const;
  const client = (id: number, port: number, tlv?: string): UpstreamRequest => {
    const info = new SocketInfo(id, ipAddress("203.0.113.7", port), ipAddress("198.51.100.1", 443), null);
    if (tlv !== undefined) info.proxyTlvs = [{ type: 2, value: Buffer.from(tlv) }];
    return { ...request("HTTP/1.1"), client: info };
  };

  it("never shares a connection between clients, or between connections that tell more of theirs", () => {
    const { servers, send } = setup({ http: { protocol: "http1" }, proxyProtocol });
    for (const who of [client(1, 1), client(1, 1), client(2, 2), client(3, 1, "a"), client(4, 1, "b")]) {
      send(who);
      if (servers.attempts.length !== 0) servers.accept();
      servers.connections.at(-1)!.receive(OK1);
    }
    expect(servers.connections).toHaveLength(4);
  });
});

describe("predictive_preconnect_ratio", () => {
  it("connects to the hosts that are next in turn, which then get the requests", () => {
    const { servers, send, ports } = setup({
      endpoints: endpoints(1, 2, 3),
      preconnect: { perUpstream: 1, predictive: 2 },
      http: { protocol: "http1" },
    });
    send();
    const ahead = ports();
    expect(ahead).toHaveLength(2);
    expect(new Set(ahead).size).toBe(2);
    while (servers.attempts.length !== 0) servers.accept();
    send();
    expect(servers.connections.filter(({ text }) => text.startsWith("GET"))).toHaveLength(2);
  });
});

describe("predictive_preconnect_ratio of many hosts", () => {
  it("counts connections only where there may be too few", () => {
    const count = 40;
    const {
      servers,
      send,
      cluster: made,
      count: counter,
    } = setup({
      endpoints: endpoints(...Array.from({ length: count }, (_, i) => i + 1)),
      preconnect: { perUpstream: 1, predictive: 2 },
      http: { protocol: "http1" },
    });
    const answer = () => {
      while (servers.attempts.length !== 0) servers.accept();
      for (const connection of servers.connections) if (connection.takeText() !== "") connection.receive(OK1);
    };
    for (let i = 0; i < count; i++) {
      send();
      answer();
    }
    const counted = vi.spyOn(HostPools.prototype, "all");
    for (let i = 0; i < 10; i++) {
      send();
      answer();
    }
    expect(counted.mock.calls.length).toBeLessThanOrEqual(2 * count);
    expect(counter("upstream_cx_total")).toBeLessThanOrEqual(count);
    counted.mockClear();
    made.updateHosts(endpoints(1, 2, 3));
    send();
    expect(counted).toHaveBeenCalled();
  });
});

describe("an upgrade on a host that speaks HTTP/2 without extended CONNECT", () => {
  const upgrade = (world: ReturnType<typeof setup>) => {
    const recorder = new StreamRecorder();
    const map = new RequestHeaderMap("GET", "/ws", "a.test", "https");
    map.upgrade = "websocket";
    world.turn(() => {
      const stream = world.cluster.openStream(recorder, { ...request("HTTP/1.1"), headers: map }) as UpstreamStream;
      stream.sendHeaders(map, false);
    });
    return recorder;
  };
  const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

  test.each([false, true])("goes over HTTP/1 where the handshake decides (auto_sni: %s)", (autoSni) => {
    const world = setup({ http: { protocol: "auto", autoSni }, tls: upstreamTls() });
    const { cluster: made, servers, send } = world;
    const recorder = upgrade(world);
    servers.greet(servers.accept("h2"));
    expect(servers.attempts.map(({ target }) => [target?.alpn, target?.serverName])).toEqual([
      [["http/1.1"], autoSni ? "a.test" : ""],
    ]);
    const old = servers.accept("http/1.1");
    expect(old.text).toContain("upgrade: websocket");
    old.receive(SWITCHED);
    expect(recorder.events).toEqual(["ready 10.0.0.1:1", "headers 101"]);
    const { recorder: plain } = send(request("HTTP/1.1"));
    expect([servers.requests(0), servers.attempts.length]).toEqual([[1], 0]);
    servers.connections[0]!.receive(headers(1, OK));
    expect(plain.last).toBe("headers 200 end");
    // A cluster that goes lets both kinds finish.
    made.close();
    expect([servers.connections[0]!.closedBy, old.closed]).toEqual(["flush", false]);
    old.receive(Buffer.from("bytes"));
    old.receiveClose("ECONNRESET");
    expect([recorder.body, recorder.last]).toEqual(["bytes", "reset connection_termination ECONNRESET"]);
  });

  it("is refused where the configuration says HTTP/2", () => {
    const world = setup();
    const recorder = upgrade(world);
    world.servers.greet();
    expect(recorder.last).toBe("reset local_reset http2.extended_connect_not_enabled");
    expect(world.servers.attempts).toHaveLength(0);
  });

  it("fails with the host where that takes no HTTP/1", () => {
    const world = setup({ http: { protocol: "auto" }, tls: upstreamTls() });
    const recorder = upgrade(world);
    world.servers.greet(world.servers.accept("h2"));
    while (world.servers.attempts.length !== 0) world.servers.fail();
    expect(recorder.last).toBe("reset connection_failure ECONNREFUSED");
  });
});
