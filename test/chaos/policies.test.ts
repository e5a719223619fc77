// Three of four upstreams harmed at once, in different ways, under every way to balance: with checks and outlier detection no idempotent request fails, who is out gets nothing, who is
// well again is back, and attempts are what the policy says. Under the default budget attempts stay within it, whatever fails.
import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ofHosts } from "../health/support/clusters-page.ts";
import { eventually } from "../support/eventually.ts";
import { send } from "../support/http-request.ts";
import { type Forwarding, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { type Harm, Victim } from "./victim.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

type Cluster = NonNullable<Forwarding["cluster"]>;

const HOSTS = 4;
const CLIENTS = 6;
const REQUESTS = 8;
const OUTLIERS = {
  consecutive_5xx: 3,
  interval: "0.1s",
  base_ejection_time: "0.2s",
  max_ejection_time: "0.2s",
  max_ejection_percent: 100,
  success_rate: false,
} as const;
const TOGETHER: readonly (readonly Harm[])[] = [
  ["paused", "garbage", "killed"],
  ["reset", "slow", "refusing"],
];

let victims: Victim[] = [];

beforeAll(async () => {
  victims = await Promise.all(Array.from({ length: HOSTS }, () => Victim.start()));
});

afterAll(() => Promise.all(victims.map((victim) => victim[Symbol.asyncDispose]())));

function start(policy: string, cluster: Cluster): Promise<RunningProxy> {
  return startProxy(
    forwardTo("", {
      route: {
        hash: [{ header: "x-key" }],
        retry: { attempts: 6, per_try_timeout: "0.25s", back_off: "0.01s" },
      },
      cluster: {
        endpoints: victims.map(({ address }) => address),
        connect_timeout: "0.25s",
        // So that latencies of failures are soon forgotten.
        load_balancing: {
          policy,
          panic_threshold: 0,
          ...(policy === "peak_ewma" ? { decay: "0.1s" } : {}),
        } as NonNullable<Cluster["load_balancing"]>,
        outlier_detection: OUTLIERS,
        ...cluster,
      },
    }),
    { concurrency: 2 },
  );
}

/** What came of so many requests, and how many attempts there were. */
async function load(proxy: RunningProxy, meanwhile: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const wrong: string[] = [];
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < REQUESTS; i++) {
      const path = `/${client}/${i}`;
      const { status, text } = await send(proxy.port, path, { agent, headers: { "x-key": path } });
      if (status !== 200 || text !== `GET ${path} `) wrong.push(`${status} ${text}`);
    }
    agent.destroy();
  });
  await Promise.all([...clients, meanwhile()]);
  return wrong;
}

async function attempts(proxy: RunningProxy): Promise<number> {
  return (await proxy.admin.stats()).get("cluster.web.upstream_rq_total") ?? 0;
}

async function isAtRest(proxy: RunningProxy): Promise<void> {
  await eventually("nothing is under way", async () => {
    const stats = await proxy.admin.stats();
    const names = ["upstream_rq_active", "upstream_rq_pending_active", "circuit_breakers.default.rq_retry_open"];
    const isIdle = names.every((name) => (stats.get(`cluster.web.${name}`) ?? 0) === 0);
    const { body } = await proxy.admin.get("/clusters");
    return isIdle && stats.get("http.front.downstream_rq_active") === 0 && !/::rq_active::[1-9]/.test(body);
  });
}

describe.each(["round_robin", "least_request", "ring_hash", "peak_ewma"])("%s", (policy) => {
  test("three of four at once, with checks and outlier detection", async () => {
    await using proxy = await start(policy, {
      health_check: {
        path: "/healthz",
        interval: "0.1s",
        timeout: "0.2s",
        unhealthy_threshold: 2,
        healthy_threshold: 1,
      },
      circuit_breakers: { max_retries: 1000 },
    });
    for (const harms of TOGETHER) {
      const what = harms.join(" and ");
      const suffer = () => Promise.all(harms.map((harm, i) => victims[i]!.suffer(harm)));
      expect(await load(proxy, suffer), what).toEqual([]);
      await eventually(`${what}: those are out`, async () => {
        const picks = Object.values(await ofHosts(proxy, "pick"));
        return picks.filter((why) => why.startsWith("no: failed_active_hc")).length === harms.length;
      });
      // Workers hear of it a moment later; from then on every request has one attempt.
      await eventually(`${what}: nothing goes there`, async () => {
        const before = await attempts(proxy);
        expect(await load(proxy), what).toEqual([]);
        return (await attempts(proxy)) - before === CLIENTS * REQUESTS;
      });
      await Promise.all(harms.map((harm, i) => victims[i]!.recover(harm)));
      await eventually(`${what}: all are back`, async () => {
        const picks = Object.values(await ofHosts(proxy, "pick"));
        return picks.length === HOSTS && picks.every((why) => why.startsWith("yes"));
      });
      const before = await ofHosts(proxy, "rq_success");
      await eventually(`${what}: all get something again`, async () => {
        expect(await load(proxy), what).toEqual([]);
        const now = await ofHosts(proxy, "rq_success");
        return Object.entries(now).every(([address, count]) => Number(count) > Number(before[address]));
      });
    }
    expect((await proxy.admin.stats()).get("cluster.web.upstream_rq_retry_overflow") ?? 0).toBe(0);
    await isAtRest(proxy);
  });

  test("two of four under the default budget: attempts stay within it, the hosts are ejected and come back", async () => {
    await using proxy = await start(policy, {});
    const begin = performance.now();
    let requests = 0;
    const some = async (meanwhile?: () => Promise<unknown>): Promise<string[]> => {
      requests += CLIENTS * REQUESTS;
      return load(proxy, meanwhile);
    };
    expect(await some()).toEqual([]);
    const harms = ["unavailable", "reset"] as const;
    await some(() => Promise.all(harms.map((harm, i) => victims[i]!.suffer(harm))));
    const ejections = "cluster.web.outlier_detection.ejections_enforced_total";
    await eventually("both are ejected", async () => {
      await some();
      const counts = Object.values(await ofHosts(proxy, "outlier.ejections"));
      return counts.filter((count) => Number(count) > 0).length === harms.length;
    });
    await Promise.all(harms.map((harm, i) => victims[i]!.recover(harm)));
    await proxy.admin.reaches("cluster.web.outlier_detection.ejections_active", 0);
    // Workers hear of it a moment later, and nobody is ejected for nothing.
    const ejected = (await proxy.admin.stats()).get(ejections)!;
    expect(await some()).toEqual([]);
    expect(await some()).toEqual([]);
    expect((await proxy.admin.stats()).get(ejections)).toBe(ejected);
    expect(ejected).toBeGreaterThanOrEqual(2);
    // Three are free in every second.
    const seconds = Math.ceil((performance.now() - begin) / 1000) + 1;
    expect(await attempts(proxy)).toBeLessThanOrEqual(1.2 * requests + 3 * seconds);
    await isAtRest(proxy);
  });
});

test("an answer that nobody asked for is nobody's", async () => {
  await using proxy = await start("round_robin", { circuit_breakers: { max_retries: 1000 } });
  await Promise.all(victims.map((victim) => victim.suffer("babbling")));
  expect(await load(proxy)).toEqual([]);
  await Promise.all(victims.map((victim) => victim.recover("babbling")));
  expect(await load(proxy)).toEqual([]);
  await isAtRest(proxy);
});
