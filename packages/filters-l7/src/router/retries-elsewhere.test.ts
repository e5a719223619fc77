// Retries beside what else a route does: tunnels, internal redirects.
import { describe, expect, it, test } from "vitest";
import { FAKE_HOST } from "../../../../test/support/fake-cluster.ts";
import { TARGET, following } from "../../../../test/support/internal-redirects.ts";
import { retryModel, retryPolicy } from "../../../../test/support/retry-policy.ts";
import { INTERNAL_CLIENT, world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

/** Longer than any back-off of the tests. */
const WAITED = 300;
const ASKING = {
  "x-envoy-retry-on": "5xx",
  "x-envoy-max-retries": "3",
  "x-envoy-upstream-rq-per-try-timeout-ms": "100",
};

describe("a tunnel", () => {
  it.each([
    ["an upgrade", { connection: "upgrade", upgrade: "websocket" }],
    ["CONNECT", { ":method": "CONNECT", ":authority": "test.example:443" }],
  ])("is never sent again, whatever route and client ask: %s", (_, headers) => {
    const entry = { retry: retryPolicy(), timeoutMs: 15_000 } as Partial<RouteEntry>;
    const w = world({ entry });
    const client = w.harness.open().headers({ ...INTERNAL_CLIENT, ...ASKING, ...headers }, false);
    const names = [...w.clusters.last.headers!].map(([name]) => name);
    expect(names.filter((name) => name.startsWith("x-envoy-retry") || name.startsWith("x-envoy-max"))).toEqual([]);
    w.clusters.last.ready();
    w.harness.advance(WAITED);
    expect(w.clusters.last.calls).not.toContain("reset");
    w.clusters.last.respond(503);
    w.harness.advance(WAITED);
    expect([w.clusters.streams.length, client.sent.status]).toEqual([1, 503]);
  });
});

describe("a policy that leaves out priorities", () => {
  const places = ["a", "b", "c", "d"].map((cluster) => ({ ...FAKE_HOST, cluster }));

  /** For each attempt the hosts beside which it would have none; null: it does not matter. */
  function leftOut(priorityUpdateFrequency: number, forgetsAt = -1): (string[] | null)[] {
    const entry = { retry: retryPolicy({ retries: 3, priorityUpdateFrequency }), timeoutMs: 15_000 };
    const w = world({ entry: entry as Partial<RouteEntry> });
    w.harness.open().headers({}, true);
    return places.map((host, i) => {
      const priorities = w.clusters.request!.priorities ?? null;
      const seen = priorities && priorities.hosts.map(({ cluster }) => cluster);
      if (i === forgetsAt) priorities!.forget();
      // A host that takes no connection was tried too.
      if (i === 1) w.clusters.last.fail("connection_failure", "", host);
      else w.clusters.last.ready(host).respond(503);
      w.harness.advance(WAITED);
      return seen;
    });
  }

  it("says after each attempt where they went, and nothing for the first", () => {
    expect(leftOut(1)).toEqual([null, ["a"], ["a", "b"], ["a", "b", "c"]]);
  });

  it("or after every second one", () => {
    expect(leftOut(2)).toEqual([null, [], ["a", "b"], ["a", "b"]]);
  });

  it("begins anew when the cluster knows no other", () => {
    expect(leftOut(1, 2)).toEqual([null, ["a"], ["a", "b"], ["c"]]);
  });

  it("costs those nothing who do not ask for it", () => {
    expect(leftOut(0)).toEqual([null, null, null, null]);
  });
});

test("a retry draws from the cluster as it is then, and gives back to the one that it drew from", async () => {
  const w = world({ entry: { retry: retryPolicy({ retries: 3 }), timeoutMs: 15_000 } as Partial<RouteEntry> });
  const seen: string[] = [];
  const version = (name: string) => ({
    take: () => seen.push(`${name} takes`) > 0,
    giveBack: () => void seen.push(`${name} gets back`),
  });
  w.clusters.retries = version("old");
  const client = await w.harness.request();
  w.clusters.retries = version("new");
  w.clusters.last.ready().respond(503);
  w.clusters.retries = version("newest");
  w.harness.advance(WAITED);
  w.clusters.last.ready().respond(503);
  w.harness.advance(WAITED);
  w.clusters.last.ready().respond(200);
  expect(client.sent.status).toBe(200);
  expect(seen).toEqual(["new takes", "new gets back", "newest takes", "newest gets back"]);
});

test("a request is sent again until there is an internal redirect, and what that makes is its own route's", () => {
  const w = following({ statuses: [307] }, { retry: retryModel() });
  const client = w.harness.open().headers({ ":method": "POST", ":path": "/old" }, false).data("body", true);
  for (const status of [503, 307, 503]) {
    expect(w.clusters.last.body).toBe("body");
    w.clusters.last.ready().respond(status, status === 307 ? TARGET : {});
    w.harness.advance(WAITED);
  }
  expect(client.sent.status).toBe(503);
  expect(w.clusters.streams.map(({ headers }) => headers!.path)).toEqual(["/rewritten", "/rewritten", "/new?x=1"]);
});
