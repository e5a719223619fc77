import { describe, expect, it } from "vitest";
import type { BalancerModel, SubsetModel, SubsetSelectorModel } from "../../config/balancing-model.ts";
import type { Host, HostLabels } from "../host.ts";
import { TestHosts } from "./test-hosts.ts";

const selector = (keys: string[], more: Partial<SubsetSelectorModel> = {}): SubsetSelectorModel => ({
  keys,
  fallback: "inherit",
  fallbackKeys: [],
  singleHost: false,
  ...more,
});

function subsetPolicy(model: Partial<SubsetModel>): BalancerModel {
  const subset: SubsetModel = {
    fallback: "none",
    defaultSubset: {},
    selectors: [],
    localityWeightAware: false,
    scaleLocalityWeight: false,
    panicModeAny: false,
    listAsAny: false,
    fallbackList: false,
    allowRedundantKeys: false,
    ...model,
  };
  return { kind: "subset", subset, policy: { kind: "round_robin", slowStart: null } };
}

function setup(model: Partial<SubsetModel>, ...labels: HostLabels[]) {
  const world = new TestHosts();
  const hosts = labels.map((each) => world.host({ metadata: { "envoy.lb": each } }));
  const balancer = world.balancer(hosts, subsetPolicy(model));
  /** Numbers of the hosts that are picked. */
  const picked = (subset: Readonly<Record<string, unknown>> | null): number[] => {
    const found = new Set<Host | null>();
    for (let i = 0; i < 3 * hosts.length; i++) found.add(balancer.pick({ subset }));
    return [...found].map((host) => (host === null ? -1 : hosts.indexOf(host))).sort((a, b) => a - b);
  };
  return { world, hosts, balancer, picked };
}

const v1 = { version: "1", stage: "prod" };
const v2 = { version: "2", stage: "prod" };
const canary = { version: "2", stage: "canary" };

describe("a subset", () => {
  it("has the hosts with its values, and they share its requests", () => {
    const { picked, world } = setup(
      { selectors: [selector(["version"]), selector(["stage", "version"])] },
      v1,
      v2,
      canary,
    );
    expect(picked({ version: "2" })).toEqual([1, 2]);
    expect(picked({ version: "2", stage: "canary" })).toEqual([2]);
    expect(picked({ stage: "canary", version: "2" })).toEqual([2]);
    expect(world.count("lb_subsets_selected")).toBe(27);
    // version 1 and 2; prod 1, prod 2, canary 2.
    expect(world.gauge("lb_subsets_active").value).toBe(5);
  });

  it("is found by all keys of a selector and no other", () => {
    const { picked } = setup({ selectors: [selector(["version"])] }, v1, v2);
    expect(picked({ version: "1", stage: "prod" })).toEqual([-1]);
    expect(picked({ stage: "prod" })).toEqual([-1]);
  });

  it("is found in spite of other keys where these are allowed, by the first selector that finds its own", () => {
    const model = { allowRedundantKeys: true, selectors: [selector(["stage", "version"]), selector(["version"])] };
    const { picked } = setup(model, v1, v2, canary);
    expect(picked({ version: "2", other: 1 })).toEqual([1, 2]);
    expect(picked({ version: "2", stage: "canary", other: 1 })).toEqual([2]);
  });

  it("tells values of different types apart", () => {
    const { picked } = setup(
      { selectors: [selector(["v"])] },
      { v: 1 },
      { v: "1" },
      { v: true },
      { v: { a: 1, b: [2] } },
    );
    expect(picked({ v: 1 })).toEqual([0]);
    expect(picked({ v: "1" })).toEqual([1]);
    expect(picked({ v: { b: [2], a: 1 } })).toEqual([3]);
  });

  it("takes each entry of a list where it is told to", () => {
    const metadata = [{ v: ["1", "2"] }, { v: "2" }];
    expect(setup({ listAsAny: true, selectors: [selector(["v"])] }, ...metadata).picked({ v: "2" })).toEqual([0, 1]);
    expect(setup({ listAsAny: false, selectors: [selector(["v"])] }, ...metadata).picked({ v: "2" })).toEqual([1]);
    expect(setup({ selectors: [selector(["v"])] }, ...metadata).picked({ v: ["1", "2"] })).toEqual([0]);
  });

  it("has one host alone where it is told to, and says how many were left out", () => {
    const { picked, world } = setup({ selectors: [selector(["stage"], { singleHost: true })] }, v1, v2, canary);
    expect(picked({ stage: "prod" })).toEqual([0]);
    expect(world.gauge("lb_subsets_single_host_per_subset_duplicate").value).toBe(1);
  });

  it("fails where its hosts do, instead of falling back", () => {
    const world = new TestHosts();
    const hosts = [
      world.host({ metadata: { "envoy.lb": v1 }, health: "unhealthy" }),
      world.host({ metadata: { "envoy.lb": v2 } }),
    ];
    const policy = subsetPolicy({ fallback: "any", selectors: [selector(["version"])] });
    expect(world.balancer(hosts, policy, { panicPercent: 0 }).pick({ subset: { version: "1" } })).toBeNull();
  });

  it("remembers what an object of a route came to, and finds the same for others", () => {
    const { balancer, hosts } = setup({ selectors: [selector(["version"])] }, v1, v2);
    const ofRoute = { version: "2" };
    for (let i = 0; i < 5; i++) {
      expect(balancer.pick({ subset: ofRoute })).toBe(hosts[1]);
      expect(balancer.pick({ subset: { version: "1" } })).toBe(hosts[0]);
    }
  });
});

describe("without a subset", () => {
  const selectors = [selector(["version"])];

  it("there is no host, unless something else is said", () => {
    const { picked, balancer } = setup({ selectors }, v1);
    expect(picked({ version: "9" })).toEqual([-1]);
    expect(picked(null)).toEqual([-1]);
    expect(balancer.pick(null)).toBeNull();
  });

  it("any host will do", () => {
    const { picked, world } = setup({ selectors, fallback: "any" }, v1, v2, {});
    expect(picked({ version: "9" })).toEqual([0, 1, 2]);
    expect(picked(null)).toEqual([0, 1, 2]);
    expect(world.count("lb_subsets_fallback")).toBe(18);
  });

  it("the default subset is taken, and any host where that has none and panic says so", () => {
    const model = { selectors, fallback: "default", defaultSubset: { stage: "prod" } } as const;
    expect(setup(model, v1, v2, canary).picked({ version: "9" })).toEqual([0, 1]);
    expect(setup(model, canary).picked({ version: "9" })).toEqual([-1]);
    const { picked, world } = setup({ ...model, panicModeAny: true }, canary);
    expect(picked({ version: "9" })).toEqual([0]);
    expect(world.count("lb_subsets_fallback_panic")).toBe(3);
  });

  it.each<[SubsetSelectorModel["fallback"], number[]]>([
    ["inherit", [0, 1, 2]],
    ["none", [-1]],
    ["any", [0, 1, 2]],
    ["default", [2]],
  ])("a selector says itself what happens: %s", (fallback, expected) => {
    const model = {
      fallback: "any",
      defaultSubset: { stage: "canary" },
      selectors: [selector(["version"], { fallback })],
    } as const;
    expect(setup(model, v1, v2, canary).picked({ version: "9" })).toEqual(expected);
  });

  it("a selector looks again with fewer keys", () => {
    const both = selector(["stage", "version"], { fallback: "keys", fallbackKeys: ["stage"] });
    const model = { selectors: [both, selector(["stage"])] };
    const { picked } = setup(model, v1, v2, canary);
    expect(picked({ stage: "prod", version: "2" })).toEqual([1]);
    expect(picked({ stage: "prod", version: "9" })).toEqual([0, 1]);
    expect(picked({ stage: "none", version: "9" })).toEqual([-1]);
  });

  it("a request has others to try", () => {
    const { picked } = setup({ selectors, fallbackList: true }, v1, v2);
    const list = [{ version: "9" }, { version: "2" }, { version: "1" }];
    expect(picked({ fallback_list: list })).toEqual([1]);
    expect(picked({ version: "1", fallback_list: [] })).toEqual([0]);
    expect(picked({ version: "1", fallback_list: [{ version: "9" }] })).toEqual([-1]);
  });
});

describe("localities in subsets", () => {
  const zone = (name: string, weight: number) => ({ region: "", zone: name, subZone: "", weight });

  function share(model: Partial<SubsetModel>): number {
    const world = new TestHosts(3);
    const near = zone("near", 3);
    const hosts = [
      world.host({ metadata: { "envoy.lb": v1 }, locality: near }),
      world.host({ metadata: { "envoy.lb": v2 }, locality: near }),
      world.host({ metadata: { "envoy.lb": v2 }, locality: near }),
      world.host({ metadata: { "envoy.lb": v1 }, locality: zone("far", 1) }),
    ];
    const policy = subsetPolicy({ selectors: [selector(["version"])], ...model });
    const balancer = world.balancer(hosts, policy, { locality: { kind: "weighted" } });
    let count = 0;
    for (let i = 0; i < 1000; i++) if (balancer.pick({ subset: { version: "1" } }) === hosts[0]) count++;
    return count / 1000;
  }

  it("count for nothing, keep their weights, or lose what they have lost in hosts", () => {
    expect(share({})).toBe(0.5);
    expect(share({ localityWeightAware: true })).toBe(0.75);
    expect(share({ localityWeightAware: true, scaleLocalityWeight: true })).toBe(0.5);
  });
});
