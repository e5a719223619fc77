// Upstreams in processes of their own that are killed, paused, slow, lie or refuse, one and two of three at a time, under steady load. With retries on no idempotent
// request fails while one host is well; afterwards nothing is left of what was tried.
import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { type Harm, Victim } from "./victim.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const HOSTS = 3;
const CLIENTS = 6;
const REQUESTS = 10;
const HARMS: readonly Harm[] = ["killed", "paused", "slow", "garbage", "reset", "closing", "unavailable", "refusing"];

let victims: Victim[] = [];
let proxy: RunningProxy;
let sent = 0;

beforeAll(async () => {
  victims = await Promise.all(Array.from({ length: HOSTS }, () => Victim.start()));
  proxy = await startProxy(
    forwardTo("", {
      route: { retry: { attempts: 4, per_try_timeout: "0.25s", back_off: "0.01s" } },
      cluster: {
        endpoints: victims.map(({ address }) => address),
        connect_timeout: "0.25s",
        // Two hosts of three need more than a fifth of the requests again.
        circuit_breakers: { max_retries: 100 },
      },
    }),
  );
});

afterAll(async () => {
  await Promise.all([proxy[Symbol.asyncDispose](), ...victims.map((victim) => victim[Symbol.asyncDispose]())]);
});

/** Steady load; what came of it. `meanwhile` runs while it does. */
async function load(meanwhile: () => Promise<void> = async () => {}): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const agents = Array.from({ length: CLIENTS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const clients = agents.map(async (agent, client) => {
    for (let i = 0; i < REQUESTS; i++) {
      sent++;
      const isPut = i % 2 === 1;
      const path = `/${client}/${i}`;
      const { status, text } = await send(proxy.port, path, {
        agent,
        ...(isPut ? { method: "PUT", body: "a body" } : {}),
      });
      const isRight = text === `${isPut ? "PUT" : "GET"} ${path} ${isPut ? "a body" : ""}`;
      const outcome = status === 200 && isRight ? "right" : `${status} ${text}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  });
  await Promise.all([...clients, meanwhile()]);
  for (const agent of agents) agent.destroy();
  return outcomes;
}

const ALL_RIGHT = new Map([["right", CLIENTS * REQUESTS]]);

describe.each([1, 2])("%d of three hosts", (count) => {
  test.each(HARMS)("%s", async (harm) => {
    // Begins and ends in the middle of requests.
    const some = victims.slice(0, count);
    expect(
      await load(async () => {
        await Promise.all(some.map((victim) => victim.suffer(harm)));
      }),
    ).toEqual(ALL_RIGHT);
    expect(await load()).toEqual(ALL_RIGHT);
    await Promise.all(some.map((victim) => victim.recover(harm)));
    expect(await load()).toEqual(ALL_RIGHT);
  });
});

test("two different harms at a time, from host to host", async () => {
  for (const [i, harm] of HARMS.entries()) {
    const other = HARMS[(i + 3) % HARMS.length]!;
    const [first, second] = [victims[i % HOSTS]!, victims[(i + 1) % HOSTS]!];
    await Promise.all([first.suffer(harm), second.suffer(other)]);
    expect(await load(), `${harm} and ${other}`).toEqual(ALL_RIGHT);
    await Promise.all([first.recover(harm), second.recover(other)]);
  }
});

test("afterwards nothing is left: no request, no retry, no connection that somebody waits for", async () => {
  expect(await load()).toEqual(ALL_RIGHT);
  await eventually("all is at rest", async () => {
    const stats = await proxy.admin.stats();
    const value = (name: string) => stats.get(`cluster.web.${name}`) ?? 0;
    const busy = ["upstream_rq_active", "upstream_rq_pending_active", "circuit_breakers.default.rq_retry_open"];
    if (busy.some((name) => value(name) !== 0)) return false;
    return value("upstream_cx_active") <= HOSTS * CLIENTS && stats.get("http.front.downstream_rq_active") === 0;
  });
  const stats = await proxy.admin.stats();
  expect(stats.get("cluster.web.upstream_rq_200")).toBe(sent);
  expect(stats.get("cluster.web.upstream_rq_retry")).toBeGreaterThan(100);
  expect(stats.get("cluster.web.upstream_rq_retry_limit_exceeded") ?? 0).toBe(0);
});
