// Load reports on their way from an answer to its host's weight: once for each stream, and only where the policy goes by them.
import { describe, expect, it } from "vitest";
import { cluster } from "../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../test/support/services.ts";
import type { BalancerModel } from "../config/balancing-model.ts";
import { headers, type Pair } from "../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { Cluster } from "./cluster.ts";
import { LOAD_STATS } from "./load-balancing/host-load.ts";
import { hostStatsPrefix } from "./host.ts";
import { ScriptedServers, StreamRecorder } from "./pool/scripted-pool.ts";

const base = cluster("c");
const WEIGHTED: BalancerModel = {
  kind: "client_side_weighted_round_robin",
  blackoutMs: 0,
  expirationMs: 180_000,
  updateMs: 1000,
  errorPenalty: 1,
  metrics: [],
  slowStart: null,
};

function setup(policy: BalancerModel = WEIGHTED) {
  const { services, time } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const address = { kind: "ip", host: "10.0.0.1", port: 1 } as const;
  const endpoints = [{ address, hostname: "", weight: 1, health: "healthy", place: base.place }] as const;
  const made = new Cluster(
    { ...base, endpoints, http: { ...base.http, protocol: "http2" }, lb: { ...base.lb, policy } },
    servers,
    services,
  );
  const [host] = made.hosts;
  const prefix = hostStatsPrefix("c", host!.address);
  return {
    host: host!,
    servers,
    send() {
      const recorder = new StreamRecorder();
      services.flushQueue.enter();
      const opened = made.openStream(recorder);
      if (typeof opened === "string") throw new Error(opened);
      opened.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
      services.flushQueue.leave();
      return recorder;
    },
    weight: () => host!.load!.weight(time.clock.now()),
    reports: () => services.count(prefix + LOAD_STATS.reports),
    errors: () => services.count("cluster.c.lb_load_report_errors"),
  };
}

const report = (rate: number | string): Pair => [
  "endpoint-load-metrics",
  `TEXT cpu_utilization=1,rps_fractional=${rate}`,
];
const answer = (...more: readonly Pair[]): readonly Pair[] => [[":status", "200"], ...more];

describe("a load report", () => {
  it("counts in headers", () => {
    const { servers, send, weight, reports } = setup();
    const recorder = send();
    servers.greet().receive(headers(1, answer(report(50))));
    expect([weight(), reports()]).toEqual([50, 1]);
    expect(recorder.last).toBe("headers 200 end");
  });

  it("counts in trailers, where there was none in headers", () => {
    const { servers, send, weight, reports } = setup();
    send();
    const server = servers.greet();
    server.receive(headers(1, answer(), false));
    expect(weight()).toBe(-1);
    server.receive(headers(1, [["grpc-status", "0"], report(70)]));
    expect([weight(), reports()]).toEqual([70, 1]);
  });

  it("in trailers is not read after one in headers", () => {
    const { servers, send, weight, reports } = setup();
    send();
    const server = servers.greet();
    server.receive(headers(1, answer(report(50)), false));
    server.receive(headers(1, [report(70)]));
    expect([weight(), reports()]).toEqual([50, 1]);
  });

  it("in trailers is read after one in headers that was none", () => {
    const { servers, send, weight, errors } = setup();
    send();
    const server = servers.greet();
    server.receive(headers(1, answer(report("many")), false));
    server.receive(headers(1, [report(70)]));
    expect([weight(), errors()]).toEqual([70, 1]);
  });

  it("counts of failures too: they are the host's requests", () => {
    const { servers, send, weight } = setup();
    send();
    servers.greet().receive(headers(1, [[":status", "500"], report(10)]));
    expect(weight()).toBe(10);
  });

  it("is nobody's business under other policies", () => {
    const { host, servers, send } = setup({ kind: "random" });
    const recorder = send();
    servers.greet().receive(headers(1, answer(report(50))));
    expect(host.load).toBeNull();
    expect(recorder.last).toBe("headers 200 end");
  });

  it("counts inside other policies", () => {
    const { host } = setup({ kind: "override_host", sources: [], policy: WEIGHTED });
    expect(host.load).not.toBeNull();
  });
});
