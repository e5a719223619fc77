import type { ResetReason, UpstreamHost } from "@sluice/sdk";
import { describe, expect, it, test, vi } from "vitest";
import { FAKE_HOST, FakeClusters } from "../../../../test/support/fake-cluster.ts";
import { world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

describe("forwarding", () => {
  it("sends the request as it comes and the response as it goes", () => {
    const { harness, clusters } = world();
    const client = harness.open().headers({ ":method": "POST", ":path": "/p", "x-a": "1" }, false).data("one");
    const upstream = clusters.last;
    client.data("two").trailers({ "x-t": "1" });
    expect(upstream.calls).toEqual(["headers", "data:3", "data:3", "trailers", "end"]);
    expect([upstream.headers!.method, upstream.headers!.path, upstream.headers!.get("x-a")]).toEqual([
      "POST",
      "/p",
      "1",
    ]);
    expect([upstream.body, upstream.trailers]).toEqual(["onetwo", [["x-t", "1"]]]);
    upstream.ready().informational(103).respond(201, { "x-r": "1" }, false).data("hello ").data("world");
    expect(client.sent).toMatchObject({ status: 201, body: "hello world", ended: false, informational: [103] });
    upstream.endWithTrailers({ "x-u": "2" });
    expect(client.sent).toMatchObject({ trailers: { "x-u": "2" }, ended: true });
    expect(client.stream).toMatchObject({
      details: "via_upstream",
      flags: [],
      upstreamClusterName: "web",
      upstreamHost: FAKE_HOST,
      upstreamAttempts: 1,
      upstreamLocalAddress: "10.0.0.9:50000",
    });
  });

  it("does not reset an exchange that both sides have ended", async () => {
    const { harness, clusters } = world();
    await harness.request();
    clusters.last.ready().respond(204);
    expect(clusters.last.calls).toEqual(["headers", "end"]);
  });

  it("resets the upstream's stream when it has answered before the request was complete", () => {
    const { harness, clusters } = world();
    const client = harness.open().headers({}, false).data("one");
    clusters.last.ready().respond(413, {}, false).data("no", true);
    expect(client.sent).toMatchObject({ status: 413, body: "no", ended: true });
    expect(clusters.last.calls.at(-1)).toBe("reset");
  });

  it("resets the upstream's stream when the client goes away", () => {
    const { harness, clusters } = world();
    harness.open().headers().abort();
    expect(clusters.last.calls).toEqual(["headers", "end", "reset"]);
  });

  it("lets the route finish both messages", async () => {
    const entry = {
      finalizeRequest: (headers: { set(n: string, v: string): void }) => headers.set("x-request", "route"),
      finalizeResponse: (headers: { set(n: string, v: string): void }) => headers.set("x-response", "route"),
    };
    const { harness, clusters } = world({ entry: entry as never });
    const client = await harness.request();
    clusters.last.ready().respond(200);
    expect(clusters.last.headers!.get("x-request")).toBe("route");
    expect(client.sent.headers["x-response"]).toBe("route");
  });

  it("answers 500 and gives its upstream stream up where the route cannot finish the request", async () => {
    const entry = {
      finalizeRequest: () => {
        throw new TypeError("path is not legal");
      },
    };
    const { harness, clusters } = world({ entry: entry as never });
    const client = await harness.request();
    expect(client.sent.status).toBe(500);
    expect(clusters.last.calls).toEqual(["reset"]);
  });

  it("calls the upstream by the name of the chosen host where the route says so, and the host has one", async () => {
    const nameless: UpstreamHost = { ...FAKE_HOST, hostname: FAKE_HOST.address };
    for (const [host, authority] of [
      [FAKE_HOST, "web.internal"],
      [nameless, "test.example"],
    ] as const) {
      const { harness, clusters } = world({ entry: { autoHostRewrite: true } as Partial<RouteEntry> });
      await harness.request();
      clusters.last.ready(host);
      expect(clusters.last.headers!.authority).toBe(authority);
    }
  });
});

describe("routes that do not forward", () => {
  it("no route is 404 NR", async () => {
    const { harness, chain } = world({ route: null });
    const client = await harness.request();
    expect(client.sent).toMatchObject({ status: 404, body: "", ended: true });
    expect(client.stream).toMatchObject({ details: "route_not_found", flags: ["NR"] });
    expect([chain.count("http.test.no_route"), chain.count("http.test.rq_total")]).toEqual([1, 1]);
  });

  it("a redirect has a location, and the headers of its route", async () => {
    const entry = {
      kind: "redirect",
      status: 308,
      location: () => "https://example.com/",
      finalizeResponse: (headers: { set(n: string, v: string): void }) => headers.set("x-response", "route"),
    };
    const { harness, chain } = world({ entry: entry as never });
    const client = await harness.request();
    expect(client.sent).toMatchObject({
      status: 308,
      body: "",
      headers: { location: "https://example.com/", "x-response": "route" },
      ended: true,
    });
    expect([client.stream.details, chain.count("http.test.rq_redirect")]).toEqual(["direct_response", 1]);
  });

  it("a direct response has its body", async () => {
    const entry = { kind: "direct", status: 200, body: Buffer.from("hello") } as never;
    const { harness, chain } = world({ entry });
    expect((await harness.request()).sent).toMatchObject({
      status: 200,
      body: "hello",
      headers: { "content-length": "5", "content-type": "text/plain" },
    });
    expect((await harness.request({ ":method": "HEAD" })).sent).toMatchObject({
      status: 200,
      body: "",
      headers: { "content-length": "5" },
      ended: true,
    });
    expect(chain.count("http.test.rq_direct_response")).toBe(2);
  });

  it.each([201, 302, 308])("a direct response %d names the request's own place", async (status) => {
    const { sent } = await world({ entry: { kind: "direct", status, body: null } as never }).harness.request({
      ":path": "/made?x",
    });
    expect(sent).toMatchObject({ status, headers: { location: "http://test.example/made?x" } });
  });

  it("a direct response may have a type of its own, or no body", async () => {
    const entry = {
      kind: "direct",
      status: 200,
      body: Buffer.from("{}"),
      finalizeResponse: (headers: { set(n: string, v: string): void }) =>
        headers.set("content-type", "application/json"),
    } as never;
    expect((await world({ entry }).harness.request()).sent.headers["content-type"]).toBe("application/json");
    const empty = await world({ entry: { kind: "direct", status: 204, body: null } as never }).harness.request();
    expect(empty.sent).toMatchObject({ status: 204, body: "", ended: true });
  });

  it("gRPC clients get a direct response as a gRPC status", async () => {
    const entry = { kind: "direct", status: 403, body: Buffer.from("no") } as never;
    const { sent } = await world({ entry }).harness.request({ "content-type": "application/grpc" });
    expect(sent).toMatchObject({ status: 200, headers: { "grpc-status": "7" }, body: "" });
  });
});

describe("clusters that cannot take a request", () => {
  it("one that does not exist is NC, with the status that the route says", async () => {
    const { harness, chain } = world({
      entry: { clusterName: "gone", clusterNotFoundStatus: 404 } as Partial<RouteEntry>,
    });
    const client = await harness.request();
    expect(client.sent).toMatchObject({ status: 404, body: "" });
    expect(client.stream).toMatchObject({ details: "cluster_not_found", flags: ["NC"], upstreamClusterName: "" });
    expect(chain.count("http.test.no_cluster")).toBe(1);
  });

  it("one without a healthy host is UH", async () => {
    const { harness, chain, clusters } = world();
    clusters.failure = "no_healthy_upstream";
    const client = await harness.request();
    expect(client.sent).toMatchObject({ status: 503, body: "no healthy upstream" });
    expect(client.stream).toMatchObject({ details: "no_healthy_upstream", flags: ["UH"], upstreamClusterName: "web" });
    expect([chain.count("cluster.web.upstream_rq_503"), chain.count("cluster.web.upstream_rq_5xx")]).toEqual([1, 1]);
  });

  it("one with too much to do is UO, and says so", async () => {
    const { harness, clusters } = world();
    clusters.failure = "overflow";
    const client = await harness.request();
    expect(client.sent).toMatchObject({
      status: 503,
      body: "upstream connect error or disconnect/reset before headers. reset reason: overflow",
      headers: { "x-envoy-overloaded": "true" },
    });
    expect(client.stream).toMatchObject({ details: "upstream_reset_before_response_started{overflow}", flags: ["UO"] });
    const quiet = world({ config: { suppress_envoy_headers: true } });
    quiet.clusters.failure = "overflow";
    expect((await quiet.harness.request()).sent.headers).not.toHaveProperty("x-envoy-overloaded");
  });
});

describe("the choice of a host", () => {
  it("is told what the route says, without asking for more than the cluster does", async () => {
    const hash = { addTo: vi.fn(() => null) };
    const { harness, clusters } = world({ entry: { subset: { version: "1" }, hash } as Partial<RouteEntry> });
    const client = harness.open().headers({ "x-user": "alice" });
    const { request } = clusters;
    expect(request?.subset).toEqual({ version: "1" });
    expect(request?.override).toBeNull();
    expect(hash.addTo).not.toHaveBeenCalled();
    const key = { add() {} };
    request!.hashKey!(key);
    expect(hash.addTo).toHaveBeenCalledWith(key, expect.objectContaining({ method: "GET" }), expect.anything());
    clusters.last.ready().respond(204);
    expect(client.sent.headers).not.toHaveProperty("set-cookie");
  });

  it("knows what filters left, which has the last word", () => {
    const { harness, clusters } = world({ entry: { subset: { version: "1", stage: "prod" } } as Partial<RouteEntry> });
    const client = harness.open().headers();
    client.stream.metadata.set("envoy.lb", { version: "2" });
    client.stream.upstreamOverride = { address: "10.0.0.1:80" };
    expect(clusters.request?.subset).toEqual({ version: "2", stage: "prod" });
    expect(clusters.request?.override).toEqual({ address: "10.0.0.1:80" });
  });

  it("gives the client the cookies that it made", () => {
    const hash = { addTo: () => ['a="1"; HttpOnly', 'b="2"; HttpOnly'] };
    const { harness, clusters } = world({ entry: { hash } as Partial<RouteEntry> });
    const client = harness.open().headers();
    clusters.request!.hashKey!({ add() {} });
    clusters.last.ready().respond(200, { "set-cookie": "own=1" });
    expect(client.sent.headers["set-cookie"]).toBe('own=1, a="1"; HttpOnly, b="2"; HttpOnly');
  });

  it("may be refused before it is made: DO", async () => {
    const { harness, chain, clusters } = world();
    clusters.failure = "drop_overload";
    const client = await harness.request();
    expect(client.sent).toMatchObject({ status: 503, body: "drop overload" });
    expect(client.stream).toMatchObject({ details: "drop_overload", flags: ["DO"] });
    expect(chain.count("cluster.web.upstream_rq_503")).toBe(1);
  });
});

describe("an upstream that fails before it answers", () => {
  test.each<[ResetReason, string, number, string, string]>([
    ["connection_failure", "connect ECONNREFUSED 10.0.0.1:80", 503, "UF", "remote connection failure"],
    ["connection_timeout", "", 503, "UF", "connection timeout"],
    ["connection_termination", "", 503, "UC", "connection termination"],
    ["remote_reset", "", 503, "UR", "remote reset"],
    ["protocol_error", "http1.bad_status", 502, "UPE", "protocol error"],
    ["overflow", "", 503, "UO", "overflow"],
    ["local_reset", "", 503, "LR", "local reset"],
  ])("%s (%s) is %i %s", async (reason, detail, status, flag, words) => {
    const { harness, clusters, chain } = world();
    const client = await harness.request();
    clusters.last.fail(reason, detail);
    const text = `upstream connect error or disconnect/reset before headers. reset reason: ${words}`;
    expect(client.sent).toMatchObject({ status, body: text, ended: true });
    const cause = detail === "" ? words : `${words}|${detail}`;
    expect(client.stream).toMatchObject({
      details: `upstream_reset_before_response_started{${cause.replaceAll(" ", "_")}}`,
      flags: [flag],
      upstreamHost: FAKE_HOST,
      upstreamFailure: detail,
    });
    expect(chain.count(`cluster.web.upstream_rq_${status}`)).toBe(1);
    expect(clusters.last.calls).not.toContain("reset");
  });

  it("is answered while the client still sends; what comes after is dropped", () => {
    const { harness, clusters } = world();
    const client = harness.open().headers({}, false).data("one");
    clusters.last.fail("connection_termination");
    expect(client.sent.status).toBe(503);
    client.data("two", true);
    expect(clusters.last.calls).toEqual(["headers", "data:3"]);
  });
});

describe("an upstream that fails after it has begun to answer", () => {
  it("resets the response", async () => {
    const { harness, clusters, chain } = world();
    const client = await harness.request();
    clusters.last.ready().respond(200, {}, false).data("half").fail("connection_termination");
    expect(client.sent).toMatchObject({ status: 200, body: "half", ended: false, resetReason: "local_reset" });
    expect(client.stream).toMatchObject({
      details: "upstream_reset_after_response_started{connection_termination}",
      flags: ["UC"],
    });
    expect([chain.count("cluster.web.upstream_rq_200"), chain.count("cluster.web.upstream_rq_503")]).toEqual([1, 0]);
  });
});

describe("headers of its own", () => {
  it("the time that the upstream took, from the end of the request", async () => {
    const { harness, clusters } = world();
    const client = await harness.request();
    harness.advance(40);
    clusters.last.ready().respond(200);
    expect(client.sent.headers["x-envoy-upstream-service-time"]).toBe("40");
  });

  it("none for an answer that came before the request had ended", () => {
    const { harness, clusters } = world();
    const client = harness.open().headers({}, false);
    clusters.last.ready().respond(200);
    expect(client.sent.headers).not.toHaveProperty("x-envoy-upstream-service-time");
  });

  it("are left out where they are suppressed", async () => {
    const entry = {
      timeoutMs: 1000,
      finalizeRequest: (headers: { set(n: string, v: string): void }) => {
        headers.set("x-envoy-original-path", "/old");
        headers.set("x-envoy-original-host", "route");
      },
    };
    const { harness, clusters } = world({ config: { suppress_envoy_headers: true }, entry: entry as never });
    const client = await harness.request({ "x-envoy-original-host": "client" });
    clusters.last.ready().respond(200);
    const { headers } = clusters.last;
    expect(
      ["x-envoy-expected-rq-timeout-ms", "x-envoy-original-path", "x-envoy-original-host"].map((name) =>
        headers!.get(name),
      ),
    ).toEqual([undefined, undefined, "client"]);
    expect(client.sent.headers).not.toHaveProperty("x-envoy-upstream-service-time");
  });
});

describe("back-pressure", () => {
  it("a slow upstream pauses the client, once however often it says so", () => {
    const { harness, clusters } = world();
    const client = harness.open().headers({}, false);
    const { events } = clusters.last;
    events.onUpstreamWriteHigh();
    events.onUpstreamWriteHigh();
    expect(client.sent.requestPaused).toBe(true);
    events.onUpstreamWriteLow();
    expect(client.sent.requestPaused).toBe(false);
    events.onUpstreamWriteLow();
    expect(client.sent.requestPaused).toBe(false);
  });

  it("a slow client pauses the upstream", async () => {
    const { harness, clusters } = world();
    const client = await harness.request();
    clusters.last.ready().respond(200, {}, false);
    client.clientSlow();
    client.clientFast();
    expect(clusters.last.calls).toEqual(["headers", "end", "pause", "unpause"]);
  });

  it("an upstream whose client is slow already starts paused", () => {
    const { harness, clusters } = world();
    const client = harness.open();
    client.clientSlow();
    client.headers();
    expect(clusters.last.calls).toEqual(["pause", "headers", "end"]);
  });
});

describe("statistics", () => {
  it("count responses by code and class, as long as they are wanted", async () => {
    for (const [config, expected] of [
      [{}, [2, 1, 1, 1, 1]],
      [{ dynamic_stats: false }, [0, 0, 0, 0, 0]],
    ] as const) {
      const { harness, clusters, chain } = world({ config });
      for (const status of [200, 404]) {
        await harness.request();
        clusters.last.ready().respond(status);
      }
      const names = ["completed", "200", "2xx", "404", "4xx"];
      expect(names.map((name) => chain.count(`cluster.web.upstream_rq_${name}`))).toEqual(expected);
    }
  });

  it("have no colon in the name of a cluster", async () => {
    const { harness, clusters, chain } = world({
      clusters: new FakeClusters(["a:b"]),
      entry: { clusterName: "a:b" } as Partial<RouteEntry>,
    });
    await harness.request();
    clusters.last.ready().respond(200);
    expect(chain.count("cluster.a_b.upstream_rq_200")).toBe(1);
  });
});
