// Redirects that the router does not follow: they are the client's, and counted by reason.
import { describe, expect, it, test } from "vitest";
import type { InternalRedirectModel } from "../../../core/src/config/model.ts";
import { NOTHING, TARGET, following, outcome } from "../../../../test/support/internal-redirects.ts";

describe("a redirect that is not followed goes to the client", () => {
  async function passes(
    policy: Partial<InternalRedirectModel>,
    headers: Record<string, string>,
    request: Record<string, string> = {},
  ): Promise<Record<string, number>> {
    const w = following(policy);
    const client = await w.harness.request({ ":path": "/old", ...request });
    w.clusters.last.ready().respond(302, headers);
    expect(client.sent).toMatchObject({ status: 302, ended: true });
    expect(w.clusters.streams).toHaveLength(1);
    expect(w.chain.count("cluster.web.upstream_rq_302")).toBe(1);
    return outcome(w);
  }

  test.each([
    "/new",
    "",
    "new",
    "http://",
    "ftp://test.example/new",
    "http://user@test.example/new",
    "http://:pass@test.example/new",
    "//test.example/new",
    "http://a b/",
  ])("where its location is %j", async (location) => {
    expect(await passes({}, { location })).toEqual({ ...NOTHING, failed: 1, badLocation: 1 });
  });

  it("where it has none", async () => {
    expect(await passes({}, {})).toEqual({ ...NOTHING, failed: 1 });
  });

  it("where it would change the scheme", async () => {
    const counts = await passes({}, { location: "https://test.example/new" });
    expect(counts).toEqual({ ...NOTHING, failed: 1, unsafeScheme: 1 });
  });

  it("where no route takes it", async () => {
    const counts = await passes({}, { location: "http://other.example/new" });
    expect(counts).toEqual({ ...NOTHING, failed: 1, noRoute: 1 });
  });

  it("where there were enough", async () => {
    expect(await passes({ maxRedirects: 0 }, TARGET)).toEqual({ ...NOTHING, failed: 1, tooMany: 1 });
  });

  it("where the list does not have its route", async () => {
    const predicates = [{ kind: "allow_listed_routes", names: ["again", "elsewhere"] }] as const;
    expect(await passes({ predicates }, TARGET)).toEqual({ ...NOTHING, failed: 1, predicate: 1 });
  });

  it("where it leads from http to https against the predicate", async () => {
    const predicates = [{ kind: "safe_cross_scheme" }] as const;
    const counts = await passes({ predicates, allowCrossScheme: true }, { location: "https://test.example/new" });
    expect(counts).toEqual({ ...NOTHING, failed: 1, predicate: 1 });
  });

  it("where it is of another status", async () => {
    const w = following({ statuses: [307] });
    const client = await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    expect(client.sent.status).toBe(302);
    expect(outcome(w)).toEqual(NOTHING);
  });

  it("where the request has not ended", () => {
    const w = following();
    const client = w.harness.open().headers({ ":method": "POST", ":path": "/old" }, false);
    w.clusters.last.ready().respond(302, TARGET);
    expect(client.sent.status).toBe(302);
    expect(outcome(w)).toEqual({ ...NOTHING, failed: 1 });
  });

  it.each([
    ["of the stream", {}, "seventeen bytes !!"],
    ["of the route", { bufferLimitBytes: 4 }, "five!"],
  ])("where the body is longer than the limit %s", (_name, more, body) => {
    const w = following({}, more);
    const client = w.harness.open().headers({ ":method": "POST", ":path": "/old" }, false).data(body, true);
    expect(w.clusters.last.body).toBe(body);
    w.clusters.last.ready().respond(302, TARGET);
    expect(client.sent.status).toBe(302);
    expect(outcome(w)).toEqual({ ...NOTHING, failed: 1 });
    expect(w.chain.count("cluster.web.retry_or_shadow_abandoned")).toBe(1);
  });

  it("where the client wants a tunnel", () => {
    const w = following();
    const client = w.harness.open().headers({ ":path": "/old", upgrade: "websocket" }, true);
    w.clusters.last.ready().respond(302, TARGET);
    expect(client.sent.status).toBe(302);
  });
});

describe("a circle of redirects", () => {
  it("ends when there were enough", async () => {
    const w = following({ maxRedirects: 3 });
    const client = await w.harness.request({ ":path": "/old" });
    for (let i = 0; i < 4; i++) w.clusters.last.ready().respond(302, { location: "http://test.example/old" });
    expect([w.clusters.streams.length, client.sent.status]).toEqual([4, 302]);
    expect(outcome(w)).toEqual({ ...NOTHING, succeeded: 3, failed: 1, tooMany: 1 });
  });

  it("ends where a route would be followed to twice", async () => {
    const w = following({ maxRedirects: 9, predicates: [{ kind: "previous_routes" }] });
    const client = await w.harness.request({ ":path": "/old" });
    const again = { location: "http://test.example/again" };
    // From old to again, from again to itself; then from again to itself once more.
    for (let i = 0; i < 3; i++) w.clusters.last.ready().respond(302, again);
    expect([w.clusters.streams.length, client.sent.status]).toEqual([3, 302]);
    expect(outcome(w)).toMatchObject({ succeeded: 1, predicate: 1 });
  });
});
