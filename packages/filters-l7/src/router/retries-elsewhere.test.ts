// Retries beside what else a route does: tunnels, internal redirects.
import { describe, expect, it, test } from "vitest";
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
