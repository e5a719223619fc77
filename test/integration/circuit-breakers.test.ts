// Limits of clusters over sockets, with several workers: what they admit together, what the client is told, what the gauges say.
import { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";

// Threads start.
vi.setConfig({ testTimeout: 60_000 });

const LIMIT = 5;
const breaker = (proxy: RunningProxy, name: string) => proxy.admin.stat(`cluster.web.circuit_breakers.default.${name}`);

describe.each([0, 3])("with %d workers", (concurrency) => {
  test("max_requests admits as many as one would, says so, and lets others in when they are done", async () => {
    const held: Array<() => void> = [];
    await using origin = await HttpOrigin.start((_, response) => {
      held.push(() => response.end("done"));
    });
    const circuit_breakers = { max_requests: LIMIT, track_remaining: true };
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { circuit_breakers } }), { concurrency });
    const answers = Array.from({ length: LIMIT }, () => send(proxy.port, "/"));
    await eventually("they are under way", () => held.length === LIMIT);
    for (let i = 0; i < 10; i++) {
      const refused = await send(proxy.port, "/");
      expect([refused.status, refused.headers["x-envoy-overloaded"]]).toEqual([503, "true"]);
    }
    expect([await breaker(proxy, "rq_open"), await breaker(proxy, "remaining_rq")]).toEqual([1, 0]);
    expect([await breaker(proxy, "cx_open"), await breaker(proxy, "remaining_cx")]).toEqual([0, 1024 - LIMIT]);
    for (const end of held.splice(0)) end();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array.from({ length: LIMIT }, () => 200));
    await eventually("they are no longer counted", async () => (await breaker(proxy, "remaining_rq")) === LIMIT);
    expect(await breaker(proxy, "rq_open")).toBe(0);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_active_overflow")).toBe(10);
    const next = send(proxy.port, "/");
    await eventually("another one is let in", () => held.length === 1);
    held[0]!();
    expect((await next).status).toBe(200);
    expect((await proxy.accessLog()).filter(({ flags }) => flags === "UO")).toHaveLength(10);
  });
});

test("max_connections: requests wait, and are served one after the other", async () => {
  await using origin = await HttpOrigin.start();
  const circuit_breakers = { max_connections: 1, max_pending_requests: 100 };
  await using proxy = await startProxy(forwardTo(origin.address, { cluster: { circuit_breakers } }));
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(proxy.port, "/", { agent })));
  agent.destroy();
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const stats = await proxy.admin.stats();
  expect(stats.get("cluster.web.upstream_cx_total")).toBe(1);
  expect(stats.get("cluster.web.upstream_cx_overflow")).toBeGreaterThan(0);
});

test("what a worker that dies had counted counts no longer", async () => {
  let isHolding = true;
  let held = 0;
  await using origin = await HttpOrigin.start((_, response) => {
    if (isHolding) held++;
    else response.end("done");
  });
  const config = forwardTo(origin.address, {
    http: { filters: ["test.http.die"] },
    cluster: { circuit_breakers: { max_requests: 3, track_remaining: true } },
    config: { extensions: [fileURLToPath(new URL("../fixtures/circuit-breakers/die.mjs", import.meta.url))] },
  });
  await using proxy = await startProxy(config, { concurrency: 1 });
  const lost = Array.from({ length: 3 }, () => send(proxy.port, "/").catch(() => null));
  await eventually("they are under way", () => held === 3);
  expect(await breaker(proxy, "remaining_rq")).toBe(0);
  isHolding = false;
  await send(proxy.port, "/die").catch(() => null);
  await Promise.all(lost);
  await eventually("another worker serves", async () => (await send(proxy.port, "/")).status === 200, 20_000);
  await eventually("nothing is counted", async () => (await breaker(proxy, "remaining_rq")) === 3);
});
