// Health of hosts through versions of the configuration: what is kept, what begins anew, what is forgotten. Checks go over real sockets.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../../test/support/eventually.ts";
import { HttpOrigin } from "../../../../../test/support/http-origin.ts";
import { cluster } from "../../../../../test/support/plain-config.ts";
import { closedPort } from "../../../../../test/support/raw-origin.ts";
import type { ClusterModel, HealthCheckModel } from "../../config/model.ts";
import { OUTLIER_DEFAULTS } from "../../config/outlier-defaults.ts";
import { StatsAggregator } from "../../stats/aggregate.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { RealClock } from "../../timing/real-clock.ts";
import { flagWords } from "../../upstream/health/health-flags.ts";
import { addressKey, type HostModel } from "../../upstream/host.ts";
import { HostHealth } from "./host-health.ts";

const place = { path: "", position: "" };

const CHECK: HealthCheckModel = {
  probe: { kind: "tcp", send: "", receive: [] },
  timeoutMs: 1000,
  intervalMs: 50,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  unhealthyThreshold: 1,
  healthyThreshold: 1,
  noTrafficIntervalMs: 50,
  noTrafficHealthyIntervalMs: 50,
  unhealthyIntervalMs: 50,
  unhealthyEdgeIntervalMs: 50,
  healthyEdgeIntervalMs: 50,
  reuseConnection: true,
  logsAllFailures: false,
  logsAllSuccesses: false,
  eventLogs: [],
  alpn: [],
  place,
};

function host(port: number): HostModel {
  return { address: { kind: "ip", host: "127.0.0.1", port }, hostname: "", weight: 1, health: "healthy" };
}

function model(ports: readonly number[], more: Partial<HealthCheckModel> = {}): ClusterModel {
  return {
    ...cluster("c"),
    endpoints: ports.map((port) => ({ ...host(port), place })),
    health: {
      check: { ...CHECK, ...more },
      outlier: { ...OUTLIER_DEFAULTS, maxEjectionPercent: 50, place },
      ignoreHealthOnHostRemoval: false,
      closeConnectionsOnFailure: false,
    },
  };
}

function setup() {
  const aggregator = new StatsAggregator();
  const stats: StatsStore = new StatsStore(aggregator.thread((ids) => stats.reclaim(ids)));
  const told: string[] = [];
  const health = new HostHealth({
    log: { enabled: () => false, write() {} },
    stats,
    aggregator,
    clock: new RealClock(),
    runtime: () => ({}),
    onHosts: (name) => void told.push(`hosts of ${name}`),
    onFlags: (name, changes) => void told.push(`flags of ${name}: ${changes.length}`),
  });
  const flags = (hosts: readonly HostModel[] | undefined) =>
    Object.fromEntries(
      (hosts ?? []).map((each) => [addressKey(each.address), flagWords(each.health, each.flags ?? 0)]),
    );
  return {
    health,
    told,
    flags,
    aggregator,
    [Symbol.dispose]: () => health.close(),
  };
}

describe("a version of the configuration", () => {
  test("is prepared when the first checks are known, and its hosts have what they found", async () => {
    await using origin = await HttpOrigin.start();
    const dead = await closedPort();
    using it = setup();
    const hosts = await it.health.prepare([model([origin.port, dead])], new Map());
    expect(it.flags(hosts.get("c"))).toEqual({
      [origin.address]: "healthy",
      [`127.0.0.1:${dead}`]: "/failed_active_hc",
    });
    expect(hosts.get("c")!.every(({ counts }) => counts !== undefined)).toBe(true);
    expect(it.told).toEqual([]);
    it.health.commit();
    expect(it.told).toEqual(["flags of c: 2"]);
  });

  test("that does not change a cluster keeps what is known of it; one that does begins anew", async () => {
    await using origin = await HttpOrigin.start();
    using it = setup();
    await it.health.prepare([model([origin.port])], new Map());
    it.health.commit();
    const first = it.health.hostsOf("c")![0]!.counts!;
    await it.health.prepare([model([origin.port])], new Map());
    it.health.commit();
    expect(it.health.hostsOf("c")![0]!.counts!.memory).toBe(first.memory);
    await it.health.prepare([model([origin.port], { timeoutMs: 999 })], new Map());
    it.health.commit();
    expect(it.health.hostsOf("c")![0]!.counts!.memory).not.toBe(first.memory);
  });

  test("that takes over, or is dropped, leaves gauges that tell of the live one", async () => {
    await using origin = await HttpOrigin.start();
    await using other = await HttpOrigin.start();
    const dead = await closedPort();
    using it = setup();
    const gauges = () =>
      ["health_check.healthy", "outlier_detection.ejections_active"].map((name) =>
        it.aggregator.value(`cluster.c.${name}`),
      );
    // What passes is asked once: nothing changes any more that would set a gauge anew.
    const once = { noTrafficHealthyIntervalMs: 600_000, unhealthyThreshold: 1 };
    await it.health.prepare([model([origin.port, other.port], once)], new Map());
    it.health.commit();
    for (let i = 0; i < 5; i++) it.health.report("c", origin.address, "consecutive_5xx");
    const before = gauges();
    expect(before).toEqual([2, 1]);
    await it.health.prepare([model([dead], once)], new Map());
    const prepared = gauges();
    it.health.discard();
    expect({ before, prepared, dropped: gauges() }).toEqual({ before, prepared: before, dropped: before });
    await it.health.prepare([model([origin.port], once)], new Map());
    it.health.commit();
    expect(gauges()).toEqual([1, 0]);
  });

  test("that is dropped leaves the live one as it is, and asks nobody any more", async () => {
    await using origin = await HttpOrigin.start();
    await using other = await HttpOrigin.start();
    let connections = 0;
    other.server.on("connection", () => connections++);
    using it = setup();
    await it.health.prepare([model([origin.port])], new Map());
    it.health.commit();
    await it.health.prepare([model([other.port])], new Map());
    it.health.discard();
    const before = connections;
    const attempts = () => it.aggregator.value("cluster.c.health_check.attempt");
    const asked = attempts();
    await eventually("the live one is asked on", () => attempts() > asked + 2);
    expect([Object.keys(it.flags(it.health.hostsOf("c"))), connections]).toEqual([[origin.address], before]);
  });

  test("without the cluster ends its checks and its metrics", async () => {
    await using origin = await HttpOrigin.start();
    using it = setup();
    await it.health.prepare([model([origin.port])], new Map());
    it.health.commit();
    expect(it.aggregator.get("cluster.c.health_check.attempt")).toBeDefined();
    await it.health.prepare([], new Map());
    it.health.commit();
    expect([it.health.hostsOf("c"), it.aggregator.get("cluster.c.health_check.attempt")]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("whose events cannot be written is refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-health-"));
    using it = setup();
    const eventLogs = [join(folder, "missing", "events.json")];
    await expect(it.health.prepare([model([1], { eventLogs })], new Map())).rejects.toThrow(
      /events\.json cannot be written \(ENOENT\)/,
    );
    it.health.discard();
    await rm(folder, { recursive: true });
  });
});

test("what discovery finds later is checked before it gets traffic", async () => {
  await using origin = await HttpOrigin.start();
  await using late = await HttpOrigin.start();
  using it = setup();
  await it.health.prepare([model([])], new Map([["c", [host(origin.port)]]]));
  it.health.commit();
  const now = it.health.updateHosts("c", [host(origin.port), host(late.port)]);
  expect(it.flags(now)).toEqual({ [origin.address]: "healthy", [late.address]: "/failed_active_hc" });
  await eventually("it has passed", () => it.flags(it.health.hostsOf("c"))[late.address] === "healthy");
  const left = it.health.updateHosts("c", [host(late.port)]);
  expect(it.flags(left)).toEqual({ [late.address]: "healthy", [origin.address]: "/pending_dynamic_removal" });
  await origin[Symbol.asyncDispose]();
  await eventually("the one that left is gone", () => it.health.hostsOf("c")!.length === 1);
  expect(it.told.at(-1)).toBe("hosts of c");
});
