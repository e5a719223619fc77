import { describe, expect, it } from "vitest";
import { INTERNAL_CLIENT, world } from "../../../../test/support/router-world.ts";
import { headerMatch, route, routeConfig, text, virtualHost } from "../../../../test/support/route-model.ts";

const counted = routeConfig([
  virtualHost({
    name: "shop",
    virtualClusters: [
      { name: "posts", headers: [headerMatch(":method", { kind: "string", matcher: text("exact", "POST") })] },
      { name: "gets", headers: [headerMatch(":method", { kind: "string", matcher: text("exact", "GET") })] },
    ],
    routes: [route({ statPrefix: "front" })],
  }),
]);

describe("requests are counted", () => {
  it("as their route's and their virtual cluster's", async () => {
    const { harness, clusters, chain } = world({ routeConfig: counted });
    await harness.request({ ":method": "POST" });
    clusters.last.ready().respond(201);
    await harness.request({ ":method": "GET" });
    clusters.last.ready().respond(404);
    await harness.request({ ":method": "PUT" });
    clusters.last.fail("connection_failure");
    const count = (name: string): number => chain.count(name);
    expect(count("vhost.shop.route.front.upstream_rq_total")).toBe(2);
    expect(count("vhost.shop.route.front.upstream_rq_completed")).toBe(3);
    expect(count("vhost.shop.route.front.upstream_rq_201")).toBe(1);
    expect(count("vhost.shop.route.front.upstream_rq_5xx")).toBe(1);
    expect(count("vhost.shop.vcluster.posts.upstream_rq_2xx")).toBe(1);
    expect(count("vhost.shop.vcluster.gets.upstream_rq_404")).toBe(1);
    expect(count("vhost.shop.vcluster.other.upstream_rq_503")).toBe(1);
    expect(count("vhost.shop.vcluster.other.upstream_rq_total")).toBe(0);
    expect(count("cluster.web.upstream_rq_completed")).toBe(3);
  });

  it("when their time is up", async () => {
    const { harness, chain } = world({ routeConfig: counted });
    await harness.request();
    harness.advance(15_010);
    expect(chain.count("vhost.shop.route.front.upstream_rq_timeout")).toBe(1);
    expect(chain.count("vhost.shop.vcluster.gets.upstream_rq_timeout")).toBe(1);
  });

  it("under the name that an internal client asks for, which the upstream does not see", async () => {
    const { harness, clusters, chain } = world();
    await harness.request({ ...INTERNAL_CLIENT, "x-envoy-upstream-alt-stat-name": "batch" });
    clusters.last.ready().respond(200);
    expect(clusters.last.headers!.has("x-envoy-upstream-alt-stat-name")).toBe(false);
    expect(chain.count("cluster.web.batch.upstream_rq_200")).toBe(1);
    expect(chain.count("cluster.web.upstream_rq_200")).toBe(1);
  });

  it("under so many names at most", async () => {
    const { harness, clusters, chain } = world();
    for (let i = 0; i < 300; i++) {
      await harness.request({ ...INTERNAL_CLIENT, "x-envoy-upstream-alt-stat-name": `n${i}` });
      clusters.last.ready().respond(200);
    }
    expect([chain.count("cluster.web.n255.upstream_rq_200"), chain.count("cluster.web.n256.upstream_rq_200")]).toEqual([
      1, 0,
    ]);
  });
});

describe("x-envoy-attempt-count in the response", () => {
  it("is there where the virtual host wants it", async () => {
    const config = routeConfig([virtualHost({ includeAttemptCountInResponse: true, routes: [route()] })]);
    const { harness, clusters } = world({ routeConfig: config });
    const client = await harness.request();
    clusters.last.ready().respond(200, { "x-envoy-attempt-count": "7" });
    expect(client.sent.headers["x-envoy-attempt-count"]).toBe("1");
    const failed = await harness.request();
    clusters.last.fail("connection_failure");
    expect(failed.sent).toMatchObject({ status: 503, headers: { "x-envoy-attempt-count": "1" } });
    clusters.failure = "no_healthy_upstream";
    expect((await harness.request()).sent.headers).not.toHaveProperty("x-envoy-attempt-count");
  });
});
