import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClusterModel, SrvDiscoveryModel } from "../../config/model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { type HostModel, addressKey } from "../host.ts";
import { Discovery } from "./discovery.ts";
import type { ServiceRecord } from "./srv-hosts.ts";

const SERVICE = "_http._tcp.web.test";

function cluster(discovery: Partial<SrvDiscoveryModel> = {}): ClusterModel {
  return {
    name: "web",
    statName: "web",
    discovery: { kind: "srv", service: SERVICE, refreshMs: 5000, respectTtl: false, family: "auto", ...discovery },
    endpoints: [],
  } as unknown as ClusterModel;
}

class World {
  records: readonly ServiceRecord[] | Error = [];
  addresses: Record<string, readonly string[]> = {};
  ttlMs = -1;
  readonly log: string[] = [];
  readonly told: (readonly HostModel[])[] = [];
  readonly stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  readonly discovery = new Discovery({
    log: { enabled: () => true, write: (_l, _c, message) => this.log.push(message) },
    stats: this.stats,
    onHosts: (_name, hosts) => this.told.push(hosts),
    random: () => 0,
    resolve: async (name) => {
      const addresses = this.addresses[name];
      if (addresses === undefined) throw new Error("ENOTFOUND");
      return { addresses, ttlMs: this.ttlMs };
    },
    resolveService: async (name) => {
      expect(name).toBe(SERVICE);
      if (this.records instanceof Error) throw this.records;
      return this.records;
    },
  });

  async start(model: ClusterModel): Promise<readonly HostModel[]> {
    const hosts = (await this.discovery.resolve([model])).get("web")!;
    this.discovery.follow([model]);
    return hosts;
  }
}

const brief = (hosts: readonly HostModel[]): string[] =>
  hosts.map((h) => `${addressKey(h.address)} ${h.hostname} p${h.priority ?? 0} w${h.weight}`);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("discovery by SRV records", () => {
  it("makes levels of priorities, from 0 on, and weights of weights", async () => {
    const world = new World();
    world.records = [
      { name: "c.test", port: 90, priority: 20, weight: 0 },
      { name: "a.test", port: 81, priority: 10, weight: 60 },
      { name: "b.test.", port: 82, priority: 10, weight: 20 },
    ];
    world.addresses = { "a.test": ["10.0.0.1"], "b.test.": ["10.0.0.2"], "c.test": ["10.0.0.3"] };
    expect(brief(await world.start(cluster()))).toEqual([
      "10.0.0.1:81 a.test p0 w60",
      "10.0.0.2:82 b.test p0 w20",
      "10.0.0.3:90 c.test p1 w1",
    ]);
    world.discovery.close();
  });

  it("shares a target's weight among its addresses", async () => {
    const world = new World();
    world.records = [
      { name: "a.test", port: 80, priority: 0, weight: 10 },
      { name: "b.test", port: 80, priority: 0, weight: 10 },
    ];
    world.addresses = { "a.test": ["10.0.0.1", "10.0.0.2"], "b.test": ["10.0.0.3", "10.0.0.4", "10.0.0.5"] };
    const hosts = await world.start(cluster());
    const sum = (name: string): number => hosts.reduce((n, h) => n + (h.hostname === name ? h.weight : 0), 0);
    expect(sum("a.test")).toBe(sum("b.test"));
    world.discovery.close();
  });

  it("keeps its hosts where there is no answer, an empty one, or the root as target", async () => {
    const world = new World();
    world.records = [{ name: "a.test", port: 80, priority: 0, weight: 1 }];
    world.addresses = { "a.test": ["10.0.0.1"] };
    await world.start(cluster());
    for (const answer of [new Error("SERVFAIL"), [], [{ name: "", port: 0, priority: 0, weight: 0 }]]) {
      world.records = answer;
      await vi.advanceTimersByTimeAsync(5000);
    }
    expect(world.told).toEqual([]);
    expect(brief(world.discovery.hosts.get("web")!)).toHaveLength(1);
    world.discovery.close();
  });

  it("keeps the addresses of a target that cannot be resolved, and drops a target that is gone", async () => {
    const world = new World();
    world.records = [
      { name: "a.test", port: 80, priority: 0, weight: 1 },
      { name: "b.test", port: 80, priority: 0, weight: 1 },
    ];
    world.addresses = { "a.test": ["10.0.0.1"], "b.test": ["10.0.0.2"] };
    await world.start(cluster());
    world.addresses = { "b.test": ["10.0.0.9"] };
    await vi.advanceTimersByTimeAsync(5000);
    expect(world.told.map(brief)).toEqual([["10.0.0.1:80 a.test p0 w1", "10.0.0.9:80 b.test p0 w1"]]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(world.log).toEqual([`targets of ${SERVICE} of cluster web could not be resolved: a.test`]);
    world.records = world.records.slice(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(world.told.map(brief)[1]).toEqual(["10.0.0.9:80 b.test p0 w1"]);
    world.discovery.close();
  });

  it("follows the shortest time to live of its targets' addresses where it is told to", async () => {
    const world = new World();
    world.records = [{ name: "a.test", port: 80, priority: 0, weight: 1 }];
    world.addresses = { "a.test": ["10.0.0.1"] };
    world.ttlMs = 20_000;
    await world.start(cluster({ respectTtl: true }));
    world.addresses = { "a.test": ["10.0.0.2"] };
    await vi.advanceTimersByTimeAsync(19_999);
    expect(world.told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.told.map(brief)).toEqual([["10.0.0.2:80 a.test p0 w1"]]);
    world.discovery.close();
  });

  it("keeps what it knows over a new version of the configuration", async () => {
    const world = new World();
    world.records = [{ name: "a.test", port: 80, priority: 0, weight: 1 }];
    world.addresses = { "a.test": ["10.0.0.1"] };
    await world.start(cluster());
    world.records = new Error("SERVFAIL");
    const next = cluster({ refreshMs: 9000 });
    expect(brief((await world.discovery.resolve([next])).get("web")!)).toEqual(["10.0.0.1:80 a.test p0 w1"]);
    world.discovery.close();
  });
});
