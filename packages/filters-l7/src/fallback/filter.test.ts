import type { OpenFailure } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { L7Chain, type L7Options } from "../../../../test/support/l7-chain.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";
import type { ClusterSource, UpstreamCluster } from "../../../core/src/upstream/cluster-source.ts";
import { fallback } from "./index.ts";

/** Clusters that say what they would do; a refusal may be for one priority. */
class Saying implements ClusterSource {
  readonly refusals: Readonly<Record<string, OpenFailure | "high" | null>>;

  constructor(refusals: Saying["refusals"]) {
    this.refusals = refusals;
  }

  get(name: string): UpstreamCluster | undefined {
    const says = this.refusals[name];
    if (says === undefined) return undefined;
    const refusal = (isHigh: boolean) => (says === "high" ? (isHigh ? "overflow" : null) : says);
    return { name, statName: name, openStream: () => "overflow", connect: () => "overflow", refusal };
  }
}

type Entry = Partial<RouteEntry> & { to?: (name: string) => Entry };
const routeTo = (clusterName: string, more: object = {}): Entry => ({
  kind: "forward",
  clusterName,
  isHighPriority: false,
  perFilter: [],
  ...more,
  to: (name) => routeTo(name, more),
});

function chainOf(config: object, refusals: Saying["refusals"], options: L7Options = {}): L7Chain {
  return new L7Chain(fallback, config, {
    entry: routeTo("web"),
    ...options,
    services: { clusters: new Saying(refusals) },
  });
}
const counts = (chain: L7Chain): number[] =>
  ["rerouted", "answered", "helpless"].map((name) => chain.count(`http.test.fallback.${name}`));
const clusterOf = (chain: L7Chain): string => {
  const route = chain.terminal.handle?.route;
  return route?.kind === "forward" ? route.clusterName : "";
};
const both = { cluster: "backup", respond: { status: 200, body: "sorry", headers: { "x-a": "1" } } };

describe("fallback", () => {
  test.each([
    [both, { web: null, backup: null }, "web", [0, 0, 0]],
    [both, { web: "no_healthy_upstream", backup: null }, "backup", [1, 0, 0]],
    [both, { web: "overflow", backup: null }, "backup", [1, 0, 0]],
    [{ ...both, when: ["circuit_open"] }, { web: "no_healthy_upstream", backup: null }, "web", [0, 0, 0]],
    [{ ...both, when: ["no_healthy_host"] }, { web: "overflow", backup: null }, "web", [0, 0, 0]],
    // Neither helps: the router says why.
    [{ cluster: "backup" }, { web: "overflow", backup: "no_healthy_upstream" }, "web", [0, 0, 1]],
    [{ cluster: "backup" }, { web: "overflow" }, "web", [0, 0, 1]],
    [{ cluster: "web" }, { web: "overflow" }, "web", [0, 0, 1]],
    // What is not there is the route's business.
    [both, { backup: null }, "web", [0, 0, 0]],
    [{}, { web: "overflow" }, "web", [0, 0, 0]],
  ] as ReadonlyArray<[object, Saying["refusals"], string, number[]]>)(
    "%j, with clusters that say %j: the request goes to %s",
    async (config, refusals, cluster, counted) => {
      const chain = chainOf(config, refusals);
      await chain.harness.request();
      expect([clusterOf(chain), counts(chain)]).toEqual([cluster, counted]);
    },
  );

  test.each([
    ["no_healthy_upstream", "UH"],
    ["overflow", "UO"],
  ] as const)("answers where the other cluster takes nothing either: %s", async (refusal, flag) => {
    const chain = chainOf(both, { web: refusal, backup: "no_healthy_upstream" });
    const { sent, stream } = await chain.harness.request();
    expect(sent).toMatchObject({ status: 200, body: "sorry", headers: { "x-a": "1", "content-type": "text/plain" } });
    expect([stream.flags, stream.details]).toEqual([[flag], `fallback_${refusal}`]);
    expect([counts(chain), chain.terminal.frames]).toEqual([[0, 1, 0], []]);
  });

  it("asks for the priority of the route", async () => {
    for (const [isHighPriority, cluster] of [
      [true, "backup"],
      [false, "web"],
    ] as const) {
      const chain = chainOf(both, { web: "high", backup: null }, { entry: routeTo("web", { isHighPriority }) });
      await chain.harness.request();
      expect(clusterOf(chain)).toBe(cluster);
    }
  });

  it("is what a route says there", async () => {
    const chain = chainOf(
      { respond: {} },
      { web: "overflow" },
      { route: (path) => (path === "/own" ? [{ respond: { status: 418 } }] : path === "/none" ? [{}] : []) },
    );
    const statuses = [];
    for (const path of ["/", "/own", "/none"])
      statuses.push((await chain.harness.request({ ":path": path })).sent.status);
    expect(statuses).toEqual([503, 418, 0]);
  });

  it("leaves requests without a route to the router", async () => {
    const chain = chainOf(both, {}, { route: null });
    await chain.harness.request();
    expect(chain.terminal.frames).toContain("headers");
  });
});
