import { describe, expect, it, test } from "vitest";
import { INTERNAL_CLIENT, world } from "../../../../test/support/router-world.ts";
import {
  forward,
  route,
  routeConfig,
  routeMatch,
  virtualHost,
  weighted,
} from "../../../../test/support/route-model.ts";
import { TapSession } from "../../../core/src/tap/tap-session.ts";
import { FakeClusters } from "../../../../test/support/fake-cluster.ts";
import { NOTHING, POLICY, TARGET, following, outcome, valueOf } from "../../../../test/support/internal-redirects.ts";

describe("a redirect that is followed", () => {
  it("becomes a request of its own, and its answer is the client's", async () => {
    const w = following();
    const client = await w.harness.request({ ":path": "/old/a?q=1", "x-mine": "1" });
    const first = w.clusters.last.ready();
    expect(first.headers!.path).toBe("/rewritten/a?q=1");
    first.respond(302, TARGET);
    const second = w.clusters.last;
    expect(second).not.toBe(first);
    expect([second.headers!.method, second.headers!.authority, second.headers!.path]).toEqual([
      "GET",
      "test.example",
      "/new?x=1",
    ]);
    // What the route of the first request did is not in the second.
    expect([...second.headers!].filter(([name]) => /^x-(by|mine|envoy-original)/.test(name))).toEqual([
      ["x-mine", "1"],
      ["x-envoy-original-url", "http://test.example/old/a?q=1"],
      ["x-by", "route"],
    ]);
    second.ready().respond(200, { "x-from": "new" }, false).data("hello", true);
    expect(client.sent).toMatchObject({ status: 200, body: "hello", headers: { "x-from": "new" }, ended: true });
    expect(outcome(w)).toEqual({ ...NOTHING, succeeded: 1 });
    expect(first.calls).toEqual(["headers", "end"]);
  });

  it("has a line in the access log, as has what came of it", async () => {
    const w = following();
    await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    w.clusters.last.ready().respond(200);
    expect(w.logged.map(({ status, details, route: taken }) => [status, details, taken?.name])).toEqual([
      [302, "internal_redirect", "old"],
      [200, "via_upstream", "new"],
    ]);
    expect(new Set(w.logged.map(({ id }) => id)).size).toBe(2);
    const { stats } = w.harness.manager;
    expect([stats.rqTotal, stats.rqActive, stats.rqCompleted].map(valueOf)).toEqual([2, 0, 1]);
  });

  it("resets a response that goes on", async () => {
    const w = following();
    await w.harness.request({ ":path": "/old" });
    const first = w.clusters.last.ready().respond(302, TARGET, false);
    expect(first.calls.at(-1)).toBe("reset");
    expect(w.clusters.streams).toHaveLength(2);
  });

  test.each([301, 302, 303, 307, 308])("of status %d goes on with its method", async (status) => {
    const w = following({ statuses: [301, 302, 303, 307, 308] });
    const client = w.harness.open().headers({ ":method": "PUT", ":path": "/old", "content-length": "3" }, false);
    client.data("abc", true);
    w.clusters.last.ready().respond(status, TARGET);
    const { headers, body } = w.clusters.last;
    const dropped = status === 303;
    expect([headers!.method, body, headers!.get("content-length")]).toEqual(
      dropped ? ["GET", "", undefined] : ["PUT", "abc", "3"],
    );
  });

  it("has the body and the trailers of the request again", () => {
    const w = following();
    const client = w.harness.open().headers({ ":method": "POST", ":path": "/old" }, false);
    client.data("one").data("two").trailers({ "x-t": "1" });
    w.clusters.last.ready().respond(302, TARGET);
    const second = w.clusters.last;
    expect([second.body, second.trailers, second.calls.at(-1)]).toEqual(["onetwo", [["x-t", "1"]], "end"]);
  });

  it("copies the headers that the policy names, and takes those away that the redirect lacks", async () => {
    const w = following({ responseHeadersToCopy: ["x-copied", "x-lacking"] });
    await w.harness.request({ ":path": "/old", "x-copied": "mine", "x-lacking": "mine" });
    w.clusters.last.ready().respond(302, { ...TARGET, "x-copied": "theirs", "x-other": "theirs" });
    const { headers } = w.clusters.last;
    expect([headers!.get("x-copied"), headers!.has("x-lacking"), headers!.has("x-other")]).toEqual([
      "theirs",
      false,
      false,
    ]);
  });

  it("is not made an external request by its own x-forwarded-for", async () => {
    const w = following();
    const client = await w.harness.request({
      ...INTERNAL_CLIENT,
      ":path": "/old",
      "x-envoy-upstream-rq-timeout-ms": "70",
    });
    const remote = client.stream.remote.address;
    w.clusters.last.ready().respond(302, TARGET);
    const { headers } = w.clusters.last;
    expect(headers!.getAll("x-forwarded-for")).toEqual(["10.1.2.3"]);
    expect(headers!.getAll("x-envoy-internal")).toEqual(["true"]);
    expect(headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("70");
    w.clusters.last.ready().respond(200);
    expect(w.logged.map((line) => line.remote.address)).toEqual([remote, remote]);
  });

  it("may lead to a route that answers itself", async () => {
    const w = following();
    const client = await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, { location: "http://test.example/elsewhere" });
    expect(client.sent).toMatchObject({ status: 301, headers: { location: "http://elsewhere.example/elsewhere" } });
  });

  it("drops the fragment of the place", async () => {
    const w = following();
    await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, { location: "HTTP://Test.Example:80/x/../new?y#part" });
    const { headers } = w.clusters.last;
    expect([headers!.authority, headers!.path, headers!.scheme]).toEqual(["test.example", "/new?y", "http"]);
  });

  it("is on record without what the client got in its place", async () => {
    const w = following();
    const { tap } = w.harness.manager;
    tap.session = new TapSession({ listener: "", pathPrefix: "/", count: 2, maxBytes: 100, redact: [] });
    await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    w.clusters.last.ready().respond(200, {}, false).data("hello", true);
    const frames = tap.session.take().map(({ details, to_client }) => [details, to_client.map(({ kind }) => kind)]);
    expect(frames).toEqual([
      ["internal_redirect", []],
      ["via_upstream", ["response", "data"]],
    ]);
  });

  it("may name its place in UTF-8", async () => {
    const w = following();
    await w.harness.request({ ":path": "/old" });
    const location = Buffer.from("http://test.example/new/é?ü", "utf8").toString("latin1");
    w.clusters.last.ready().respond(302, { location });
    expect(w.clusters.last.headers!.path).toBe("/new/%C3%A9?%C3%BC");
  });

  it("takes the route that the predicates have judged, also where chance decides", async () => {
    const half = { runtimeFraction: { key: "", numerator: 50, denominator: 100 } as const, cookies: [], tls: null };
    const rare = { ...half, metadata: [], filterState: [] };
    const at = (value: string) => ({ kind: "prefix", value }) as const;
    const predicates = [{ kind: "allow_listed_routes", names: ["listed"] }] as const;
    const routes = [
      route({
        name: "listed",
        match: routeMatch({ path: at("/new"), rare }),
        action: forward({ clusters: [weighted("listed")] }),
      }),
      route({ name: "other", match: routeMatch({ path: at("/new") }) }),
      route({ match: routeMatch(), action: forward({ internalRedirect: { ...POLICY, predicates } }) }),
    ];
    const w = world({
      routeConfig: routeConfig([virtualHost({ routes })]),
      clusters: new FakeClusters(["web", "listed"]),
    });
    // Of the place in a hundred, the first draw makes 0, those that follow make 60. A draw takes two numbers.
    let asked = 0;
    const below = (bound: number) => (asked++ < 2 || bound !== 2 ** 32 ? 0 : 60 * 1024);
    Object.assign(w.harness.manager, { random: { below } });
    const client = await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    w.clusters.last.ready().respond(200);
    expect([client.sent.status, w.clusters.streams.length]).toEqual([200, 2]);
    expect(w.chain.count("cluster.listed.upstream_rq_200")).toBe(1);
  });
});

describe("what the client does meanwhile comes to the new request", () => {
  it("when it goes away", async () => {
    const w = following();
    const client = await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    client.abort();
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
    expect(w.logged.map(({ details }) => details)).toEqual(["internal_redirect", "downstream_remote_disconnect"]);
    expect(valueOf(w.harness.manager.stats.rqActive)).toBe(0);
  });

  it("when it reads slowly", async () => {
    const w = following();
    const client = await w.harness.request({ ":path": "/old" });
    w.clusters.last.ready().respond(302, TARGET);
    w.clusters.last.ready().respond(200, {}, false);
    client.clientSlow();
    expect(w.clusters.last.calls.at(-1)).toBe("pause");
    client.clientFast();
    expect(w.clusters.last.calls.at(-1)).toBe("unpause");
  });

  it("through several redirects", async () => {
    const w = following({ maxRedirects: 3 });
    const client = await w.harness.request({ ":path": "/old" });
    for (let i = 0; i < 3; i++) w.clusters.last.ready().respond(302, { location: "http://test.example/again" });
    expect(w.clusters.streams).toHaveLength(4);
    client.abort();
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
    expect(w.logged).toHaveLength(4);
  });
});
