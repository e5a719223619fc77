// Balancing and what is found of hosts: what checks, outlier detection and limits say is what every policy goes by.
import type { UpstreamConnectionEvents } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { endpoints } from "../../../../test/support/scripted-cluster.ts";
import { DEFAULT_THRESHOLDS } from "../config/retry-model.ts";
import { HEALTH_FLAG } from "./health/health-flags.ts";
import {
  POLICIES,
  about,
  hashed,
  maglev,
  placed,
  ring,
  roundRobin,
  world,
} from "../../../../test/support/balanced-cluster.ts";

const { failedActiveHc, failedOutlier, excludedByImmediateFail, degradedActiveHc, probation } = HEALTH_FLAG;

describe("a host that fails", () => {
  it.each(POLICIES)("gets nothing more, and again what it had: %s", (_, policy) => {
    const { judge, host } = world(policy, 3);
    const mine = host(hashed("a"));
    judge([mine, failedOutlier]);
    for (let i = 0; i < 100; i++) expect(host(hashed(`${i}`))).not.toBe(mine);
    judge([mine, 0]);
    const back = new Set(Array.from({ length: 200 }, (_, i) => host(hashed(`${i}`))));
    expect(back).toContain(mine);
  });

  it.each([
    ["ring", ring],
    ["table", maglev],
  ])("moves its keys alone: %s", (_, policy) => {
    const { judge, host } = world(policy, 5);
    const keys = Array.from({ length: 200 }, (_, i) => `${i}`);
    const before = keys.map((key) => host(hashed(key)));
    judge([1, failedActiveHc]);
    const during = keys.map((key) => host(hashed(key)));
    const moved = keys.filter((_, i) => before[i] !== during[i] && before[i] !== 1);
    // A ring of fewer hosts has some more entries of each.
    expect(moved.length).toBeLessThan(30);
    expect(during).not.toContain(1);
    judge([1, 0]);
    expect(keys.map((key) => host(hashed(key)))).toEqual(before);
  });

  test("leaves its priority to the next, and takes it back", () => {
    const { judge, hosts } = world(roundRobin, 0, {
      endpoints: [placed(1, {}), placed(2, {}), placed(3, { priority: 1 })],
    });
    expect(hosts()).toEqual([1, 2]);
    judge([1, failedActiveHc]);
    expect(hosts()).toEqual([2, 3]);
    judge([2, failedOutlier]);
    expect(hosts()).toEqual([3]);
    judge([1, 0], [2, 0]);
    expect(hosts()).toEqual([1, 2]);
  });

  test("is asked last where it is only degraded", () => {
    const { judge, hosts, count } = world(roundRobin, 2, { lb: { panicPercent: 0 } });
    judge([1, degradedActiveHc]);
    expect(hosts()).toEqual([1, 2]);
    judge([1, degradedActiveHc], [2, failedActiveHc]);
    expect(hosts()).toEqual([1]);
    expect(count("lb_healthy_panic")).toBe(0);
  });

  test("makes no balancer anew by what matters to nobody", () => {
    const { judge, host } = world({ kind: "round_robin", slowStart: null }, 3);
    const seen = [host()];
    judge([1, HEALTH_FLAG.pendingRemoval]);
    seen.push(host());
    judge([1, 0]);
    seen.push(host());
    expect(new Set(seen).size).toBe(3);
  });
});

describe("panic", () => {
  test("asks ejected hosts too, where too few are left", () => {
    const { judge, hosts, count } = world(roundRobin, 3);
    judge([1, failedOutlier], [2, failedOutlier]);
    expect(hosts()).toEqual([1, 2, 3]);
    expect(count("lb_healthy_panic")).toBeGreaterThan(0);
    judge([1, 0]);
    expect(hosts()).toEqual([1, 3]);
  });

  test.each(POLICIES)("does not count those that asked to be left out: %s", (_, policy) => {
    const { judge, hosts, count } = world(policy, 3);
    const out = failedActiveHc | excludedByImmediateFail;
    judge([1, out], [2, out]);
    expect(hosts()).toEqual([3]);
    expect(count("lb_healthy_panic")).toBe(0);
  });

  test("nor do they lower the share of their locality", () => {
    const near = { region: "", zone: "near", subZone: "", weight: 1 };
    const far = { ...near, zone: "far" };
    const { judge, host } = world(roundRobin, 0, {
      lb: { locality: { kind: "weighted" }, panicPercent: 0 },
      endpoints: [placed(1, { locality: near }), placed(2, { locality: near }), placed(3, { locality: far })],
    });
    const share = () => Array.from({ length: 1000 }, () => host()).filter((port) => port < 3).length / 1000;
    judge([1, failedActiveHc]);
    // 1.4 times one half, beside a whole one.
    expect(share()).toBeCloseTo(0.7 / 1.7, 1);
    judge([1, failedActiveHc | excludedByImmediateFail]);
    expect(share()).toBeCloseTo(0.5, 1);
  });
});

describe("limits", () => {
  it.each(POLICIES)("hold whoever is picked: %s", (_, policy) => {
    const only = { ...DEFAULT_THRESHOLDS, maxRequests: 2 };
    const { send, servers, count } = world(policy, 3, {
      circuitBreakers: { default: only, high: only, maxConnectionsPerHost: 0 },
      http: { protocol: "http1" },
    });
    for (let i = 0; i < 2; i++) {
      expect(typeof send(about(hashed(`${i}`))).opened).toBe("object");
      servers.accept();
    }
    expect(send(about(hashed("c"))).opened).toBe("overflow");
    expect(count("upstream_rq_active_overflow")).toBe(1);
  });

  test("are no fault of a host whose speed is measured", () => {
    const none = { ...DEFAULT_THRESHOLDS, maxConnections: 0 };
    const { cluster, time } = world({ kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 }, 1, {
      circuitBreakers: { default: none, high: none, maxConnectionsPerHost: 0 },
    });
    expect(cluster.connect({} as UpstreamConnectionEvents)).toBe("overflow");
    expect(cluster.hosts[0]!.latency!.averageMs(time.clock.now())).toBe(10);
  });
});

describe("a measured host", () => {
  const ewma = { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 } as const;

  it("that takes no connection is slow for the next, though the request went elsewhere", () => {
    const { cluster, send, servers, ports, time } = world(ewma, 2, { http: { protocol: "http1" } });
    send();
    const failed = cluster.hosts.find(({ address }) => address.endsWith(`:${ports()[0]}`))!;
    servers.fail();
    expect(ports()).toHaveLength(1);
    expect(failed.latency!.averageMs(time.clock.now())).toBeGreaterThan(10);
  });

  it("that gave no answer in time has failed; one that nobody waits for any more has not", () => {
    const { cluster, send, servers, time } = world(ewma, 1, { http: { protocol: "http1" } });
    const { latency } = cluster.hosts[0]!;
    const one = send();
    servers.accept();
    one.stream.reset();
    expect(latency!.averageMs(time.clock.now())).toBe(10);
    const two = send();
    servers.accept();
    two.stream.reset(true);
    expect(latency!.averageMs(time.clock.now())).toBeGreaterThan(10);
  });
});

describe("slow start", () => {
  const slow = {
    kind: "round_robin",
    slowStart: { windowMs: 10_000, aggression: { value: 1, key: "" }, minWeight: 0.1 },
  } as const;
  const share = (host: () => number) => Array.from({ length: 1100 }, host).filter((port) => port === 2).length / 1100;

  test("begins when a host passes its checks again", () => {
    const { judge, host, time } = world(slow, 2, { lb: { panicPercent: 0 } });
    time.advance(60_000);
    expect(share(host)).toBe(0.5);
    judge([2, failedActiveHc]);
    expect(share(host)).toBe(0);
    time.advance(60_000);
    judge([2, 0]);
    expect(share(host)).toBeCloseTo(0.1 / 1.1, 1);
    time.advance(10_000);
    expect(share(host)).toBe(0.5);
  });

  test("not when an ejection ends, as in Envoy", () => {
    const { judge, host, time } = world(slow, 2, { lb: { panicPercent: 0 } });
    time.advance(60_000);
    judge([2, failedOutlier]);
    time.advance(60_000);
    judge([2, 0]);
    expect(share(host)).toBe(0.5);
  });
});

describe("what main found", () => {
  test("is newer than what discovery said before, though that waits to be applied", () => {
    const { cluster, judge, hosts, time } = world(roundRobin, 2, { lb: { mergeWindowMs: 1000, panicPercent: 0 } });
    cluster.updateHosts(endpoints(1, 2).map((each) => ({ ...each, weight: 2 })));
    judge([1, failedActiveHc]);
    cluster.updateHosts(endpoints(1, 2).map((each) => ({ ...each, weight: 3 })));
    judge([1, 0], [2, failedActiveHc]);
    time.advance(5000);
    expect(hosts()).toEqual([1]);
    expect(cluster.hosts.map(({ weight }) => weight)).toEqual([3, 3]);
  });

  test("is told to clusters that prefer the zone of this proxy", () => {
    const { cluster, judge } = world(roundRobin, 2);
    const told: number[] = [];
    cluster.onHosts = (hosts) => void told.push(hosts.filter(({ health }) => health === "healthy").length);
    judge([1, failedActiveHc]);
    judge([1, 0]);
    expect(told).toEqual([1, 2]);
  });

  test("means nothing to a cluster that is gone", () => {
    const { cluster, judge, send } = world(roundRobin, 2);
    judge([1, failedOutlier | probation]);
    cluster.close();
    judge([1, 0]);
    expect(send().opened).toBe("no_healthy_upstream");
  });
});
