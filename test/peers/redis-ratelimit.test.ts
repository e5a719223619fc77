// redis_ratelimit with a real redis-server: what several proxies admit together, and what they do while Redis is killed, paused, or strange to them.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Response, send } from "../support/http-request.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../support/proxy.ts";
import { RedisCluster, RedisServer } from "./support/redis-server.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/tls/", import.meta.url));
/** Long enough that nothing comes back while a test runs. */
const NEVER = "86400s";
/** Long enough that a loaded machine is never too late. */
const PATIENT = { timeout: "10s" };
const STATS = "http.front.sluice_filters_http_redis_ratelimit.";

const gcra = (requests: number, name = "all") => ({
  name,
  gcra: { requests, per: NEVER },
  key: [{ header: "x-client" }],
});

function proxyWith(redis: unknown, filter: object, concurrency = 0): Promise<RunningProxy> {
  return startProxy(
    {
      listeners: [
        {
          name: "front",
          address: ANY_PORT,
          http: {
            stat_prefix: "front",
            filters: [{ redis_ratelimit: { redis, ...filter } }],
            routes: [{ prefix: "/", respond: { status: 200, body: "ok" } }],
          },
        },
      ],
    } as never,
    { concurrency },
  );
}

async function statuses(proxies: readonly RunningProxy[], count: number, client = "a"): Promise<number[]> {
  const responses = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      send(proxies[i % proxies.length]!.port, "/", { headers: { "x-client": client } }),
    ),
  );
  return responses.map(({ status }: Response) => status);
}

const admitted = (seen: readonly number[]): number => seen.filter((status) => status === 200).length;
const ask = (proxy: RunningProxy, client = "a"): Promise<Response> =>
  send(proxy.port, "/", { headers: { "x-client": client } });

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

describe("the limit", () => {
  test.each(["gcra", "token_bucket"])(
    "of %s is what two proxies with two workers each admit together, exactly",
    async (algorithm) => {
      const rate =
        algorithm === "gcra"
          ? { gcra: { requests: 50, per: NEVER } }
          : { token_bucket: { max_tokens: 50, tokens_per_fill: 50, fill_interval: NEVER } };
      const filter = {
        ...PATIENT,
        domain: algorithm,
        limits: [{ name: "all", ...rate, key: [{ header: "x-client" }] }],
      };
      await using one = await proxyWith(redis.url, filter, 2);
      await using two = await proxyWith(redis.url, filter, 2);
      const [a, b] = await Promise.all([statuses([one, two], 120, "a"), statuses([two, one], 120, "b")]);
      expect([admitted(a), admitted(b)]).toEqual([50, 50]);
      expect(new Set(a)).toEqual(new Set([200, 429]));
      const counts = async (name: string) =>
        (await one.admin.stats()).get(STATS + name)! + (await two.admin.stats()).get(STATS + name)!;
      expect([await counts("ok"), await counts("over_limit"), await counts("redis_error")]).toEqual([100, 140, 0]);
    },
  );

  test.each([
    ["gcra", { gcra: { requests: 10, per: "1s", burst: 1 } }],
    ["token_bucket", { token_bucket: { max_tokens: 1, fill_interval: "0.1s" } }],
  ])("of %s lets the next pass after a while, and forgets a key whose bucket is full", async (name, rate) => {
    await using proxy = await proxyWith(redis.url, {
      ...PATIENT,
      domain: `refill-${name}`,
      limits: [{ name, ...rate, key: [{ generic: "x" }] }],
    });
    expect((await ask(proxy)).status).toBe(200);
    await eventually("the next passes", async () => (await ask(proxy)).status === 200);
    const keys = () => redis.cli("keys", `sluice:refill-${name}:*`);
    await eventually("redis has forgotten", async () => (await keys()) === "");
  });

  test("of several at once takes of all or of none, and tells clients", async () => {
    const filter = {
      ...PATIENT,
      domain: "several",
      headers: ["ratelimit", "x-ratelimit"],
      limits: [gcra(3, "each"), { name: "total", gcra: { requests: 4, per: NEVER }, key: [{ generic: "all" }] }],
    };
    await using proxy = await proxyWith(redis.url, filter);
    for (let i = 0; i < 3; i++) expect((await ask(proxy, "a")).status).toBe(200);
    const refused = await ask(proxy, "a");
    expect([refused.status, refused.text]).toEqual([429, "rate limited"]);
    // 86400 seconds less what the requests took.
    expect(refused.headers).toMatchObject({
      "ratelimit-policy": '"each";q=3;w=86400, "total";q=4;w=86400',
      ratelimit: expect.stringMatching(/^"each";r=0;t=86[34]\d\d, "total";r=1;t=\d+$/),
      "x-ratelimit-limit": '3, 3;w=86400;name="each", 4;w=86400;name="total"',
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": expect.stringMatching(/^86[34]\d\d$/),
    });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(28_000);
    // What was refused has taken nothing of the other limit.
    expect([(await ask(proxy, "b")).status, (await ask(proxy, "c")).status]).toEqual([200, 429]);
  });

  test("holds for identities that look like names in Redis", async () => {
    await using proxy = await proxyWith(redis.url, { ...PATIENT, domain: "odd", limits: [gcra(1)] });
    for (const client of ["{a}", "{a}b", "x".repeat(5000), "x".repeat(5001), "=", "#", "a b", "é"])
      expect([await statuses([proxy], 1, client), await statuses([proxy], 1, client)], client).toEqual([[200], [429]]);
    const names = (await redis.cli("keys", "sluice:odd:*")).split("\n");
    expect(names).toHaveLength(8);
    expect(names.every((name) => name.length < 120 && /^sluice:odd:all:[=#][\w=#-]*$/.test(name))).toBe(true);
  });

  test("survives a change of its size, and scripts that Redis forgot", async () => {
    await using before = await proxyWith(redis.url, { ...PATIENT, domain: "change", limits: [gcra(5)] });
    expect(admitted(await statuses([before], 9))).toBe(5);
    await redis.cli("script", "flush");
    await using after = await proxyWith(redis.url, { ...PATIENT, domain: "change", limits: [gcra(7)] });
    expect(admitted(await statuses([after, before], 9))).toBe(2);
  });
});

describe("while Redis is away", () => {
  test.each([
    ["open", [200, 200, 200, 200]],
    ["closed", [500, 500, 500, 500]],
    ["local", [200, 200, 429, 429]],
  ])("failure mode %s answers, and asks Redis again once it is back", async (failure_mode, expected) => {
    await using server = await RedisServer.start();
    await using proxy = await proxyWith(server.url, { ...PATIENT, failure_mode, limits: [gcra(2)] });
    expect(await statuses([proxy], 1, "b")).toEqual([200]);
    await server.kill();
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push(...(await statuses([proxy], 1)));
    expect(seen).toEqual(expected);
    await server.start();
    await eventually("the proxy asks again", async () => {
      await ask(proxy, "warm");
      return (await server.cli("keys", "*:=warm")) !== "";
    });
    // What Redis counts is lost with it: the limit begins anew, and is exact again.
    expect(admitted(await statuses([proxy], 5, "c"))).toBe(2);
    expect(
      proxy.log.filter(({ message }) => /redis is (away|back)/.test(message)).map(({ message }) => message),
    ).toEqual([expect.stringContaining("redis is away"), expect.stringContaining("redis is back")]);
  });

  test("killed and started under load: every request is answered, and each life of Redis admits no more than the limit", async () => {
    await using server = await RedisServer.start();
    const filter = { ...PATIENT, failure_mode: "closed", limits: [gcra(20)] };
    await using one = await proxyWith(server.url, filter);
    await using two = await proxyWith(server.url, filter);
    const seen: number[] = [];
    let isOver = false;
    const clients = Array.from({ length: 8 }, async (_, i) => {
      while (!isOver) seen.push((await ask(i % 2 === 0 ? one : two)).status);
    });
    for (let lives = 1; lives <= 3; lives++) {
      await eventually("the limit of this life is used up", () => admitted(seen) === 20 * lives);
      const before = seen.length;
      await eventually("requests are refused", () => seen.slice(before).includes(429));
      await server.kill();
      const away = seen.length;
      await eventually("requests are answered without it", () => seen.slice(away).includes(500));
      if (lives < 3) await server.start();
    }
    isOver = true;
    await Promise.all(clients);
    expect(admitted(seen)).toBe(60);
    expect(new Set(seen)).toEqual(new Set([200, 429, 500]));
  });

  test("paused, it holds up nobody for longer than the time-out, and no decision of then is lost or pending later", async () => {
    await using server = await RedisServer.start();
    const filter = { timeout: "0.05s", failure_mode: "local", limits: [gcra(10)] };
    await using proxy = await proxyWith(server.url, filter);
    expect((await ask(proxy, "b")).status).toBe(200);
    const before = await proxy.admin.stats();
    server.pause();
    // All of these are answered while Redis stands still.
    const seen = [...(await statuses([proxy], 30)), ...(await statuses([proxy], 30))];
    expect(admitted(seen)).toBe(10);
    // Where the machine was slow the first request was late, too.
    const stats = await proxy.admin.stats();
    const since = (name: string) => stats.get(STATS + name)! - before.get(STATS + name)!;
    expect(since("fallback")).toBe(60);
    expect(since("redis_timeout") + since("redis_error")).toBe(60);
    expect(since("redis_timeout")).toBeGreaterThan(0);
    server.unpause();
    await eventually("the proxy asks again", async () => {
      await ask(proxy, "warm");
      return (await server.cli("keys", "*:=warm")) !== "";
    });
  });

  test("from the beginning, the proxy starts all the same", async () => {
    await using server = await RedisServer.start();
    const { url } = server;
    await server.kill();
    await using proxy = await proxyWith(url, { ...PATIENT, limits: [gcra(2)] });
    expect(admitted(await statuses([proxy], 5))).toBe(2);
    await server.start();
    await eventually("the proxy asks", async () => {
      await ask(proxy, "warm");
      return (await server.cli("keys", "*:=warm")) !== "";
    });
  });
});

describe("reaching Redis", () => {
  test("with a password, by URL or from a file; a wrong one counts as away", async () => {
    await using server = await RedisServer.start(["--requirepass", "secret word"]);
    const limits = [gcra(1)];
    const withUrl = server.url.replace("//", "//:secret%20word@");
    await using one = await proxyWith(withUrl, { ...PATIENT, failure_mode: "closed", limits });
    expect([(await ask(one)).status, (await ask(one)).status]).toEqual([200, 429]);
    await using two = await proxyWith(
      { url: server.url, password: "wrong" },
      { ...PATIENT, failure_mode: "closed", limits },
    );
    expect((await ask(two, "b")).status).toBe(500);
  });

  test("by a Unix socket", async () => {
    await using proxy = await proxyWith(`unix://${redis.socket}`, { ...PATIENT, domain: "unix", limits: [gcra(1)] });
    expect([(await ask(proxy)).status, (await ask(proxy)).status]).toEqual([200, 429]);
  });

  test("over TLS with a client certificate; a server that nobody vouches for counts as away", async () => {
    const files = ["--tls-cert-file", `${FIXTURES}server.pem`, "--tls-key-file", `${FIXTURES}server.key`];
    const tlsOnly = ["--port", "0", "--tls-port", "PORT", "--tls-ca-cert-file", `${FIXTURES}ca.pem`];
    await using server = await RedisServer.start([...tlsOnly, ...files]);
    const url = server.url.replace("redis:", "rediss:");
    const client = { cert_file: `${FIXTURES}client.pem`, key_file: `${FIXTURES}client.key` };
    const limits = [gcra(1)];
    const tls = { ca_file: `${FIXTURES}ca.pem`, server_name: "localhost", ...client };
    await using proxy = await proxyWith({ url, tls }, { ...PATIENT, failure_mode: "closed", limits });
    expect([(await ask(proxy)).status, (await ask(proxy)).status]).toEqual([200, 429]);
    await using stranger = await proxyWith({ url, tls: client }, { ...PATIENT, failure_mode: "closed", limits });
    expect((await ask(stranger, "b")).status).toBe(500);
  });
});

describe("a cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test("holds limits whose keys are on different nodes, for two proxies together", async () => {
    const filter = { ...PATIENT, limits: [gcra(5), { ...gcra(100, "total"), key: [{ generic: "all" }] }] };
    await using one = await proxyWith({ cluster: cluster.nodes.slice(0, 1) }, filter);
    await using two = await proxyWith({ cluster: cluster.nodes.slice(2) }, filter);
    const clients = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const seen = await Promise.all(clients.map((client) => statuses([one, two], 9, client)));
    expect(seen.map(admitted)).toEqual(clients.map(() => 5));
    const sizes = await Promise.all(cluster.servers.map((server) => server.cli("dbsize")));
    expect(sizes.map(Number).reduce((sum, size) => sum + size, 0)).toBe(9);
    expect(sizes.filter((size) => size !== "0").length).toBeGreaterThan(1);
  });

  test("that is killed and begins anew is asked again", async () => {
    await using lost = await RedisCluster.start();
    await using proxy = await proxyWith(
      { cluster: lost.nodes },
      { ...PATIENT, failure_mode: "closed", limits: [gcra(2)] },
    );
    expect(admitted(await statuses([proxy], 5))).toBe(2);
    await Promise.all(lost.servers.map((server) => server.kill()));
    await eventually("requests are refused", async () => (await ask(proxy, "b")).status === 500);
    await Promise.all(lost.servers.map((server) => server.start()));
    await eventually("requests pass again", async () => (await ask(proxy, "c")).status === 200, 30_000);
  });
});
