// Every upstream is restarted, one after the other, as a roll-out does it, while requests go on: none fails.
import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Http2Client } from "../support/http2-client.ts";
import { send } from "../support/http-request.ts";
import { type Forwarding, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { ofHosts } from "../health/support/clusters-page.ts";
import { PlainOrigin, type Protocol } from "./plain-origin.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const HOSTS = 3;
const CLIENTS = 6;
/** While one is gone, and when it is back. */
const BETWEEN = 60;

type Cluster = NonNullable<Forwarding["cluster"]>;

/** Requests without end, until it is stopped. */
class Load implements AsyncDisposable {
  readonly failures: string[] = [];
  done = 0;
  #stops = false;
  readonly #clients: Promise<void>[];

  constructor(ask: (client: number, i: number) => Promise<string>) {
    this.#clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let i = 0; !this.#stops; i++) {
        const failure = await ask(client, i).catch(String);
        if (failure !== "") this.failures.push(failure);
        this.done++;
      }
    });
  }

  async more(count: number): Promise<void> {
    const until = this.done + count;
    await eventually("the load goes on", () => this.done >= until, 30_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stops = true;
    await Promise.all(this.#clients);
  }
}

function judge(status: number, text: string, expected: string): string {
  return status === 200 && text === expected ? "" : `${status} ${JSON.stringify(text)}, not ${expected}`;
}

describe.each(["http1", "http2"] as const)("%s", (protocol: Protocol) => {
  let origins: PlainOrigin[] = [];

  beforeAll(async () => {
    origins = await Promise.all(Array.from({ length: HOSTS }, () => PlainOrigin.start(protocol)));
  });

  afterAll(() => Promise.all(origins.map((origin) => origin[Symbol.asyncDispose]())));

  async function start(cluster: Cluster): Promise<RunningProxy> {
    return startProxy(
      forwardTo("", {
        route: { retry: { attempts: 3, back_off: "0.01s" } },
        cluster: { endpoints: origins.map(({ address }) => address), protocol, ...cluster },
      }),
      { concurrency: 2 },
    );
  }

  async function roll(load: Load, first: (origin: PlainOrigin) => Promise<void> = async () => {}): Promise<void> {
    const before = origins.map(({ pid }) => pid);
    for (const origin of origins) {
      await first(origin);
      await origin.restart(() => load.more(BETWEEN));
      await load.more(BETWEEN);
    }
    await load[Symbol.asyncDispose]();
    expect(origins.filter(({ pid }, i) => pid === before[i])).toEqual([]);
  }

  async function isAtRest(proxy: RunningProxy): Promise<void> {
    await eventually("nothing is under way", async () => {
      const stats = await proxy.admin.stats();
      const names = ["upstream_rq_active", "upstream_rq_pending_active", "circuit_breakers.default.rq_retry_open"];
      return names.every((name) => (stats.get(`cluster.web.${name}`) ?? 0) === 0);
    });
  }

  test.each([
    ["as many retries as it takes", { circuit_breakers: { max_retries: 100 } }],
    [
      "checks",
      {
        circuit_breakers: { max_retries: 100 },
        health_check: { path: "/healthz", interval: "0.1s", healthy_threshold: 1, http2: protocol === "http2" },
      },
    ],
  ] satisfies [string, Cluster][])("clients of HTTP/1, %s", async (_name, cluster) => {
    await using proxy = await start(cluster);
    const agents = Array.from({ length: CLIENTS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    await using load = new Load(async (client, i) => {
      const path = `/${client}/${i}`;
      const isPut = i % 2 === 1;
      const { status, text } = await send(proxy.port, path, {
        agent: agents[client]!,
        ...(isPut ? { method: "PUT", body: "a body" } : {}),
      });
      return judge(status, text, `${isPut ? "PUT" : "GET"} ${path} ${isPut ? "a body" : ""}`);
    });
    await roll(load);
    for (const agent of agents) agent.destroy();
    expect(load.failures).toEqual([]);
    await isAtRest(proxy);
  });

  test("those that fail their checks before they end, under the default budget: no request is sent again", async () => {
    const http2 = protocol === "http2";
    const health_check = { path: "/healthz", interval: "0.1s", healthy_threshold: 1, http2 } as const;
    await using proxy = await start({ health_check });
    await using load = new Load(async (client, i) => {
      const path = `/${client}/${i}`;
      const { status, text } = await send(proxy.port, path, { method: "POST", body: "a body" });
      return judge(status, text, `POST ${path} a body`);
    });
    await roll(load, async (origin) => {
      await eventually("all are in", async () => {
        const flags = await ofHosts(proxy, "health_flags");
        return Object.values(flags).every((flag) => flag === "healthy");
      });
      await origin.leave();
      await eventually("it is out", async () => (await ofHosts(proxy, "pick"))[origin.address]!.startsWith("no"));
      // Workers hear of it a moment later.
      await eventually("nothing goes there any more", async () => {
        const before = (await ofHosts(proxy, "rq_total"))[origin.address];
        await load.more(BETWEEN);
        return (await ofHosts(proxy, "rq_total"))[origin.address] === before;
      });
    });
    expect(load.failures).toEqual([]);
    await isAtRest(proxy);
    const stats = await proxy.admin.stats();
    expect(stats.get("cluster.web.upstream_rq_total")).toBe(load.done);
    expect(stats.get("cluster.web.upstream_rq_retry") ?? 0).toBe(0);
    expect(stats.get("cluster.web.upstream_rq_sent_again") ?? 0).toBe(0);
  });

  test("a client of HTTP/2", async () => {
    await using proxy = await start({ circuit_breakers: { max_retries: 100 } });
    await using client = await Http2Client.open(proxy.port);
    await using load = new Load(async (number, i) => {
      const path = `/${number}/${i}`;
      const isPut = i % 2 === 1;
      const method = isPut ? "PUT" : "GET";
      const { status, body } = await client.send({ ":path": path, ":method": method }, isPut ? "a body" : undefined);
      return judge(status, body.toString(), `${method} ${path} ${isPut ? "a body" : ""}`);
    });
    await roll(load);
    expect(load.failures).toEqual([]);
    await isAtRest(proxy);
  });
});
