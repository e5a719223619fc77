import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BalancingModel, LocalityModel } from "../../config/balancing-model.ts";
import type { Host, HostHealth } from "../host.ts";
import { hostLevels } from "./host-levels.ts";
import { levelOf, priorityLoads } from "./priority-load.ts";
import { fits, TestHosts, tally } from "./test-hosts.ts";

const policy = { kind: "random" } as const;
const options = { panicPercent: 50, overprovisioningPercent: 140, weightedPriorityHealth: false };

/** One word a priority: h(ealthy), d(egraded), u(nhealthy). */
function levels(...words: string[]) {
  const world = new TestHosts();
  const health: Readonly<Record<string, HostHealth>> = { h: "healthy", d: "degraded", u: "unhealthy" };
  return hostLevels(
    words.flatMap((word, priority) => [...word].map((letter) => world.host({ priority, health: health[letter]! }))),
  );
}

describe("the load of priorities", () => {
  it.each<[string, string[], number[], number[]]>([
    ["all of it at the first while 72 percent are healthy there", ["hhhhu", "hh"], [100, 0], [0, 0]],
    ["what is missing at the next", ["hu", "hh"], [70, 30], [0, 0]],
    ["nothing where there is nobody", ["", "hh"], [0, 100], [0, 0]],
    ["three priorities", ["huuu", "hu", "hhhh"], [35, 65, 0], [0, 0, 0]],
    ["healthy hosts of a later priority before degraded ones of an earlier", ["hd", "hu"], [70, 30], [0, 0]],
    ["degraded hosts for what no healthy one can take", ["hduu", "huuu"], [35, 35], [30, 0]],
    ["by the number of hosts in panic everywhere", ["huuu", "u"], [80, 20], [0, 0]],
  ])("%s", (_title, words, healthy, degraded) => {
    expect(priorityLoads(levels(...words), options)).toMatchObject({ healthy, degraded });
  });

  it("is in proportion where all together cannot take it", () => {
    const few = levels("huuuuuuuuu", "hhuuuuuuuu");
    expect(priorityLoads(few, { ...options, panicPercent: 0 }).healthy).toEqual([34, 66]);
    expect(priorityLoads(few, options).healthy).toEqual([50, 50]);
  });

  it("is whole, whatever the health", () => {
    const word = fc.array(fc.constantFrom("h", "d", "u"), { maxLength: 12 }).map((letters) => letters.join(""));
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 100, max: 300 }),
        (words, panicPercent, overprovisioningPercent) => {
          const loads = priorityLoads(levels(...words), { ...options, panicPercent, overprovisioningPercent });
          const sum = [...loads.healthy, ...loads.degraded].reduce((a, b) => a + b);
          expect(sum).toBe(100);
          for (const load of [...loads.healthy, ...loads.degraded]) expect(load).toBeGreaterThanOrEqual(0);
          for (let drawn = 0; drawn < 100; drawn++) {
            const level = levelOf(loads, drawn);
            expect(level < 0 ? loads.degraded[~level] : loads.healthy[level]).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it("goes by weights where it is told to", () => {
    const world = new TestHosts();
    const hosts = [
      world.host({ weight: 9 }),
      world.host({ weight: 1, health: "unhealthy" }),
      world.host({ priority: 1 }),
    ];
    expect(priorityLoads(hostLevels(hosts), options).healthy).toEqual([70, 30]);
    expect(priorityLoads(hostLevels(hosts), { ...options, weightedPriorityHealth: true }).healthy).toEqual([100, 0]);
  });

  it("puts priorities in panic on their own", () => {
    const { panic, healthy } = priorityLoads(levels("huuu", "hhuuu"), options);
    expect(panic).toEqual([true, true]);
    expect(healthy).toEqual([45, 55]);
    expect(priorityLoads(levels("huuuu", "hhuu"), options)).toMatchObject({ panic: [true, false], healthy: [29, 71] });
  });

  it("knows no panic where all together can take the load", () => {
    expect(priorityLoads(levels("huuu", "hhhh"), options).panic).toEqual([false, false]);
  });
});

describe("which hosts are asked", () => {
  const world = () => new TestHosts(5);

  it("healthy ones, and degraded ones for what is left", () => {
    const w = world();
    const hosts = [
      w.host(),
      w.host({ health: "degraded" }),
      w.host({ health: "degraded" }),
      w.host({ health: "unhealthy" }),
    ];
    // A quarter is healthy: 35 percent of the load; the degraded half gets the rest.
    const counts = tally(w.balancer(hosts, policy), hosts, 10_000);
    expect(counts[3]).toBe(0);
    expect(fits(counts, [70, 65, 65, 0])).toBe(true);
  });

  it("all but the draining ones in panic, which is counted", () => {
    const w = world();
    const hosts = (["healthy", "unhealthy", "unhealthy", "draining"] as const).map((health) => w.host({ health }));
    const counts = tally(w.balancer(hosts, policy), hosts, 3000);
    expect(fits(counts, [1, 1, 1, 0])).toBe(true);
    expect(w.count("lb_healthy_panic")).toBe(3000);
  });

  it("the healthy ones alone where panic is off", () => {
    const w = world();
    const hosts = [w.host(), ...w.list(9, { health: "unhealthy" })];
    expect(tally(w.balancer(hosts, policy, { panicPercent: 0 }), hosts, 100)[0]).toBe(100);
  });

  it("none in panic where traffic is to fail then", () => {
    const w = world();
    const hosts = [w.host(), ...w.list(2, { health: "unhealthy" })];
    const callers = w.list(2);
    const locality = {
      kind: "zone_aware",
      localCluster: "me",
      local: { region: "", zone: "a", subZone: "" },
      routingPercent: 100,
      minClusterSize: 1,
      failTrafficOnPanic: true,
    } as const;
    expect(w.balancer(hosts, policy, { locality }, callers).pick(null)).toBeNull();
  });

  it("by priority, in proportion", () => {
    const w = world();
    const hosts = [w.host(), w.host({ health: "unhealthy" }), ...w.list(2, { priority: 1 })];
    expect(fits(tally(w.balancer(hosts, policy), hosts, 10_000), [140, 0, 30, 30])).toBe(true);
  });
});

function zone(name: string, weight = 0): LocalityModel {
  return { region: "r", zone: name, subZone: "", weight };
}

describe("localities with weights", () => {
  const weighted: Partial<BalancingModel> = { locality: { kind: "weighted" } };

  it("get their share, whatever the number of their hosts", () => {
    const w = new TestHosts(5);
    const hosts = [w.host({ locality: zone("a", 3) }), ...w.list(4, { locality: zone("b", 1) })];
    expect(fits(tally(w.balancer(hosts, policy, weighted), hosts, 8000), [12, 1, 1, 1, 1])).toBe(true);
  });

  it("lose of it what their healthy hosts cannot take, with the overprovisioning factor", () => {
    const w = new TestHosts(5);
    const a = zone("a", 1);
    const hosts = [
      w.host({ locality: a }),
      w.host({ locality: a, health: "unhealthy" }),
      ...w.list(2, { locality: zone("b", 1) }),
    ];
    const counts = tally(w.balancer(hosts, policy, weighted), hosts, 10_200);
    expect(fits([counts[0]!, counts[2]! + counts[3]!], [0.7, 1])).toBe(true);
  });

  it("get nothing without a weight", () => {
    const w = new TestHosts(5);
    const hosts = [w.host({ locality: zone("a", 1) }), w.host({ locality: zone("b", 0) })];
    expect(tally(w.balancer(hosts, policy, weighted), hosts, 100)).toEqual([100, 0]);
  });

  it("are not asked where none has a weight", () => {
    const w = new TestHosts(5);
    const hosts = [w.host({ locality: zone("a") }), w.host({ locality: zone("b") })];
    expect(fits(tally(w.balancer(hosts, policy, weighted), hosts, 2000), [1, 1])).toBe(true);
  });

  it("balance by the policy among their own", () => {
    const w = new TestHosts(5);
    const hosts = [
      w.host({ locality: zone("a", 1), weight: 3 }),
      w.host({ locality: zone("a", 1) }),
      w.host({ locality: zone("b", 1) }),
    ];
    const counts = tally(w.balancer(hosts, { kind: "round_robin", slowStart: null }, weighted), hosts, 800);
    expect(counts).toEqual([300, 100, 400]);
  });
});

describe("zone-aware routing", () => {
  const model = (more = {}): Partial<BalancingModel> => ({
    locality: {
      kind: "zone_aware",
      localCluster: "me",
      local: zone("a"),
      routingPercent: 100,
      minClusterSize: 3,
      failTrafficOnPanic: false,
      ...more,
    },
  });
  const inZones = (w: TestHosts, counts: Readonly<Record<string, number>>): Host[] =>
    Object.entries(counts).flatMap(([name, count]) => w.list(count, { locality: zone(name) }));
  const byZone = (hosts: readonly Host[], counts: readonly number[]) => {
    const sums: Record<string, number> = {};
    for (const [i, host] of hosts.entries()) sums[host.locality!.zone] = (sums[host.locality!.zone] ?? 0) + counts[i]!;
    return sums;
  };

  it("stays in the zone where its hosts have room for its callers", () => {
    const w = new TestHosts(5);
    const hosts = inZones(w, { b: 2, a: 2 });
    const balancer = w.balancer(hosts, policy, model(), inZones(w, { a: 1, b: 1 }));
    expect(byZone(hosts, tally(balancer, hosts, 1000))).toEqual({ a: 1000, b: 0 });
    expect(w.count("lb_zone_routing_all_directly")).toBe(1000);
  });

  it("sends what the zone has no room for to where there is some", () => {
    const w = new TestHosts(5);
    // The callers' shares are 40, 40 and 20 percent, the hosts' 25, 50 and 25: of the zone's, 62.5 percent stay, and the rest has room in b twice as much as in c.
    const hosts = inZones(w, { a: 5, b: 10, c: 5 });
    const balancer = w.balancer(hosts, policy, model(), inZones(w, { a: 4, b: 4, c: 2 }));
    const { a, b, c } = byZone(hosts, tally(balancer, hosts, 12_000));
    expect(fits([a!, b!, c!], [62.5, 25, 12.5])).toBe(true);
    expect(w.count("lb_zone_routing_sampled")).toBe(a);
    expect(w.count("lb_zone_routing_cross_zone")).toBe(b! + c!);
  });

  it("leaves the zone where nobody is healthy there", () => {
    const w = new TestHosts(5);
    const hosts = [...w.list(1, { locality: zone("a"), health: "unhealthy" }), ...inZones(w, { b: 2, c: 2 })];
    const balancer = w.balancer(hosts, policy, model(), inZones(w, { a: 2, b: 1, c: 1 }));
    const { a, b, c } = byZone(hosts, tally(balancer, hosts, 4000));
    expect(a).toBe(0);
    expect(fits([b!, c!], [1, 1])).toBe(true);
  });

  it.each<[string, Record<string, number>, Record<string, number>, object, string]>([
    ["few hosts", { a: 1, b: 1 }, { a: 1, b: 1 }, { minClusterSize: 6 }, "lb_zone_cluster_too_small"],
    ["callers of other zones alone", { a: 2, b: 2 }, { b: 1, c: 1 }, {}, "lb_local_cluster_not_ok"],
    ["one zone of callers", { a: 2, b: 2 }, { a: 2 }, {}, ""],
  ])("asks no zones with %s", (_title, upstream, callers, more, counter) => {
    const w = new TestHosts(5);
    const hosts = inZones(w, upstream);
    const balancer = w.balancer(hosts, policy, model(more), inZones(w, callers));
    expect(
      fits(
        tally(balancer, hosts, 4000),
        hosts.map(() => 1),
      ),
    ).toBe(true);
    if (counter !== "") expect(w.count(counter)).toBe(1);
  });

  it("does so for a share of the requests", () => {
    const w = new TestHosts(5);
    const hosts = inZones(w, { a: 2, b: 2 });
    const balancer = w.balancer(hosts, policy, model({ routingPercent: 50 }), inZones(w, { a: 1, b: 1 }));
    const { a, b } = byZone(hosts, tally(balancer, hosts, 8000));
    expect(fits([a!, b!], [75, 25])).toBe(true);
  });
});
