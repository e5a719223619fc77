import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EdfScheduler } from "./edf-scheduler.ts";
import { fits, TestHosts, tally } from "./test-hosts.ts";

const policy = { kind: "round_robin", slowStart: null } as const;

describe("earliest deadline first", () => {
  function turns(weights: readonly number[], count: number): number[] {
    const scheduler = new EdfScheduler(weights);
    return Array.from({ length: count }, () => {
      const { next } = scheduler;
      scheduler.reschedule(weights[next]!);
      return next;
    });
  }

  it("rotates where weights are equal, whatever they are", () => {
    expect(turns([5, 5, 5], 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it("has the order of the deadlines, and of scheduling where these are equal", () => {
    // At 1 both are due: the second was scheduled before.
    expect(turns([4, 1], 10)).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    expect(turns([1, 2, 1], 8)).toEqual([1, 0, 2, 1, 1, 0, 2, 1]);
  });

  it("never strays from the exact share by more than one turn, at any time", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, (list) => {
        const whole = list.reduce((a, b) => a + b);
        const counts = list.map(() => 0);
        for (const [i, turn] of turns(list, Math.min(2000, 3 * whole)).entries()) {
          counts[turn]!++;
          for (const [j, count] of counts.entries())
            expect(Math.abs(count - ((i + 1) * list[j]!) / whole)).toBeLessThan(list.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("goes by the weight that each has when its turn is over", () => {
    const scheduler = new EdfScheduler([1, 1]);
    const order: number[] = [];
    for (let i = 0; i < 6; i++) {
      order.push(scheduler.next);
      scheduler.reschedule(scheduler.next === 0 ? 4 : 1);
    }
    expect(order).toEqual([0, 1, 0, 0, 0, 1]);
  });
});

describe("round robin", () => {
  it("rotates from a random start", () => {
    const world = new TestHosts();
    const hosts = world.list(3);
    const balancer = world.balancer(hosts, policy);
    const first = hosts.indexOf(balancer.pick(null)!);
    for (let i = 1; i < 7; i++) expect(balancer.pick(null)).toBe(hosts[(first + i) % 3]);
    const starts = Array.from({ length: 30 }, () => hosts.indexOf(world.balancer(hosts, policy).pick(null)!));
    expect(new Set(starts)).toEqual(new Set([0, 1, 2]));
  });

  it("gives each host its exact share over whole rounds", () => {
    const world = new TestHosts();
    const weights = [1, 2, 3, 7, 128];
    const hosts = world.weighted(...weights);
    const counts = tally(world.balancer(hosts, policy), hosts, 141 * 50);
    for (const [i, weight] of weights.entries()) expect(Math.abs(counts[i]! - weight * 50)).toBeLessThanOrEqual(1);
  });

  it("has nothing to offer where there is no host, or none that may be asked", () => {
    const world = new TestHosts();
    expect(world.balancer([], policy).pick(null)).toBeNull();
    expect(world.balancer([world.host({ health: "draining" })], policy).pick(null)).toBeNull();
    expect(world.balancer([world.host({ health: "unhealthy" })], policy, { panicPercent: 0 }).pick(null)).toBeNull();
  });
});

describe("slow start", () => {
  const slow = {
    kind: "round_robin",
    slowStart: { windowMs: 10_000, aggression: { value: 1, key: "" }, minWeight: 0.1 },
  } as const;

  it("gives a new host a share that grows with its age, then the whole", () => {
    const world = new TestHosts();
    const old = world.host();
    world.time.advance(60_000);
    const hosts = [old, world.host()];
    const balancer = world.balancer(hosts, slow);
    const share = () => {
      const [, fresh] = tally(balancer, hosts, 1100);
      return fresh! / 1100;
    };
    expect(share()).toBeCloseTo(0.1 / 1.1, 2);
    world.time.advance(5000);
    expect(share()).toBeCloseTo(0.5 / 1.5, 2);
    world.time.advance(5000);
    expect(share()).toBe(0.5);
  });

  it("grows faster at first with a higher aggression, as the runtime has it", () => {
    const world = new TestHosts();
    const old = world.host();
    world.time.advance(60_000);
    const hosts = [old, world.host()];
    const model = { ...slow, slowStart: { ...slow.slowStart, aggression: { value: 1, key: "eager" } } };
    const balancer = world.balancer(hosts, model);
    world.tunables.get("eager")!.value = 2;
    world.time.advance(2500);
    const [, fresh] = tally(balancer, hosts, 3000);
    // The square root of a quarter.
    expect(fresh! / 3000).toBeCloseTo(0.5 / 1.5, 2);
  });

  it("begins anew when a host has become healthy again", () => {
    const world = new TestHosts();
    const hosts = world.list(2);
    world.time.advance(60_000);
    hosts[1]!.judge("unhealthy", 0, world.clock.now());
    hosts[1]!.judge("healthy", 0, world.clock.now());
    const [before, after] = tally(world.balancer(hosts, slow), hosts, 1100);
    expect(after! / (before! + after!)).toBeCloseTo(0.1 / 1.1, 2);
  });
});

describe("least request", () => {
  const least = (more = {}) => ({
    kind: "least_request" as const,
    choices: 2,
    fullScan: false,
    bias: { value: 1, key: "" },
    slowStart: null,
    ...more,
  });

  it("draws two and takes the less busy one", () => {
    const world = new TestHosts(7);
    const hosts = world.list(4);
    for (const [i, host] of hosts.entries()) host.rqActive.set(i);
    // The i-th least busy of n wins where the other one drawn is not less busy: 2(n - i) - 1 of n² draws.
    expect(fits(tally(world.balancer(hosts, least()), hosts, 16_000), [7, 5, 3, 1])).toBe(true);
  });

  it("draws as many as it is told", () => {
    const world = new TestHosts(7);
    const hosts = world.list(3);
    for (const [i, host] of hosts.entries()) host.rqActive.set(i);
    expect(fits(tally(world.balancer(hosts, least({ choices: 3 })), hosts, 27_000), [19, 7, 1])).toBe(true);
  });

  it("looks at all where it is told to, and leaves ties to chance", () => {
    const world = new TestHosts(7);
    const hosts = world.list(5);
    for (const [i, host] of hosts.entries()) host.rqActive.set(i < 2 ? 3 : 0);
    const counts = tally(world.balancer(hosts, least({ fullScan: true })), hosts, 9000);
    expect(counts.slice(0, 2)).toEqual([0, 0]);
    expect(fits(counts.slice(2), [1, 1, 1])).toBe(true);
  });

  it("counts connections besides requests", () => {
    const world = new TestHosts();
    const hosts = world.list(2);
    hosts[0]!.connections = 1;
    expect(tally(world.balancer(hosts, least({ fullScan: true })), hosts, 100)).toEqual([0, 100]);
  });

  it.each([
    [0, [100, 200]],
    [1, [100, 50]],
    [2, [100, 12.5]],
  ])("with weights goes by weight / (requests + 1)^%d", (bias, shares) => {
    const world = new TestHosts();
    const hosts = world.weighted(1, 2);
    hosts[1]!.rqActive.set(3);
    const counts = tally(world.balancer(hosts, least({ bias: { value: bias, key: "" } })), hosts, 9000);
    expect(counts[0]! / counts[1]!).toBeCloseTo(shares[0]! / shares[1]!, 1);
  });

  it("lets a host that was very busy take its turn again, whatever the bias", () => {
    const world = new TestHosts();
    const hosts = world.weighted(1, 2);
    const balancer = world.balancer(hosts, least({ bias: { value: 400, key: "" } }));
    const busy = (requests: number): void => hosts.forEach((host) => host.rqActive.set(requests));
    busy(1000);
    for (let i = 0; i < 10; i++) balancer.pick(null);
    busy(0);
    expect(tally(balancer, hosts, 5_000_000).every((count) => count > 0)).toBe(true);
  });

  it("looks at all where it is to draw far more than there are", () => {
    const world = new TestHosts();
    const hosts = world.list(3);
    hosts[0]!.rqActive.set(1);
    hosts[2]!.rqActive.set(1);
    expect(tally(world.balancer(hosts, least({ choices: 4_000_000_000 })), hosts, 100)).toEqual([0, 100, 0]);
  });

  it("keeps two hosts of which one is slow equally busy", () => {
    const world = new TestHosts(3);
    const hosts = world.list(10);
    const balancer = world.balancer(hosts, least());
    let worst = 0;
    for (let step = 0; step < 5000; step++) {
      balancer.pick(null)!.rqActive.inc();
      // Nine answer at once; the first answers every tenth time.
      for (const [i, host] of hosts.entries())
        if (host.rqActive.value > 0 && (i > 0 || step % 10 === 0)) host.rqActive.dec();
      worst = Math.max(worst, hosts[0]!.rqActive.value);
    }
    expect(worst).toBeLessThan(8);
  });
});

describe("random", () => {
  it("gives every host the same, whatever its weight", () => {
    const world = new TestHosts(11);
    const hosts = world.weighted(1, 5, 9, 2);
    expect(fits(tally(world.balancer(hosts, { kind: "random" }), hosts, 8000), [1, 1, 1, 1])).toBe(true);
  });
});

describe("pick first", () => {
  it("stays with the first that takes traffic", () => {
    const world = new TestHosts();
    const hosts = [world.host({ health: "unhealthy" }), world.host(), world.host()];
    expect(tally(world.balancer(hosts, { kind: "pick_first", shuffle: false }), hosts, 10)).toEqual([0, 10, 0]);
  });

  it("shuffles once: an update that leaves the host leaves its traffic", () => {
    const chosen = new Set<number>();
    for (let seed = 1; seed < 40; seed++) {
      const world = new TestHosts(seed);
      const hosts = world.list(3);
      const make = () => world.balancer(hosts, { kind: "pick_first", shuffle: true });
      const first = make().pick(null);
      for (let i = 0; i < 5; i++) expect(make().pick(null)).toBe(first);
      chosen.add(hosts.indexOf(first!));
    }
    expect(chosen.size).toBe(3);
  });
});
