import type { UpstreamConnectionEvents, UpstreamHost, UpstreamRequest } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { cluster } from "../../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../../test/support/services.ts";
import { type BalancingModel, PLAIN_ROUND_ROBIN } from "../../config/balancing-model.ts";
import type { ClusterModel, EndpointModel } from "../../config/model.ts";
import { DEFAULT_CIRCUIT_BREAKERS, DEFAULT_THRESHOLDS } from "../../config/retry-model.ts";
import { ClusterManager } from "../cluster-manager.ts";
import { seeded } from "../load-balancing/test-hosts.ts";
import { ScriptedServers, StreamRecorder } from "../pool/scripted-pool.ts";

const nothing = () => {};
const NO_EVENTS: UpstreamConnectionEvents = {
  onUpstreamConnected: nothing,
  onUpstreamData: nothing,
  onUpstreamClose: nothing,
  onUpstreamWriteHigh: nothing,
  onUpstreamWriteLow: nothing,
};
const place = { path: "", position: "" };

/** `3h 1u/2h`: three healthy hosts and an unhealthy one at priority 0, two healthy ones at priority 1; `d`: degraded. The port says the priority. */
function hosts(text: string, net: number): EndpointModel[] {
  const health = { h: "healthy", u: "unhealthy", d: "degraded" } as const;
  return text.split("/").flatMap((level, priority) => {
    let number = 0;
    return level.split(" ").flatMap((word) =>
      Array.from({ length: Number.parseInt(word, 10) }, () => ({
        address: { kind: "ip" as const, host: `10.0.${net}.${number++}`, port: priority + 1 },
        hostname: "",
        weight: 1,
        health: health[word.at(-1) as keyof typeof health],
        priority,
        place,
      })),
    );
  });
}

function setup(models: readonly ClusterModel[]) {
  const { services } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const manager = new ClusterManager({ ...services, random: seeded(1) }, () => servers);
  manager.prepare(models, new Map()).commit();
  /** Out of 400 connections: by cluster and port. */
  const shares = (name = "all"): Record<string, number> => {
    const seen: Record<string, number> = {};
    for (let i = 0; i < 400; i++) {
      services.flushQueue.enter();
      const opened = manager.get(name)!.connect(NO_EVENTS);
      services.flushQueue.leave();
      if (typeof opened === "string") seen[opened] = (seen[opened] ?? 0) + 1;
      for (const { host } of servers.attempts.splice(0)) {
        const key = `${host.cluster}:${host.address.split(":")[1]}`;
        seen[key] = (seen[key] ?? 0) + 1;
      }
      if (typeof opened !== "string") opened.close(true);
    }
    return seen;
  };
  return { manager, servers, services, shares };
}

const all = (...clusters: string[]) => cluster("all", { discovery: { kind: "aggregate", clusters } });
const near = (text: string, model: Partial<ClusterModel> = {}) =>
  cluster("near", { endpoints: hosts(text, 1), ...model });
const far = (text: string, model: Partial<ClusterModel> = {}) =>
  cluster("far", { endpoints: hosts(text, 2), ...model });

const within = (value: number | undefined, share: number) => {
  // Five standard deviations of a binomial of 400.
  const spread = 5 * Math.sqrt(400 * share * (1 - share));
  expect(Math.abs((value ?? 0) - 400 * share)).toBeLessThanOrEqual(spread);
};

describe("priorities of several clusters", () => {
  test("the first cluster carries all while it is well", () => {
    expect(setup([near("3h 1u"), far("2h"), all("near", "far")]).shares()).toEqual({ "near:1": 400 });
  });

  test("what the first can not carry spills to the next, as between priorities of one cluster", () => {
    // Half of the hosts, times 1.4.
    const { shares } = setup([near("2h 2u"), far("2h"), all("near", "far")]);
    const seen = shares();
    within(seen["near:1"], 0.7);
    within(seen["far:1"], 0.3);
  });

  test("a cluster's own second priority comes before the next cluster", () => {
    const { shares } = setup([near("1h 3u/2h"), far("2h"), all("near", "far")]);
    const seen = shares();
    within(seen["near:1"], 0.35);
    within(seen["near:2"], 0.65);
    expect(seen["far:1"]).toBeUndefined();
  });

  test("what falls to degraded hosts is carried, though their cluster by itself would ask none of them", () => {
    const [healthy, degraded] = hosts("1h 1d", 1);
    const ring = { kind: "maglev", tableSize: 101, useHostname: false, balanceFactor: 0 } as const;
    const byWeight = cluster("near", {
      endpoints: [{ ...healthy!, weight: 100 }, degraded!],
      lb: { ...PLAIN_ROUND_ROBIN, policy: ring, weightedPriorityHealth: true },
    });
    expect(setup([byWeight, all("near")]).shares()).toEqual({ "near:1": 400 });
  });

  test("degraded hosts of the first are asked after healthy ones of the second, and only by those whom they fell to", () => {
    const { shares } = setup([near("1h 3d"), far("2h"), all("near", "far")]);
    const seen = shares();
    within(seen["near:1"], 0.35);
    within(seen["far:1"], 0.65);
  });

  test("each cluster's own overprovisioning factor counts", () => {
    const lb: BalancingModel = { ...PLAIN_ROUND_ROBIN, overprovisioningPercent: 100 };
    const seen = setup([near("2h 2u", { lb }), far("2h"), all("near", "far")]).shares();
    within(seen["near:1"], 0.5);
    within(seen["far:1"], 0.5);
  });

  test("with no healthy host anywhere load goes by the number of hosts", () => {
    const seen = setup([near("3u"), far("1u"), all("near", "far")]).shares();
    within(seen["near:1"], 0.75);
    within(seen["far:1"], 0.25);
  });

  test("without a host it answers so, and counts it", () => {
    const { shares, services } = setup([cluster("near"), all("near")]);
    expect(shares()).toEqual({ no_healthy_upstream: 400 });
    expect(
      services.count("cluster.all.upstream_cx_none_healthy") + services.count("cluster.near.upstream_cx_none_healthy"),
    ).toBe(400);
  });
});

describe("changes", () => {
  test("hosts of its clusters are followed", () => {
    const { manager, shares } = setup([near("2h"), far("2h"), all("near", "far")]);
    expect(shares()).toEqual({ "near:1": 400 });
    manager.updateHosts("near", hosts("2u", 1));
    expect(shares()).toEqual({ "far:1": 400 });
    manager.updateHosts("near", []);
    expect(shares()).toEqual({ "far:1": 400 });
    manager.updateHosts("near", hosts("2h", 1));
    expect(shares()).toEqual({ "near:1": 400 });
  });

  test("a cluster that another configuration brings anew takes the place of the old one", () => {
    const { manager, shares } = setup([near("2h"), far("2h"), all("near", "far")]);
    manager.prepare([near("2u", { connectTimeoutMs: 7 }), far("2h"), all("near", "far")], new Map()).commit();
    expect(shares()).toEqual({ "far:1": 400 });
  });

  test("the priority asked for holds for one choice alone: the cluster itself goes on as before", () => {
    const { shares } = setup([near("1h 3u/2h"), far("2h"), all("near", "far")]);
    shares();
    const seen = shares("near");
    within(seen["near:1"], 0.35);
    within(seen["near:2"], 0.65);
  });
});

describe("another attempt that leaves out priorities", () => {
  const tried = (...hosts: readonly UpstreamHost[]): UpstreamRequest => {
    const priorities = { hosts, forget: () => (priorities.hosts = []) };
    return { protocol: "HTTP/1.1", headers: null, client: null, isRetry: true, priorities };
  };

  function attempts(models: readonly ClusterModel[]) {
    const { manager, servers, services } = setup(models);
    /** Where one goes, as `cluster:priority`. */
    const attempt = (request: UpstreamRequest): string => {
      services.flushQueue.enter();
      manager.get("all")!.openStream(new StreamRecorder(), request);
      services.flushQueue.leave();
      const { host } = servers.attempts.at(-1)!;
      return `${host.cluster}:${Number(host.address.split(":")[1]) - 1}`;
    };
    const hostOf = (name: string, priority: number): UpstreamHost =>
      manager.get(name)!.hosts.find((host) => host.priority === priority)!;
    return { attempt, hostOf };
  }

  test("goes to the cluster's own next one, then to the next cluster, then begins anew", () => {
    const { attempt, hostOf } = attempts([near("1h/1h"), far("1h"), all("near", "far")]);
    const hosts = [hostOf("near", 0), hostOf("near", 1), hostOf("far", 0)];
    expect([0, 1, 2, 3].map((count) => attempt(tried(...hosts.slice(0, count))))).toEqual([
      "near:0",
      "near:1",
      "far:0",
      "near:0",
    ]);
  });

  test("tells the same number of two clusters apart", () => {
    const { attempt, hostOf } = attempts([near("1h"), far("1h"), all("near", "far")]);
    expect([attempt(tried(hostOf("far", 0))), attempt(tried(hostOf("near", 0)))]).toEqual(["near:0", "far:0"]);
  });
});

describe("what it would take", () => {
  const budget = (percent: number) => ({
    ...DEFAULT_CIRCUIT_BREAKERS,
    default: { ...DEFAULT_THRESHOLDS, retryBudget: { percent, minConcurrency: 0 } },
  });
  const none = { ...DEFAULT_CIRCUIT_BREAKERS, default: { ...DEFAULT_THRESHOLDS, maxRequests: 0 } };

  test.each<[string, ClusterModel[], string | null]>([
    ["one of its clusters would", [near("2u"), far("1h")], null],
    ["none has a healthy host", [near("2u"), far("1u")], "no_healthy_upstream"],
    ["those that have one are full", [near("2u"), far("1h", { circuitBreakers: none })], "overflow"],
  ])("is said before it is asked to: %s", (_, parts, refusal) => {
    expect(
      setup([...parts, all("near", "far")])
        .manager.get("all")!
        .refusal(false),
    ).toBe(refusal);
  });

  test("of retries by a budget, which requests of its clusters earn, is that of the cluster they fall to", () => {
    const circuitBreakers = budget(100);
    const { manager, services } = setup([
      near("1h", { circuitBreakers }),
      far("1h", { circuitBreakers }),
      { ...all("near", "far"), circuitBreakers },
    ]);
    const cluster = manager.get("all")!;
    expect(cluster.retries.take(false)).toBe(false);
    expect(services.count("cluster.near.upstream_rq_retry_overflow")).toBe(1);
    expect(cluster.retries).toBe(manager.get("near")!.retries);
  });

  test("of retries at a time is its own", () => {
    const { manager } = setup([near("1h"), all("near")]);
    const { retries } = manager.get("all")!;
    expect([1, 2, 3, 4].map(() => retries.take(false))).toEqual([true, true, true, false]);
    expect(manager.get("near")!.retries.take(false)).toBe(true);
  });
});

test("requests go the same way, and count in the cluster that carried them", () => {
  const { manager, servers, services } = setup([near("2u"), far("1h"), all("near", "far")]);
  services.flushQueue.enter();
  manager.get("all")!.openStream(new StreamRecorder());
  services.flushQueue.leave();
  expect(servers.attempts.map(({ host }) => host.cluster)).toEqual(["far"]);
  expect(services.count("cluster.far.upstream_cx_total")).toBe(1);
  expect(services.count("cluster.all.upstream_cx_total")).toBe(0);
});

test.each([
  ["1h", "1h", null],
  ["1u", "1h", null],
  ["1u", "1d", null],
  ["1u", "1u", "no_healthy_upstream"],
])(
  "with hosts %s in the first cluster and %s in the second it says %s to those who ask beforehand",
  (a, b, expected) => {
    const { manager } = setup([near(a), far(b), all("near", "far")]);
    expect(manager.get("all")!.refusal(false)).toBe(expected);
  },
);

test("a first cluster that is well and has no room is not passed over", () => {
  const circuitBreakers = { ...DEFAULT_CIRCUIT_BREAKERS, default: { ...DEFAULT_THRESHOLDS, maxRequests: 0 } };
  const { manager } = setup([near("1h", { circuitBreakers }), far("1h"), all("near", "far")]);
  expect(manager.get("all")!.refusal(false)).toBe("overflow");
});
