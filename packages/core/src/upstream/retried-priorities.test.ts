// Further attempts that leave out the priorities of those before (envoy.retry_priorities.previous_priorities).
import type { PriorityAversion, UpstreamHost } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { POLICIES, hashed, placed, portOf, roundRobin, world } from "../../../../test/support/balanced-cluster.ts";
import type { BalancerModel, EndpointModel } from "../config/model.ts";
import type { Host } from "./host.ts";

class Tried implements PriorityAversion {
  hosts: UpstreamHost[];

  constructor(...hosts: UpstreamHost[]) {
    this.hosts = hosts;
  }

  forget(): void {
    this.hosts = [];
  }
}

/** One word a priority, one letter a host: h(ealthy), d(egraded), u(nhealthy). Ports count from 1 at the first priority, from 11 at the second. */
function placedBy(...words: string[]): EndpointModel[] {
  const health = { h: "healthy", d: "degraded", u: "unhealthy" } as const;
  return words.flatMap((word, priority) =>
    [...word].map((letter, i) =>
      placed(10 * priority + i + 1, { priority, health: health[letter as keyof typeof health] }),
    ),
  );
}

function priorities(policy: BalancerModel, ...words: string[]) {
  const made = world(policy, 0, { endpoints: placedBy(...words) });
  const at = (port: number): Host => made.cluster.hosts.find((host) => portOf(host) === port)!;
  /** How many of 500 attempts go to each priority. */
  const shares = (...tried: number[]): number[] => {
    const seen = words.map(() => 0);
    for (let i = 0; i < 500; i++) {
      const port = made.host({ ...hashed(`${i}`), priorities: new Tried(...tried.map(at)) });
      seen[Math.floor(port / 10)]!++;
    }
    return seen;
  };
  return { ...made, at, shares };
}

describe("another attempt", () => {
  it.each(POLICIES)("leaves out the priorities that were tried: %s", (_, policy) => {
    const { shares } = priorities(policy, "hh", "hh", "hh");
    expect(shares()).toEqual([500, 0, 0]);
    expect(shares(1)).toEqual([0, 500, 0]);
    expect(shares(1, 11)).toEqual([0, 0, 500]);
    expect(shares(21)).toEqual([500, 0, 0]);
  });

  it.each(POLICIES)("begins anew where all were tried, and says so: %s", (_, policy) => {
    const { host, at, shares } = priorities(policy, "hh", "hh");
    const tried = new Tried(at(1), at(11));
    expect(host({ ...hashed("a"), priorities: tried })).toBeLessThan(10);
    expect(tried.hosts).toEqual([]);
    expect(shares(12, 2)).toEqual([500, 0]);
  });

  it.each(POLICIES)("goes by health among the others: %s", (_, policy) => {
    const { shares } = priorities(policy, "h", "uu", "hu", "hh");
    const [first, second, third, last] = shares(1);
    expect([first, second]).toEqual([0, 0]);
    // 70 percent, within five standard deviations.
    expect(Math.abs(third! - 350)).toBeLessThan(52);
    expect(last).toBe(500 - third!);
  });

  it.each(POLICIES)("goes to degraded hosts where others are not left, which nobody else went to: %s", (_, policy) => {
    expect(priorities(policy, "hh", "dd").shares(1)).toEqual([0, 500]);
  });

  it("stays in panic where every priority is", () => {
    const { host, at } = priorities(roundRobin, "uu", "u");
    const tried = new Tried(at(1));
    expect(host({ priorities: tried })).toBeGreaterThan(0);
    expect(tried.hosts).toEqual([]);
  });

  it("does not take a host of another cluster for one of its own", () => {
    const { shares, cluster, host } = priorities(roundRobin, "hh", "hh");
    const stranger = { address: "10.9.9.9:1", hostname: "", cluster: "other", priority: 0 } as UpstreamHost;
    expect(host({ priorities: new Tried(stranger) })).toBeLessThan(10);
    expect([shares(1), cluster.hosts.length]).toEqual([[0, 500], 4]);
  });

  it("leaves out what was tried within its subset, whose loads are its own", () => {
    const subset = {
      fallback: "any",
      defaultSubset: {},
      selectors: [{ keys: ["version"], fallback: "inherit", fallbackKeys: [], singleHost: false }],
      localityWeightAware: false,
      scaleLocalityWeight: false,
      panicModeAny: false,
      listAsAny: false,
      fallbackList: false,
      allowRedundantKeys: false,
    } as const;
    const version = (port: number, priority: number, name: string) =>
      placed(port, { priority, metadata: { "envoy.lb": { version: name } } });
    const { cluster, host } = world({ kind: "subset", subset, policy: roundRobin }, 0, {
      endpoints: [version(1, 0, "1"), version(11, 1, "1"), version(12, 1, "2"), version(21, 2, "2")],
    });
    const [one, , two] = cluster.hosts;
    const of = (name: string, tried: UpstreamHost) => host({ subset: { version: name }, priorities: new Tried(tried) });
    expect([of("1", one!), of("2", two!)]).toEqual([11, 21]);
  });

  it("does not get a host that was picked for others in advance", () => {
    const endpoints = placedBy("hh", "hh");
    const { cluster, host } = world(roundRobin, 0, { endpoints, preconnect: { perUpstream: 1, predictive: 3 } });
    cluster.openStream({
      onUpstreamReady() {},
      onUpstreamInformational() {},
      onUpstreamHeaders() {},
      onUpstreamData() {},
      onUpstreamTrailers() {},
      onUpstreamReset() {},
      onUpstreamWriteHigh() {},
      onUpstreamWriteLow() {},
    });
    for (let i = 0; i < 5; i++) expect(host({ priorities: new Tried(cluster.hosts[0]!) })).toBeGreaterThan(10);
    cluster.destroy();
  });
});
