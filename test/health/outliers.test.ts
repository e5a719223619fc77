// Outlier detection against real processes: who answers badly gets no traffic for a while, whichever workers saw it, and comes back.
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { send } from "../support/http-request.ts";
import { type Forwarding, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { answers, flagsOf, ofHosts } from "./support/clusters-page.ts";
import { OriginProcess } from "./support/origins.ts";

type Cluster = NonNullable<Forwarding["cluster"]>;

const QUICK = { consecutive_5xx: 3, interval: "0.1s", base_ejection_time: "0.3s", success_rate: false } as const;
/** Until somebody says otherwise. */
const LONG = { ...QUICK, base_ejection_time: "600s", max_ejection_time: "600s" } as const;

async function world(cluster: Cluster, { hosts = 3, concurrency = 0, route = {} } = {}) {
  const origins = await Promise.all(Array.from({ length: hosts }, () => OriginProcess.start()));
  const endpoints = origins.map(({ address }) => address);
  const proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster: { endpoints, ...cluster }, route }), {
    concurrency,
  });
  return {
    proxy,
    origins,
    first: origins[0]!,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await Promise.all(origins.map((origin) => origin[Symbol.asyncDispose]()));
    },
  };
}

async function askUntilEjected(proxy: RunningProxy, origin: OriginProcess): Promise<void> {
  await eventually("it is ejected", async () => {
    await send(proxy.port, "/");
    return (await flagsOf(proxy))[origin.address]!.startsWith("/failed_outlier_check");
  });
}

describe("a host is ejected that", () => {
  test("lies: it passes its checks and answers 503; two workers count together", async () => {
    const health_check = { path: "/healthz", interval: "60s" } as const;
    await using it = await world({ outlier_detection: LONG, health_check }, { concurrency: 2 });
    const { proxy, first } = it;
    expect((await answers(proxy, 12)).size).toBe(3);
    await first.be("lies");
    await askUntilEjected(proxy, first);
    expect(await answers(proxy, 12)).not.toContain(first.pid);
    // Whatever a worker had under way when main decided may have counted too: 3 make the row.
    const counted = Number((await ofHosts(proxy, "outlier.failed_answers"))[first.address]);
    expect(counted).toBeGreaterThanOrEqual(3);
    expect(counted).toBeLessThanOrEqual(5);
    expect(Number((await ofHosts(proxy, "outlier.ejected_for_ms"))[first.address])).toBeGreaterThan(500_000);
    expect(await proxy.admin.stat("cluster.web.outlier_detection.ejections_enforced_consecutive_5xx")).toBe(1);
    expect(await proxy.admin.stat("cluster.web.outlier_detection.ejections_active")).toBe(1);
    expect(await proxy.admin.stat("cluster.web.membership_healthy")).toBe(2);
  });

  test("dies: its connections are refused", async () => {
    await using it = await world({ outlier_detection: LONG });
    const { proxy, first } = it;
    await first.die();
    await askUntilEjected(proxy, first);
    for (let i = 0; i < 6; i++) expect((await send(proxy.port, "/")).status).toBe(200);
  });

  test("resets what it is asked", async () => {
    await using it = await world({ outlier_detection: LONG });
    await it.first.be("resets");
    await askUntilEjected(it.proxy, it.first);
  });

  test("is too slow for the route", async () => {
    await using it = await world(
      { outlier_detection: { ...LONG, consecutive_5xx: 2 } },
      { route: { timeout: "0.05s" } },
    );
    await it.first.be("slow");
    await askUntilEjected(it.proxy, it.first);
    expect(Number((await ofHosts(it.proxy, "rq_timeout"))[it.first.address])).toBeGreaterThanOrEqual(2);
  });
});

test("failures of connections are counted apart where that is on", async () => {
  await using it = await world({ outlier_detection: { ...LONG, split_local_failures: true } });
  const { proxy, first } = it;
  await first.die();
  // Five are Envoy's default, which has no word in the short form.
  await askUntilEjected(proxy, first);
  expect((await ofHosts(proxy, "outlier.failed_connects"))[first.address]).toBe("5");
  expect(
    await proxy.admin.stat("cluster.web.outlier_detection.ejections_enforced_consecutive_local_origin_failure"),
  ).toBe(1);
});

test("after its time a host is back, and stays while it is well", async () => {
  await using it = await world({ outlier_detection: QUICK }, { concurrency: 2 });
  const { proxy, first } = it;
  await first.be("lies");
  await askUntilEjected(proxy, first);
  await first.be("ok");
  await eventually("it is back", async () => (await flagsOf(proxy))[first.address] === "healthy");
  await eventually("it gets traffic", async () => (await answers(proxy, 6)).has(first.pid));
});

test("an active health check that passes brings it back", async () => {
  const health_check = { path: "/healthz", interval: "0.3s", jitter: 0 } as const;
  await using it = await world({ outlier_detection: LONG, health_check });
  const { proxy, first } = it;
  await first.be("lies");
  await askUntilEjected(proxy, first);
  await first.be("ok");
  await eventually("it is back", async () => (await flagsOf(proxy))[first.address] === "healthy");
});

test("on probation it comes back by one request that goes well, and not before", async () => {
  await using it = await world({ outlier_detection: { ...QUICK, probation: true } }, { concurrency: 2 });
  const { proxy, first } = it;
  await first.be("lies");
  await askUntilEjected(proxy, first);
  const isDue = async () => (await flagsOf(proxy))[first.address] === "/failed_outlier_check/outlier_probation";
  await eventually("it may be tried", isDue);
  // One request finds out that it still lies; the others go to those that are well.
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await send(proxy.port, "/")).status);
  expect(statuses.filter((status) => status !== 200)).toHaveLength(1);
  expect(await proxy.admin.stat("cluster.web.outlier_detection.probes_failed")).toBe(1);
  await first.be("ok");
  await eventually("it is tried again and passes", async () => {
    await send(proxy.port, "/");
    return (await flagsOf(proxy))[first.address] === "healthy";
  });
  expect(await proxy.admin.stat("cluster.web.outlier_detection.probes_passed")).toBe(1);
});

test("no more than the share that is told", async () => {
  await using it = await world({ outlier_detection: { ...LONG, max_ejection_percent: 34 } });
  const { proxy, origins } = it;
  for (const origin of origins) await origin.be("lies");
  await eventually("one is out and another would be", async () => {
    await send(proxy.port, "/");
    return (await proxy.admin.stat("cluster.web.outlier_detection.ejections_overflow")) > 0;
  });
  expect(Object.values(await flagsOf(proxy)).filter((flags) => flags !== "healthy")).toHaveLength(1);
});
