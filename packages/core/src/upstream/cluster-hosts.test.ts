import type { UpstreamConnectionEvents, UpstreamRequest } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { OK, headers, rst } from "../http/codec/h2/scripted-wire.ts";
import { base, endpoints, request, setup } from "../../../../test/support/scripted-cluster.ts";

describe("what main says of hosts", () => {
  const FAILED = 1;
  const health = {
    check: null,
    outlier: null,
    ignoreHealthOnHostRemoval: false,
    closeConnectionsOnFailure: true,
  } as const;

  it("decides who is picked, at once", () => {
    const { cluster: made, send, ports, count } = setup({ endpoints: endpoints(1, 2, 3), http: { protocol: "http1" } });
    made.updateFlags([
      ["10.0.0.1:1", FAILED],
      ["10.0.0.1:9", FAILED],
    ]);
    for (let i = 0; i < 4; i++) send();
    expect(new Set(ports())).toEqual(new Set(["2", "3"]));
    made.updateFlags([["10.0.0.1:1", 0]]);
    for (let i = 0; i < 3; i++) send();
    expect(ports()).toContain("1");
    expect(count("upstream_cx_none_healthy")).toBe(0);
  });

  it("stays when discovery names the host again with another weight", () => {
    const { cluster: made, send, ports } = setup({ endpoints: endpoints(1, 2), http: { protocol: "http1" } });
    made.updateFlags([["10.0.0.1:1", FAILED]]);
    made.updateHosts(endpoints(1, 2).map((host, i) => (i === 0 ? { ...host, weight: 5, flags: FAILED } : host)));
    for (let i = 0; i < 3; i++) send();
    expect(new Set(ports())).toEqual(new Set(["2"]));
  });

  it("has the name that discovery gives it now, or its address", () => {
    const { cluster: made } = setup({ endpoints: endpoints(1) });
    const [host] = made.hosts;
    const named = (hostname: string) => endpoints(1).map((each) => ({ ...each, hostname }));
    made.updateHosts(named("b.test"));
    expect(made.hosts).toEqual([host]);
    expect(host!.hostname).toBe("b.test");
    made.updateHosts(named(""));
    expect(host!.hostname).toBe("10.0.0.1:1");
  });

  it("closes the connections of a host that fails its checks, where that is configured", async () => {
    const { cluster: made, servers, send, turn } = setup({ http: { protocol: "http1" }, health });
    made.updateHosts(endpoints(1));
    const { recorder } = send();
    const connection = servers.accept();
    turn(() => made.updateFlags([["10.0.0.1:1", FAILED]]));
    // Its end is told in a microtask.
    await Promise.resolve();
    expect(connection.closed).toBe(true);
    expect(recorder.last).toMatch(/^reset /);
  });
});

describe("balancing", () => {
  const ring = {
    kind: "ring_hash",
    hash: "xx_hash",
    minSize: 1024,
    maxSize: 8_388_608,
    useHostname: false,
    balanceFactor: 0,
  } as const;
  const about = (choice: Partial<UpstreamRequest>): UpstreamRequest => ({ ...request("HTTP/1.1"), ...choice });

  it("sends requests with one hash over one connection, whichever host that is", () => {
    const { servers, send } = setup({ endpoints: endpoints(1, 2, 3, 4, 5), lb: { ...base.lb, policy: ring } });
    for (let i = 0; i < 20; i++) send(about({ hashKey: (key) => key.add("alice") }));
    expect(servers.attempts).toHaveLength(1);
    for (let i = 0; i < 20; i++) send(about({ hashKey: (key) => key.add(String(i)) }));
    expect(servers.attempts).toHaveLength(5);
  });

  it("goes to the host that an override names, and elsewhere only where it may", () => {
    const { send, ports, cluster: made } = setup({ endpoints: endpoints(1, 2, 3) });
    for (let i = 0; i < 4; i++) send(about({ override: { address: "10.0.0.1:3" } }));
    expect(ports()).toEqual(["3"]);
    send(about({ override: { address: "10.0.0.9:9" } }));
    expect(ports()).toHaveLength(2);
    expect(send(about({ override: { address: "10.0.0.9:9", strict: true } })).opened).toBe("no_healthy_upstream");
    made.updateHosts(
      endpoints(1, 2, 3).map((host) =>
        host.address.kind === "ip" && host.address.port === 3 ? { ...host, health: "unhealthy" } : host,
      ),
    );
    expect(send(about({ override: { address: "10.0.0.1:3", strict: true } })).opened).toBe("no_healthy_upstream");
  });

  it("refuses its share of requests, connections too", () => {
    const drop = { category: "all", share: 1 };
    const { send, cluster: made, count } = setup({ endpoints: endpoints(1), lb: { ...base.lb, drop } });
    expect(send().opened).toBe("drop_overload");
    expect(made.connect({} as UpstreamConnectionEvents)).toBe("drop_overload");
    expect(count("upstream_rq_drop_overload")).toBe(2);
    // The drawn number is always one half.
    expect(
      typeof setup({ endpoints: endpoints(1), lb: { ...base.lb, drop: { category: "", share: 0.5 } } }).send().opened,
    ).toBe("object");
  });

  it("renews the connections of all when hosts come or go, where it is told to", () => {
    const {
      cluster: made,
      servers,
      send,
      ports,
      time,
    } = setup({ endpoints: endpoints(1), lb: { ...base.lb, closesOnChange: true } });
    const { recorder } = send();
    const old = servers.greet();
    made.updateHosts([...endpoints(1), { ...endpoints(2)[0]!, health: "unhealthy" }]);
    old.receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
    time.advance(10_000);
    expect(old.closed).toBe(true);
    send();
    expect(ports()).toEqual(["1"]);
  });

  it("applies changes of health together, within a window; hosts that come at once", () => {
    const {
      cluster: made,
      send,
      time,
      count,
    } = setup({ endpoints: endpoints(1, 2), lb: { ...base.lb, panicPercent: 0, mergeWindowMs: 1000 } });
    const ill = endpoints(1, 2).map((host) => ({ ...host, health: "unhealthy" as const }));
    made.updateHosts(endpoints(1, 2));
    made.updateHosts(ill);
    expect(typeof send().opened).toBe("object");
    time.advance(1010);
    expect(send().opened).toBe("no_healthy_upstream");
    made.updateHosts(endpoints(1, 2));
    expect(send().opened).toBe("no_healthy_upstream");
    made.updateHosts(endpoints(1, 2, 3));
    expect(typeof send().opened).toBe("object");
    expect(count("membership_change")).toBe(2);
    made.close();
    expect(time.timers.size).toBe(0);
  });

  it("measures how long hosts take, where the policy goes by it", () => {
    const policy = { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 } as const;
    const { servers, send, time, cluster: made } = setup({ endpoints: endpoints(1), lb: { ...base.lb, policy } });
    const { latency } = made.hosts[0]!;
    send();
    const server = servers.greet();
    time.advance(250);
    server.receive(headers(1, OK));
    expect(latency!.averageMs(time.clock.now())).toBe(250);
    send();
    server.receive(rst(3, 2));
    expect(latency!.averageMs(time.clock.now())).toBe(1000);
    const { stream } = send();
    time.advance(5000);
    stream.reset();
    expect(latency!.averageMs(time.clock.now())).toBe(5000);
    expect(setup().cluster.hosts[0]!.latency).toBeNull();
  });
});
