import type { MirrorPolicy } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { FakeClusters } from "../../../../test/support/fake-cluster.ts";
import { retryPolicy } from "../../../../test/support/retry-policy.ts";
import { world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

function mirror(cluster: string, policy: Partial<MirrorPolicy> = {}): MirrorPolicy {
  return { clusterFor: () => cluster, includes: () => true, marksHost: true, ...policy };
}

function mirroring(mirrors: readonly MirrorPolicy[], entry: Partial<RouteEntry> = {}) {
  const clusters = new FakeClusters(["web", "shadow", "other"]);
  return world({ clusters, entry: { mirrors, timeoutMs: 1000, ...entry } as Partial<RouteEntry> });
}

describe("a copy of a request", () => {
  it("goes out behind the whole request, with its body and trailers, and its answer is dropped", () => {
    const w = mirroring([mirror("shadow")]);
    const client = w.harness.open().headers({ ":method": "POST", ":path": "/p", ":authority": "a.test:80" }, false);
    client.data("one ").data("two");
    expect(w.clusters.streams).toHaveLength(1);
    client.trailers({ "x-t": "1" });
    const [primary, copy] = w.clusters.streams;
    expect(copy!.calls).toEqual(["headers", "data:7", "trailers", "end"]);
    expect([copy!.headers!.method, copy!.headers!.path, copy!.headers!.authority, copy!.body]).toEqual([
      "POST",
      "/p",
      "a.test-shadow:80",
      "one two",
    ]);
    expect(primary!.headers!.authority).toBe("a.test:80");
    copy!.ready().respond(500, { "x-bad": "1" }, false).data("bad", true);
    expect(client.sent.status).toBe(0);
    primary!.ready().respond(200);
    expect(client.sent).toMatchObject({ status: 200, ended: true });
    expect(w.chain.count("cluster.shadow.upstream_rq_500")).toBe(1);
  });

  it("outlives the request, but not its time", async () => {
    const w = mirroring([mirror("shadow")]);
    const client = await w.harness.request();
    const [primary, copy] = w.clusters.streams;
    primary!.ready().respond(200);
    expect([client.sent.ended, copy!.calls.includes("reset")]).toEqual([true, false]);
    w.harness.advance(1050);
    expect([copy!.calls.at(-1), w.chain.count("cluster.shadow.upstream_rq_timeout")]).toEqual(["reset", 1]);
    expect(copy!.timeouts).toBe(1);
  });

  it("ends with its filter, after which nothing would end it", async () => {
    const w = mirroring([mirror("shadow"), mirror("other")]);
    const client = await w.harness.request();
    const [primary, copy, whole] = w.clusters.streams;
    primary!.ready().respond(200);
    whole!.ready().respond(200);
    expect(client.sent.ended).toBe(true);
    await w.chain.dispose();
    expect([copy!.calls.at(-1), copy!.timeouts]).toEqual(["reset", 0]);
    expect(whole!.calls).not.toContain("reset");
  });

  it("is one for each policy that draws it and whose cluster is there", async () => {
    const w = mirroring([
      mirror("shadow", { marksHost: false }),
      mirror("other"),
      mirror("other", { includes: () => false }),
      mirror("gone"),
      mirror(""),
    ]);
    await w.harness.request();
    expect(w.clusters.streams.slice(1).map(({ headers }) => headers!.authority)).toEqual([
      "test.example",
      "test.example-shadow",
    ]);
  });

  it("is sent once, however often the request is", async () => {
    const w = mirroring([mirror("shadow")], { retry: retryPolicy() });
    const client = await w.harness.request();
    w.clusters.streams[0]!.ready().respond(503);
    w.harness.advance(300);
    expect(w.clusters.streams).toHaveLength(3);
    w.clusters.last.ready().respond(200);
    expect(client.sent.status).toBe(200);
  });

  it("goes out also where the answer came before the request was complete", () => {
    const w = mirroring([mirror("shadow")]);
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("one");
    w.clusters.last.ready().respond(200, {}, false);
    client.data("two", true);
    expect(w.clusters.last.body).toBe("onetwo");
    expect(w.clusters.streams).toHaveLength(2);
  });

  test("of a body that is too long is none", () => {
    const w = mirroring([mirror("shadow")], { bufferLimitBytes: 4 });
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("12345", true);
    expect([w.clusters.streams.length, w.chain.count("cluster.web.retry_or_shadow_abandoned")]).toEqual([1, 1]);
    w.clusters.last.ready().respond(200);
    expect(client.sent.status).toBe(200);
  });

  test("that finds no host harms nobody", async () => {
    const w = mirroring([mirror("shadow")]);
    const client = w.harness.open().headers({ ":method": "POST" }, false);
    w.clusters.failure = "no_healthy_upstream";
    client.data("x", true);
    w.clusters.last.ready().respond(200);
    expect([client.sent.status, w.chain.count("cluster.shadow.upstream_rq_503")]).toEqual([200, 1]);
  });
});
