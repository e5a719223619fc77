// When attempts end, and when the next one begins: time-outs, back-off, hedging.
import { describe, expect, it } from "vitest";
import { FAKE_HOST } from "../../../../test/support/fake-cluster.ts";
import { type PolicyOptions, retryPolicy } from "../../../../test/support/retry-policy.ts";
import { INTERNAL_CLIENT, type World, world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

/** Longer than any back-off of the tests. */
const WAITED = 300;

function retrying(policy: PolicyOptions = {}, entry: Partial<RouteEntry> = {}): World {
  return world({ entry: { retry: retryPolicy(policy), timeoutMs: 15_000, ...entry } as Partial<RouteEntry> });
}

const attempts = ({ clusters }: World) => clusters.streams.length;
const count = ({ chain }: World, name: string) => chain.count(`cluster.web.${name}`);

describe("time", () => {
  it("per_try_timeout ends an attempt that is slow, and begins with the end of the request", async () => {
    const w = retrying({ perTryTimeoutMs: 100 });
    const client = w.harness.open().headers({ ":method": "POST" }, false);
    w.clusters.last.ready();
    w.harness.advance(1000);
    client.data("x", true);
    w.harness.advance(90);
    expect(w.clusters.last.calls).not.toContain("reset");
    w.harness.advance(20);
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
    w.harness.advance(40);
    expect(attempts(w)).toBe(2);
    w.harness.advance(200);
    expect(client.sent.status).toBe(504);
    expect(client.stream).toMatchObject({ details: "upstream_per_try_timeout" });
    expect(client.stream.flags.toSorted()).toEqual(["URX", "UT"]);
    expect(count(w, "upstream_rq_per_try_timeout")).toBe(2);
  });

  it("does not end one whose answer has begun", async () => {
    const w = retrying({ perTryTimeoutMs: 100 });
    const client = await w.harness.request();
    w.clusters.last.ready().respond(200, {}, false);
    w.harness.advance(1000);
    w.clusters.last.data("late", true);
    expect(client.sent).toMatchObject({ status: 200, body: "late", ended: true });
  });

  it("is not over for one that has said no more than that it is at work (1xx): then the client waits for it alone", async () => {
    const w = retrying({ perTryTimeoutMs: 100 });
    const client = await w.harness.request();
    w.clusters.last.ready().informational(103);
    w.harness.advance(150);
    expect([attempts(w), client.sent.status, client.stream.details]).toEqual([1, 504, "upstream_per_try_timeout"]);
    const hedging = retrying({ perTryTimeoutMs: 100 }, { hedges: true });
    const other = await hedging.harness.request();
    hedging.clusters.last.ready().informational(103);
    hedging.harness.advance(150);
    hedging.clusters.last.respond(200);
    expect([attempts(hedging), other.sent.status]).toEqual([1, 200]);
  });

  it("per_try_idle_timeout ends one that is silent, also when its answer has begun", async () => {
    const w = retrying({ perTryIdleTimeoutMs: 100 });
    const client = await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    expect(attempts(w)).toBe(2);
    w.clusters.last.ready().respond(200, {}, false);
    for (let i = 0; i < 4; i++) {
      w.harness.advance(60);
      w.clusters.last.data("x");
    }
    expect(client.sent.body).toBe("xxxx");
    w.harness.advance(200);
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
    expect(count(w, "upstream_rq_per_try_idle_timeout")).toBe(2);
  });

  it("alone, where nothing is sent again, keeps no body, and no request has used up its retries", async () => {
    const w = retrying({ on: "", perTryTimeoutMs: 100 }, { bufferLimitBytes: 4, hedges: true });
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("12345", true);
    w.clusters.last.ready();
    w.harness.advance(150);
    w.clusters.last.respond(200);
    expect([client.sent.status, client.stream.flags]).toEqual([200, []]);
    expect(["retry_or_shadow_abandoned", "upstream_rq_retry_limit_exceeded"].map((name) => count(w, name))).toEqual([
      0, 0,
    ]);
  });

  it("of the route is for all attempts together", async () => {
    const w = retrying({ perTryTimeoutMs: 100, retries: 10 }, { timeoutMs: 250 });
    const client = await w.harness.request();
    w.harness.advance(300);
    expect(client.sent.status).toBe(504);
    expect(client.stream.details).toBe("response_timeout");
    expect(attempts(w)).toBeGreaterThan(1);
  });

  it("that is left is what upstreams are told", async () => {
    const w = retrying({ perTryTimeoutMs: 400, retries: 2 }, { timeoutMs: 1000 });
    await w.harness.request();
    const told = () => Number(w.clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms"));
    expect(told()).toBe(400);
    w.clusters.last.ready();
    w.harness.advance(420);
    w.clusters.last.ready();
    expect([attempts(w), told()]).toEqual([2, 400]);
    w.harness.advance(440);
    expect(attempts(w)).toBe(3);
    expect(told()).toBeLessThan(200);
  });

  it("of gRPC clients is passed on less what is over", async () => {
    const w = retrying({ on: "unavailable", backOffBaseMs: 200, backOffMaxMs: 200 });
    await w.harness.request({ "content-type": "application/grpc", "grpc-timeout": "1S" });
    w.harness.advance(300);
    w.clusters.last.ready().respond(200, { "grpc-status": "14" });
    w.harness.advance(200);
    const told = /^(\d+)m$/.exec(w.clusters.last.headers!.get("grpc-timeout") ?? "")?.[1];
    expect(Number(told)).toBeGreaterThan(450);
    expect(Number(told)).toBeLessThanOrEqual(700);
  });

  it("between attempts is what the answer asks for, within bounds", async () => {
    const rateLimitedBackOff = { headers: [{ name: "retry-after", format: "seconds" }], maxMs: 5000 } as const;
    for (const [after, ms, isLimited] of [
      ["2", 2900, true],
      ["6", WAITED, false],
      ["soon", WAITED, false],
    ] as const) {
      const w = retrying({ rateLimitedBackOff });
      await w.harness.request();
      w.clusters.last.ready().respond(503, { "retry-after": after });
      w.harness.advance(isLimited ? 1900 : 0);
      expect(attempts(w)).toBe(1);
      w.harness.advance(ms);
      expect([attempts(w), count(w, "upstream_rq_retry_backoff_ratelimited")]).toEqual([2, isLimited ? 1 : 0]);
    }
  });
});

describe("what hosts are charged with", () => {
  it("is each attempt that was too slow, and the one that the route's time ended", async () => {
    const w = retrying({ perTryTimeoutMs: 100 }, { timeoutMs: 350 });
    await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    w.clusters.last.ready();
    expect(w.clusters.streams.map(({ timeouts }) => timeouts)).toEqual([1, 0]);
    w.harness.advance(200);
    expect(w.clusters.streams.map(({ timeouts }) => timeouts)).toEqual([1, 1]);
    const whole = retrying({}, { timeoutMs: 100 });
    const client = await whole.harness.request();
    whole.clusters.last.ready();
    whole.harness.advance(150);
    expect([client.sent.status, whole.clusters.last.timeouts]).toEqual([504, 1]);
  });

  it("is not a time-out that the client takes for an answer", async () => {
    const w = world();
    const client = await w.harness.request({
      ...INTERNAL_CLIENT,
      "x-envoy-upstream-rq-per-try-timeout-ms": "100",
      "x-envoy-upstream-rq-timeout-alt-response": "1",
    });
    w.clusters.last.ready();
    w.harness.advance(150);
    expect([client.sent.status, w.clusters.last.timeouts]).toEqual([204, 0]);
  });

  it("is a slow attempt that goes on beside the next one", async () => {
    const w = retrying({ perTryTimeoutMs: 100 }, { hedges: true });
    await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    expect(w.clusters.streams.map(({ timeouts, calls }) => [timeouts, calls.includes("reset")])).toEqual([
      [1, false],
      [0, false],
    ]);
  });

  it("is not the loser of two", async () => {
    const w = retrying({ perTryTimeoutMs: 100 }, { hedges: true });
    await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    const [first, second] = w.clusters.streams;
    second!.ready();
    first!.respond(200);
    expect([second!.calls.at(-1), second!.timeouts]).toEqual(["reset", 0]);
  });
});

describe("hedging", () => {
  const hedging = (policy: PolicyOptions = {}) => retrying({ perTryTimeoutMs: 100, ...policy }, { hedges: true });

  it("lets the slow attempt go on: the first good answer counts, the other one is given up", async () => {
    for (const winner of [0, 1]) {
      const w = hedging();
      const client = await w.harness.request();
      w.clusters.last.ready();
      w.harness.advance(150);
      const [first, second] = w.clusters.streams;
      expect([attempts(w), first!.calls.includes("reset")]).toEqual([2, false]);
      second!.ready({ ...FAKE_HOST, address: "10.0.0.2:80" });
      w.clusters.streams[winner]!.respond(200, {}, false).data("won", true);
      expect(client.sent).toMatchObject({ status: 200, body: "won", ended: true });
      expect(w.clusters.streams[1 - winner]!.calls.at(-1)).toBe("reset");
      expect(client.stream.upstreamHost?.address).toBe(winner === 0 ? FAKE_HOST.address : "10.0.0.2:80");
    }
  });

  it("discards a bad answer of the slow one, since another is under way", async () => {
    const w = hedging();
    const client = await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    const [first, second] = w.clusters.streams;
    first!.respond(503);
    expect(client.sent.status).toBe(0);
    second!.ready().respond(200);
    expect(client.sent.status).toBe(200);
  });

  it("names the host whose answer counts, also after another one's was discarded", async () => {
    const w = hedging();
    const client = await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    const [first, second] = w.clusters.streams;
    second!.ready({ ...FAKE_HOST, address: "10.0.0.2:80" }).respond(503);
    first!.respond(200);
    expect([client.sent.status, client.stream.upstreamHost?.address]).toEqual([200, FAKE_HOST.address]);
  });

  it("is not for attempts that are silent: they end, and a body that has grown too long is never sent in part", () => {
    const w = retrying({ on: "reset", perTryIdleTimeoutMs: 100 }, { hedges: true, bufferLimitBytes: 4 });
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("1234");
    w.clusters.last.ready();
    w.harness.advance(110);
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
    client.data("5", true);
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.status]).toEqual([1, 507]);
  });

  it("answers with the last bad one where nothing is left", async () => {
    const w = hedging();
    const client = await w.harness.request();
    w.clusters.last.ready();
    w.harness.advance(150);
    const [first, second] = w.clusters.streams;
    second!.ready().fail("connection_termination");
    expect(client.sent.status).toBe(0);
    first!.respond(503);
    expect([attempts(w), client.sent.status]).toEqual([2, 503]);
  });
});
