// /clusters of a running proxy says of each host why it is or is not picked: policy, priority, place, weight, checks, outlier detection, latency.
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { answers, flagsOf, ofHosts } from "./support/clusters-page.ts";
import { OriginProcess } from "./support/origins.ts";

const OUTLIERS = {
  // Who fails fast is not asked again soon: one has to do.
  consecutive_5xx: 1,
  interval: "0.1s",
  base_ejection_time: "600s",
  max_ejection_time: "600s",
  success_rate: false,
} as const;
/** Each look is several requests over connections of their own. */
const LONG_MS = 20_000;
const CHECKS = { path: "/healthz", interval: "0.1s", jitter: 0, unhealthy_threshold: 1 } as const;

test("who is ejected, who fails its checks, who is next", async () => {
  await using liar = await OriginProcess.start();
  await using dead = await OriginProcess.start();
  await using spare = await OriginProcess.start();
  const cluster = {
    endpoints: [
      { address: liar.address, weight: 3, locality: { region: "r", zone: "a" } },
      { address: dead.address, metadata: { canary: true } },
      { address: spare.address, priority: 1, locality: "b" },
    ],
    load_balancing: { policy: "peak_ewma", panic_threshold: 0 },
    outlier_detection: OUTLIERS,
    health_check: { ...CHECKS, interval: "60s" },
  } as const;
  await using proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster }));
  expect(Object.values(await flagsOf(proxy))).toEqual(["healthy", "healthy", "healthy"]);
  expect(await answers(proxy, 10)).not.toContain(spare.pid);
  await liar.be("lies");
  await eventually("it is ejected", async () => {
    await send(proxy.port, "/");
    return (await flagsOf(proxy))[liar.address] === "/failed_outlier_check";
  });
  await dead.be("leave");
  await eventually("the next priority has all", async () => {
    await send(proxy.port, "/");
    return (await flagsOf(proxy))[dead.address] === "/failed_active_hc/excluded_via_immediate_hc_fail";
  });
  expect(await answers(proxy, 10)).toEqual(new Set([spare.pid]));

  const of = async (name: string) => {
    const found = await ofHosts(proxy, name);
    return [liar, dead, spare].map(({ address }) => found[address]);
  };
  expect(await of("priority")).toEqual(["0", "0", "1"]);
  expect(await of("weight")).toEqual(["3", "1", "1"]);
  expect(await of("zone")).toEqual(["a", "", "b"]);
  expect(await of("canary")).toEqual(["false", "true", "false"]);
  expect((await of("outlier.ejections"))[0]).toBe("1");
  expect(Number((await of("latency_penalties"))[0])).toBeGreaterThan(0);
  const { body } = await proxy.admin.get("/clusters");
  expect(body).toContain("web::load_balancing::peak_ewma");
  const page = JSON.parse((await proxy.admin.get("/clusters?format=json")).body) as {
    cluster_statuses: { host_statuses: { health_status: object; priority?: number; locality: object }[] }[];
  };
  expect(page.cluster_statuses[0]!.host_statuses).toMatchObject([
    { health_status: { eds_health_status: "HEALTHY", failed_outlier_check: true }, locality: { zone: "a" } },
    { health_status: { failed_active_health_check: true, excluded_via_immediate_hc_fail: true } },
    { health_status: { eds_health_status: "HEALTHY" }, priority: 1, locality: { zone: "b" } },
  ]);
});

test("a ring gives the keys of a host that fails its checks to others, in all workers, and gives them back", async () => {
  const origins = await Promise.all([1, 2, 3].map(() => OriginProcess.start()));
  await using stack = new AsyncDisposableStack();
  for (const origin of origins) stack.use(origin);
  const route = { hash: { header: "x-user" } } as const;
  const cluster = {
    endpoints: origins.map(({ address }) => address),
    load_balancing: "ring_hash",
    health_check: CHECKS,
  } as const;
  await using proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster, route }), { concurrency: 2 });
  const owners = async () => {
    const found: string[] = [];
    for (let user = 0; user < 6; user++)
      found.push(String((await send(proxy.port, "/", { headers: { "x-user": `u${user}` } })).headers["x-origin"]));
    return found;
  };
  const before = await owners();
  const gone = origins.find(({ pid }) => pid === before[0])!;
  await gone.be("sick");
  await eventually("its keys are others'", async () => !(await owners()).includes(gone.pid), LONG_MS);
  await gone.be("ok");
  await eventually("it has them again", async () => (await owners()).join() === before.join(), LONG_MS);
});
