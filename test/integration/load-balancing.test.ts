// Balancing of a running proxy, with real origins: sessions by cookie, subsets, overrides of filters, priorities, hosts that fail fast.
import { expect, test } from "vitest";
import { Continue } from "../../packages/sdk/src/index.ts";
import type { RequestHook } from "../../packages/core/src/config/define-config.ts";
import { type SluiceConfig, createServer } from "../../packages/core/src/index.ts";
import { HttpOrigin, type Answer } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { ANY_PORT, forwardTo, startProxy } from "../support/proxy.ts";

type Cluster = Exclude<NonNullable<SluiceConfig["clusters"]>[string], string | readonly string[]>;

const SILENT = { enabled: () => false, write() {} };

class Origins implements AsyncDisposable {
  readonly all: readonly HttpOrigin[];

  constructor(all: readonly HttpOrigin[]) {
    this.all = all;
  }

  /** Each answers with its number, unless `answer` says otherwise. */
  static async start(count: number, answer?: (number: number) => Answer): Promise<Origins> {
    const say =
      (number: number): Answer =>
      (_, response) =>
        void response.end(String(number));
    return new Origins(
      await Promise.all(Array.from({ length: count }, (_, i) => HttpOrigin.start((answer ?? say)(i)))),
    );
  }

  config(cluster: Cluster, more: Parameters<typeof forwardTo>[1] = {}): SluiceConfig {
    const endpoints = cluster.endpoints ?? this.all.map(({ address }) => address);
    return forwardTo("", { ...more, config: { ...more.config, clusters: { web: { ...cluster, endpoints } } } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((origin) => origin[Symbol.asyncDispose]()));
  }
}

test("a client without a cookie gets one, and stays with its host from then on", async () => {
  await using origins = await Origins.start(5);
  const route = { hash: { cookie: "session", ttl: "60s", path: "/" } } as const;
  await using proxy = await startProxy(origins.config({ load_balancing: "ring_hash" }, { route }));
  const hosts = new Set<string>();
  for (let client = 0; client < 8; client++) {
    const first = await send(proxy.port, "/");
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^session="[0-9a-f]{16}"; Max-Age=60; Path=\/; HttpOnly$/);
    hosts.add(first.text);
    const headers = { cookie: cookie.slice(0, cookie.indexOf(";")) };
    for (let i = 0; i < 3; i++) {
      const next = await send(proxy.port, "/", { headers });
      expect(next.text).toBe(first.text);
      expect(next.headers["set-cookie"]).toBeUndefined();
    }
  }
  // Eight connections have eight ports, whose hashes are not all one host's: that would be a chance of 1 in 78,125.
  expect(hosts.size).toBeGreaterThan(1);
});

test("routes choose subsets, weighted clusters besides; what a filter leaves has the last word", async () => {
  await using origins = await Origins.start(3);
  const [one, two, canary] = origins.all.map(({ address }) => address);
  const cluster: Cluster = {
    endpoints: [
      { address: one!, metadata: { version: "1" } },
      { address: two!, metadata: { version: "2", stage: "prod" } },
      { address: canary!, metadata: { version: "2", stage: "canary" } },
    ],
    load_balancing: { subsets: [["version"], ["stage", "version"]] },
  };
  const rule = { header: "x-version", on_header_present: { metadata_namespace: "envoy.lb", key: "version" } };
  const filters = [{ header_to_metadata: { request_rules: [rule] } }];
  const routes = [
    { path: "/1", cluster: "web", subset: { version: "1" } },
    { path: "/canary", clusters: [{ name: "web", weight: 1, subset: { stage: "canary" } }], subset: { version: "2" } },
    { path: "/2", cluster: "web", subset: { version: "2" } },
    { prefix: "/", cluster: "web", subset: { version: "3" } },
  ];
  await using proxy = await startProxy(origins.config(cluster, { http: { filters, routes } }));
  const ask = async (path: string, headers = {}) => (await send(proxy.port, path, { headers })).text;
  expect(await ask("/1")).toBe("0");
  expect(await ask("/canary")).toBe("2");
  expect(new Set([await ask("/2"), await ask("/2"), await ask("/2")])).toEqual(new Set(["1", "2"]));
  expect(await ask("/else")).toBe("no healthy upstream");
  expect(await ask("/else", { "x-version": "1" })).toBe("0");
});

test("a filter that keeps sessions together says which host", async () => {
  await using origins = await Origins.start(4);
  const sticky: RequestHook = (headers, _end, stream) => {
    const address = headers.get("x-host");
    if (address !== undefined) stream.info.upstreamOverride = { address, strict: headers.get("x-strict") === "1" };
    return Continue;
  };
  const http = { filters: [sticky], routes: [{ prefix: "/", cluster: "web" }] };
  const clusters = { web: origins.all.map(({ address }) => address) };
  const server = createServer({ listeners: [{ address: ANY_PORT, http }], clusters }, { concurrency: 0, log: SILENT });
  try {
    const { port } = (await server.start()).listeners[0]!;
    const ask = (headers: Record<string, string>) => send(port, "/", { headers });
    const wanted = origins.all[2]!.address;
    for (let i = 0; i < 5; i++) expect((await ask({ "x-host": wanted })).text).toBe("2");
    expect((await ask({ "x-host": "127.0.0.1:1" })).status).toBe(200);
    expect((await ask({ "x-host": "127.0.0.1:1", "x-strict": "1" })).status).toBe(503);
  } finally {
    await server.stop();
  }
});

test("the next priority gets what the first cannot carry; /clusters shows it", async () => {
  await using origins = await Origins.start(2);
  const [near, far] = origins.all.map(({ address }) => address);
  const endpoints = [
    { address: near!, health: "unhealthy", locality: { region: "r", zone: "a", sub_zone: "s" }, weight: 7 },
    { address: far!, priority: 1, metadata: { canary: true } },
  ] as const;
  await using proxy = await startProxy(origins.config({ endpoints, load_balancing: "least_request" }));
  for (let i = 0; i < 5; i++) expect((await send(proxy.port, "/")).text).toBe("1");
  const text = (await proxy.admin.get("/clusters")).body;
  for (const row of [
    "web::load_balancing::least_request",
    `web::${near}::weight::7`,
    `web::${near}::region::r`,
    `web::${near}::zone::a`,
    `web::${near}::sub_zone::s`,
    `web::${near}::priority::0`,
    `web::${near}::health_flags::/failed_eds_health`,
    `web::${far}::priority::1`,
    `web::${far}::canary::true`,
  ])
    expect(text).toContain(`${row}\n`);
});

test("peak EWMA leaves a host that fails at once, and says so", async () => {
  await using origins = await Origins.start(2, (number) => (_, response) => {
    if (number === 0) response.writeHead(503, { "retry-after": "60" });
    response.end(String(number));
  });
  await using proxy = await startProxy(origins.config({ load_balancing: "peak_ewma" }));
  for (let i = 0; i < 60; i++) await send(proxy.port, "/");
  expect(origins.all[0]!.seen.length).toBeLessThan(3);
  const text = (await proxy.admin.get("/clusters")).body;
  const [failing, fine] = origins.all.map(({ address }) => address);
  expect(text).toContain(`web::${failing}::latency_holds::${origins.all[0]!.seen.length}\n`);
  expect(text).toContain(`web::${failing}::latency_penalties::${origins.all[0]!.seen.length}\n`);
  expect(text).toContain(`web::${fine}::latency_penalties::0\n`);
  expect(text).toMatch(new RegExp(`web::${fine}::latency_ewma_us::[1-9]\\d*\n`));
});

test("TCP connections of one address reach one host", async () => {
  await using origins = await Origins.start(4);
  const clusters = { web: { endpoints: origins.all.map(({ address }) => address), load_balancing: "maglev" } } as const;
  const listeners = [{ name: "front", address: ANY_PORT, tcp: { cluster: "web", hash: "source_ip" } }] as const;
  await using proxy = await startProxy({ listeners, clusters });
  const answers = new Set<string>();
  for (let i = 0; i < 6; i++) {
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    answers.add(String((await client.next()).body));
  }
  expect(answers.size).toBe(1);
});
