// A storm: whatever fails, attempts stay at most 1.2 times the requests and the floor, by retries, by what is sent again because nobody had seen it, and by hedging at once, over
// several workers that share one budget.
import { Agent } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { type Harm, Victim } from "./victim.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const CLIENTS = 24;
const REQUESTS = 15;
const FLOOR = 3;
const FREE_IN_A_SECOND = 3;

let victims: Victim[] = [];

beforeAll(async () => {
  victims = await Promise.all(Array.from({ length: 4 }, () => Victim.start()));
});

afterAll(() => Promise.all(victims.map((victim) => victim[Symbol.asyncDispose]())));

test.each<readonly [string, readonly Harm[]]>([
  ["every host fails at once", ["unavailable", "reset", "refusing", "closing"]],
  ["two fail, one is slow, one is well", ["unavailable", "refusing", "slow"]],
  ["all are paused", ["paused", "paused", "paused", "paused"]],
])("%s", async (_name, harms) => {
  const begin = performance.now();
  await using proxy = await startProxy(
    forwardTo("", {
      route: { timeout: "0.25s", retry: { attempts: 5, per_try_timeout: "0.08s", back_off: "0.005s", hedge: true } },
      cluster: { endpoints: victims.map(({ address }) => address), connect_timeout: "0.25s" },
    }),
    { concurrency: 3 },
  );
  await Promise.all(harms.map((harm, i) => victims[i]!.suffer(harm)));
  // A connection for each request, so that every worker has some.
  const agent = new Agent({ keepAlive: false, maxSockets: CLIENTS });
  const statuses = new Set<number>();
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let i = 0; i < REQUESTS; i++) statuses.add((await send(proxy.port, `/${client}/${i}`, { agent })).status);
  });
  await Promise.all(clients);
  agent.destroy();
  await Promise.all(harms.map((harm, i) => victims[i]!.recover(harm)));
  const stats = await proxy.admin.stats();
  const value = (name: string): number => stats.get(`cluster.web.${name}`) ?? 0;
  const requests = CLIENTS * REQUESTS;
  const seconds = Math.ceil((performance.now() - begin) / 1000) + 1;
  // What nobody had seen is counted where it is sent again.
  const attempts = requests + value("upstream_rq_retry") + value("upstream_rq_sent_again");
  expect(attempts).toBeGreaterThan(requests);
  expect(attempts).toBeLessThanOrEqual(1.2 * requests + FLOOR + FREE_IN_A_SECOND * seconds);
  expect(value("upstream_rq_total")).toBeLessThanOrEqual(1.2 * requests + FLOOR + FREE_IN_A_SECOND * seconds);
  expect(value("upstream_rq_retry_overflow")).toBeGreaterThan(0);
  expect([...statuses].filter((status) => ![200, 503, 504].includes(status))).toEqual([]);
  await eventually("nothing is left", async () => {
    const left = await proxy.admin.stats();
    const names = ["upstream_rq_active", "upstream_rq_pending_active", "circuit_breakers.default.rq_retry_open"];
    return names.every((name) => (left.get(`cluster.web.${name}`) ?? 0) === 0);
  });
});
