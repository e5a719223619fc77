// What is said of hosts is what the balancer does: whoever is said to be out of the question is never picked, everybody else is now and then.
import fc from "fast-check";
import type { HostChoice } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { type BalancerModel, type BalancingModel, PLAIN_ROUND_ROBIN } from "../config/balancing-model.ts";
import type { ClusterModel } from "../config/model.ts";
import { HEALTH_FLAG } from "../upstream/health/health-flags.ts";
import type { HostModel } from "../upstream/host.ts";
import { TestHosts } from "../upstream/load-balancing/test-hosts.ts";
import { type ClusterExplanation, explainCluster } from "./explain-cluster.ts";

type Lb = Partial<BalancingModel>;

function host(port: number, model: Partial<HostModel> = {}): HostModel {
  return { address: { kind: "ip", host: "10.0.0.1", port }, hostname: "", weight: 1, health: "healthy", ...model };
}

function cluster(name: string, lb: Lb = {}, discovery: object = { kind: "static" }): ClusterModel {
  return { name, lb: { ...PLAIN_ROUND_ROBIN, ...lb }, discovery } as unknown as ClusterModel;
}

function ask(hosts: readonly HostModel[], lb: Lb = {}, choice: HostChoice | null = null): ClusterExplanation {
  const model = cluster("c", lb);
  return explainCluster(model, [model], { hostsOf: () => hosts }, choice);
}

/** By port. */
function whys({ hosts }: ClusterExplanation): Record<string, string> {
  return Object.fromEntries(hosts.map(({ address, why }) => [address.split(":")[1]!, why]));
}

const ring: BalancerModel = {
  kind: "ring_hash",
  hash: "xx_hash",
  minSize: 64,
  maxSize: 1024,
  useHostname: false,
  balanceFactor: 0,
};
const maglev: BalancerModel = { kind: "maglev", tableSize: 251, useHostname: false, balanceFactor: 0 };

const hostModels = fc
  .array(
    fc.record({
      health: fc.constantFrom("healthy", "healthy", "unhealthy", "degraded", "draining"),
      priority: fc.nat(2),
      weight: fc.integer({ min: 1, max: 3 }),
      locality: fc.option(
        fc.constantFrom("a", "b").map((zone) => ({ region: "", zone, subZone: "", weight: zone === "a" ? 2 : 0 })),
        { nil: undefined },
      ),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((models) => models.map(({ locality, ...rest }, i) => host(i + 1, { ...rest, ...(locality && { locality }) })));

describe("what is said", () => {
  test.each([
    ["round robin", { kind: "round_robin", slowStart: null }],
    ["random", { kind: "random" }],
    ["the first", { kind: "pick_first", shuffle: false }],
    ["a ring", ring],
    ["a table", maglev],
  ] as const)("is what happens: %s", (_name, policy) => {
    const options = fc.record({
      panicPercent: fc.constantFrom(0, 50),
      locality: fc.constantFrom({ kind: "none" } as const, { kind: "weighted" } as const),
    });
    fc.assert(
      fc.property(hostModels, options, (models, lb) => {
        const said = ask(models, { policy, ...lb }, {});
        const world = new TestHosts();
        const hosts = models.map((model, i) => world.host({ ...model, address: host(i + 1).address }));
        const balancer = world.balancer(hosts, policy, lb);
        const picked = new Set<string>();
        for (let i = 0; i < 4000; i++) picked.add(balancer.pick({})?.address ?? "none");
        picked.delete("none");
        const open = said.hosts.filter(({ why }) => why.startsWith("yes")).map(({ address }) => address);
        expect([...picked].sort(), JSON.stringify(said.hosts)).toEqual(open.sort());
        expect(said.hosts.every(({ why }) => /^(yes|no)(:|$)/.test(why))).toBe(true);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test("priorities, health and what discovery says", () => {
    const said = ask([
      host(1),
      host(2, { flags: HEALTH_FLAG.failedActiveHc }),
      host(3, { health: "draining" }),
      host(4, { priority: 1 }),
      host(5, { priority: 2 }),
    ]);
    expect(said.priorities.map(({ healthy }) => healthy)).toEqual([70, 30, 0]);
    expect(whys(said)).toEqual({
      1: "yes: priority 0 has 70 % of the load",
      2: "no: failed_active_hc; only in panic",
      3: "no: draining",
      4: "yes: priority 1 has 30 % of the load",
      5: "no: priority 2 has 0 % of the load",
    });
  });

  test("panic", () => {
    const sick = { flags: HEALTH_FLAG.failedActiveHc };
    expect(whys(ask([host(1), host(2, sick), host(3, sick)]))).toEqual({
      1: "yes: panic: health does not count",
      2: "yes: panic: health does not count (failed_active_hc)",
      3: "yes: panic: health does not count (failed_active_hc)",
    });
    const zoneAware = {
      kind: "zone_aware",
      localCluster: "c",
      local: { region: "", zone: "a", subZone: "" },
      routingPercent: 100,
      minClusterSize: 6,
      failTrafficOnPanic: true,
    } as const;
    expect(whys(ask([host(1), host(2, sick), host(3, sick)], { locality: zoneAware }))[1]).toBe(
      "no: panic, in which requests fail",
    );
  });

  test("an ejected host: for what, and for how long yet; one on probation is tried", () => {
    const outlier = { successRate: -1, localSuccessRate: -1, ejections: 1, leftMs: 12_340, counts: {} };
    const flags = HEALTH_FLAG.failedOutlier;
    const model = cluster("c");
    const known = (more: number) => ({
      hostsOf: () => [host(1), host(2), host(3, { flags: flags | more })],
      hostHealth: () => ({ flags, outlier: { ...outlier, cause: "consecutive_5xx" as const } }),
    });
    const ejected = "failed_outlier_check, ejected for consecutive_5xx, 12.3 s left";
    expect(whys(explainCluster(model, [model], known(0), null))[3]).toBe(`no: ${ejected}; only in panic`);
    expect(whys(explainCluster(model, [model], known(HEALTH_FLAG.probation), null))[3]).toBe(
      "yes: single requests only: failed_outlier_check, outlier_probation, ejected for consecutive_5xx, 12.3 s left",
    );
  });

  test("the host of a hash, and the one that the request names", () => {
    const hosts = [host(1), host(2), host(3)];
    const said = ask(hosts, { policy: ring }, { hashKey: (key) => key.add("a user") });
    expect(said.notes).toEqual([expect.stringMatching(/^hash 0x[0-9a-f]{16}$/)]);
    expect(said.hosts.filter(({ why }) => why === "yes: the hash leads there")).toHaveLength(1);
    expect(ask(hosts, { policy: ring }, {}).notes).toEqual(["no hash policy of the route finds anything: any host"]);
    // Of no request in particular all may be picked.
    expect(ask(hosts, { policy: ring }).host).toBeNull();
    const policy = { kind: "override_host", sources: [{ kind: "header", name: "x-host" }], policy: ring } as const;
    const headers = { get: () => "10.0.0.1:2" } as never;
    expect(whys(ask(hosts, { policy }, { headers }))).toMatchObject({
      1: "no: 10.0.0.1:2 is picked: the request names it",
      2: "yes: the request names it",
    });
  });

  test("subsets: the one that is asked for, and what is done where there is none", () => {
    const hosts = [1, 2, 3].map((port) =>
      host(port, { metadata: { "envoy.lb": { version: port === 3 ? "two" : "one" } } }),
    );
    const subset = {
      fallback: "default",
      defaultSubset: { version: "two" },
      selectors: [{ keys: ["version"], fallback: "inherit", fallbackKeys: [], singleHost: false }],
      localityWeightAware: false,
      scaleLocalityWeight: false,
      panicModeAny: false,
      listAsAny: false,
      fallbackList: false,
      allowRedundantKeys: false,
    } as const;
    const policy: BalancerModel = { kind: "subset", subset, policy: { kind: "random" } };
    const one = ask(hosts, { policy }, { subset: { version: "one" } });
    expect(one.notes).toEqual(['subset {"version":"one"}: found']);
    expect(whys(one)).toEqual({ 1: "yes", 2: "yes", 3: "no: not in the subset" });
    const three = ask(hosts, { policy }, { subset: { version: "three" } });
    expect(three.notes).toEqual([
      'subset {"version":"three"}: there is none',
      'falls back to subset {"version":"two"}',
    ]);
    expect(whys(three)).toEqual({ 1: "no: not in the subset", 2: "no: not in the subset", 3: "yes" });
    const none = { ...policy, subset: { ...subset, fallback: "none" } } as const;
    const nobody = ask(hosts, { policy: none }, { subset: { version: "three" } });
    expect(Object.values(whys(nobody))).toEqual(Array(3).fill("no: the request may have none of the cluster's hosts"));
    expect(Object.values(whys(ask(hosts, { policy: none })))).toEqual(["yes", "yes", "yes"]);
  });

  test("the clusters of an aggregate one, with the share of each", () => {
    const first = cluster("first");
    const second = cluster("second", { policy: ring });
    const whole = cluster("whole", {}, { kind: "aggregate", clusters: ["first", "second"] });
    const hosts = { first: [host(1), host(2, { flags: HEALTH_FLAG.failedActiveHc })], second: [host(3)] };
    const known = { hostsOf: ({ name }: ClusterModel) => hosts[name as "first"] };
    const said = explainCluster(whole, [first, second, whole], known, { hashKey: (key) => key.add("x") });
    expect(said.priorities.map(({ cluster: name, healthy }) => [name, healthy])).toEqual([
      ["first", 70],
      ["second", 30],
    ]);
    expect(whys(said)).toEqual({
      1: "yes: priority 0 has 70 % of the load",
      2: "no: failed_active_hc; only in panic",
      3: "yes: priority 0 has 30 % of the load",
    });
  });
});
