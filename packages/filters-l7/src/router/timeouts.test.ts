import { describe, expect, it, test } from "vitest";
import { INTERNAL_CLIENT, world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

describe("the route's time-out", () => {
  const entry = { timeoutMs: 1000 } as Partial<RouteEntry>;

  it("is told to the upstream, and answers 504 UT when it is over", async () => {
    const { harness, clusters, chain } = world({ entry });
    const client = await harness.request();
    expect(clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("1000");
    harness.advance(990);
    expect(client.sent.status).toBe(0);
    harness.advance(20);
    expect(client.sent).toMatchObject({ status: 504, body: "upstream request timeout" });
    expect(client.stream).toMatchObject({ details: "response_timeout", flags: ["UT"] });
    expect(clusters.last.calls.at(-1)).toBe("reset");
    expect([chain.count("cluster.web.upstream_rq_timeout"), chain.count("cluster.web.upstream_rq_504")]).toEqual([
      1, 1,
    ]);
  });

  it("begins when the request has ended", () => {
    const { harness } = world({ entry });
    const client = harness.open().headers({}, false);
    harness.advance(5000);
    expect(client.sent.status).toBe(0);
    client.data("", true);
    harness.advance(1010);
    expect(client.sent.status).toBe(504);
  });

  it("lasts until the response has ended: then it resets", async () => {
    const { harness, clusters, chain } = world({ entry });
    const client = await harness.request();
    clusters.last.ready().respond(200, {}, false);
    harness.advance(1010);
    expect(client.sent).toMatchObject({ status: 200, resetReason: "local_reset" });
    expect(client.stream).toMatchObject({ details: "response_timeout", flags: ["UT"] });
    expect([chain.count("cluster.web.upstream_rq_timeout"), chain.count("cluster.web.upstream_rq_504")]).toEqual([
      1, 0,
    ]);
  });

  it("ends with the response", async () => {
    const { harness, clusters, chain } = world({ entry });
    const client = await harness.request();
    clusters.last.ready().respond(200);
    harness.advance(2000);
    expect([client.sent.ended, chain.count("cluster.web.upstream_rq_timeout")]).toEqual([true, 0]);
  });

  it("of nothing is none", async () => {
    const { harness, clusters } = world({ entry: { timeoutMs: 0 } as Partial<RouteEntry> });
    const client = await harness.request();
    expect(clusters.last.headers!.has("x-envoy-expected-rq-timeout-ms")).toBe(false);
    harness.advance(200_000);
    expect(client.sent.status).toBe(0);
  });

  test.each([
    ["200", 200],
    ["0", 0],
    ["soon", 1000],
    ["-1", 1000],
  ])("is another where the request asks for %s ms: %i", async (asked, expected) => {
    const { harness, clusters } = world({ entry });
    await harness.request({ ...INTERNAL_CLIENT, "x-envoy-upstream-rq-timeout-ms": asked });
    const { headers } = clusters.last;
    expect(headers!.has("x-envoy-upstream-rq-timeout-ms")).toBe(false);
    expect(headers!.get("x-envoy-expected-rq-timeout-ms")).toBe(expected === 0 ? undefined : String(expected));
  });

  it("is what the proxy before this one expects, where that is respected", async () => {
    const { harness, clusters } = world({ entry, config: { respect_expected_rq_timeout: true } });
    const client = await harness.request({
      ...INTERNAL_CLIENT,
      "x-envoy-expected-rq-timeout-ms": "300",
      "x-envoy-upstream-rq-timeout-ms": "9",
    });
    expect(clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("300");
    harness.advance(310);
    expect(client.sent.status).toBe(504);
    await harness.request({ ...INTERNAL_CLIENT, "x-envoy-upstream-rq-timeout-ms": "9" });
    expect(clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("9");
  });

  it("is answered 204 where the client wants that", async () => {
    const { harness, clusters } = world({ entry });
    const client = await harness.request({ ...INTERNAL_CLIENT, "x-envoy-upstream-rq-timeout-alt-response": "1" });
    expect(clusters.last.headers!.has("x-envoy-upstream-rq-timeout-alt-response")).toBe(false);
    harness.advance(1010);
    expect(client.sent).toMatchObject({ status: 204, body: "" });
    expect(client.stream.flags).toEqual(["UT"]);
  });

  it("is not changed by external clients", async () => {
    const { harness, clusters } = world({ entry, config: { respect_expected_rq_timeout: true } });
    await harness.request({
      "x-forwarded-for": "192.0.2.1",
      "x-envoy-upstream-rq-timeout-ms": "9",
      "x-envoy-expected-rq-timeout-ms": "9",
      "x-envoy-upstream-stream-duration-ms": "9",
    });
    expect(clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("1000");
    expect(clusters.last.headers!.has("x-envoy-upstream-stream-duration-ms")).toBe(false);
  });

  it("does not end a tunnel", () => {
    const tunnels: Record<string, string>[] = [
      { upgrade: "websocket" },
      { ":method": "CONNECT", ":path": "", ":authority": "a.example:443" },
    ];
    for (const headers of tunnels) {
      const { harness, clusters } = world({ entry });
      const client = harness.open().headers(headers, false);
      clusters.last.ready().respond("upgrade" in headers ? 101 : 200, {}, false);
      client.data("bytes", true);
      harness.advance(5000);
      expect(client.sent.resetReason).toBeNull();
    }
  });
});

describe("other time-outs of the route", () => {
  it("the idle time-out takes the place of the connection manager's", async () => {
    const { harness } = world({ entry: { idleTimeoutMs: 500 } as Partial<RouteEntry> });
    const client = await harness.request();
    harness.advance(510);
    expect([client.sent.status, client.stream.details]).toEqual([504, "stream_idle_timeout"]);
  });

  it("a request of an internal client may bound its stream to the upstream", async () => {
    const { harness, clusters, chain } = world();
    const asked = { ...INTERNAL_CLIENT, "x-envoy-upstream-stream-duration-ms": "200" };
    const whole = await harness.request(asked);
    expect(clusters.last.headers!.has("x-envoy-upstream-stream-duration-ms")).toBe(false);
    harness.advance(210);
    expect(whole.sent).toMatchObject({ status: 504, body: "upstream max stream duration reached" });
    expect(whole.stream).toMatchObject({ details: "upstream_max_stream_duration_reached", flags: ["UMSDR"] });
    expect(chain.count("cluster.web.upstream_rq_max_duration_reached")).toBe(1);
    const partial = harness.open().headers(asked, false);
    harness.advance(210);
    expect(partial.sent.status).toBe(408);
    const answered = await harness.request(asked);
    clusters.last.ready().respond(200);
    harness.advance(210);
    expect(answered.sent).toMatchObject({ status: 200, ended: true });
    expect(chain.count("cluster.web.upstream_rq_max_duration_reached")).toBe(2);
  });

  it("the cluster's longest duration is answered in the same words", async () => {
    const { harness, clusters } = world();
    const client = await harness.request();
    clusters.last.ready().fail("max_duration");
    expect(client.sent).toMatchObject({ status: 504, body: "upstream max stream duration reached" });
    expect(client.stream.details).toBe("upstream_max_stream_duration_reached");
  });

  it("and so does the longest duration", async () => {
    const { harness, clusters } = world({ entry: { maxStreamDurationMs: 500 } as Partial<RouteEntry> });
    const client = await harness.request();
    clusters.last.ready().respond(200, {}, false);
    for (let i = 0; i < 6; i++) {
      harness.advance(100);
      clusters.last.data("x");
    }
    expect(client.stream.details).toBe("max_duration_timeout");
  });
});
