// What `/filters` and Prometheus tell of a proxy with two workers, every stream measured: what was sent is what they count.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type ProxyProcess, startProxyProcess } from "../support/proxy-process.ts";
import { ANY_PORT, forwardTo, startProxy } from "../support/proxy.ts";

const REQUESTS = 24;
const LIMIT = 30;

interface FilterJson {
  readonly name: string;
  readonly errors: number;
  readonly hooks: Readonly<
    Record<string, { calls: number; time_us: { sum: number; p50: number; buckets: number[][] } }>
  >;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly held: Readonly<Record<string, { times: number; time_ms: { sum: number } }>>;
}
interface ChainJson {
  readonly listener: string;
  readonly sample: string;
  readonly sampled_streams: number;
  readonly filters: readonly FilterJson[];
}

describe("a proxy that measures every stream", () => {
  let origin: HttpOrigin;
  let proxy: ProxyProcess;
  let chains: readonly ChainJson[];
  beforeAll(async () => {
    origin = await HttpOrigin.start();
    const http = {
      filters: [
        {
          local_ratelimit: { token_bucket: { max_tokens: LIMIT, tokens_per_fill: 1, fill_interval: "3600s" } },
          name: "limit",
        },
        { buffer: { max_request_bytes: 1000 } },
      ],
      routes: [{ prefix: "/", cluster: "web" }],
    };
    proxy = await startProxyProcess({
      filter_cost: { sample: 1 },
      listeners: [
        { name: "front", address: ANY_PORT, http },
        { name: "idle", address: ANY_PORT, http },
      ],
      clusters: { web: origin.address },
    });
    for (let i = 0; i < REQUESTS; i++) await send(proxy.frontPort, "/", { method: "POST", body: "abc" });
    for (let i = REQUESTS; i < LIMIT + 5; i++) await send(proxy.frontPort, "/");
    ({ filter_chains: chains } = (await proxy.admin.json("/filters?format=json")) as {
      filter_chains: readonly ChainJson[];
    });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
  });
  const filter = (name: string) => chains[0]!.filters.find((each) => each.name === name)!;

  test("counts streams, calls and verdicts of both workers together", () => {
    expect(chains[0]).toMatchObject({ listener: "front", sample: "1", sampled_streams: LIMIT + 5 });
    expect(filter("limit").hooks["onRequestHeaders"]!.calls).toBe(LIMIT + 5);
    // Its hook for response headers goes on with all of them.
    expect(filter("limit").verdicts).toEqual({ continue: LIMIT + LIMIT + 5, reply: 5 });
    const buffer = filter("envoy.filters.http.buffer");
    expect(buffer.hooks["onRequestHeaders"]!.calls).toBe(LIMIT);
    expect(filter("envoy.filters.http.router").hooks["onRequestHeaders"]!.calls).toBe(LIMIT);
    expect(filter("limit").errors).toBe(0);
  });

  test("has the time of every call in a histogram, and how long the body was held", () => {
    const { calls, time_us: us } = filter("limit").hooks["onRequestHeaders"]!;
    expect(us.buckets.at(-1)![1]).toBe(calls);
    expect(us.sum).toBeGreaterThan(0);
    expect(us.p50).toBeGreaterThan(0);
    const { held } = filter("envoy.filters.http.buffer");
    expect(held["request"]!.times).toBe(REQUESTS);
    expect(held["request"]!.time_ms.sum).toBeGreaterThan(0);
  });

  test("keeps listeners apart whose filters have the same names", () => {
    expect(chains[1]).toMatchObject({ listener: "idle", sampled_streams: 0 });
    expect(chains[1]!.filters.every(({ hooks }) => Object.keys(hooks).length === 0)).toBe(true);
  });

  test("shows the same as a table", async () => {
    const { body } = await proxy.admin.get("/filters");
    expect(body).toContain(`listener front: measured 1, ${LIMIT + 5} streams so far`);
    expect(body).toMatch(
      new RegExp(`^ {2}limit +onRequestHeaders +${LIMIT + 5} .* continue ${LIMIT + LIMIT + 5}, reply 5 +0$`, "m"),
    );
  });

  test("gives Prometheus labels and base units, and /stats nothing of it", async () => {
    const { body } = await proxy.admin.get("/stats/prometheus");
    const place = 'listener="front",filter_chain=""';
    expect(body).toContain(`sluice_filter_sampled_streams_total{${place}} ${LIMIT + 5}\n`);
    expect(body).toContain(`sluice_filter_verdicts_total{${place},filter="limit",verdict="reply"} 5\n`);
    expect(body).toContain(`sluice_filter_errors_total{${place},filter="limit"} 0\n`);
    const name = "sluice_filter_hook_seconds";
    const labels = `${place},filter="limit",hook="onRequestHeaders"`;
    expect(body).toContain(`# TYPE ${name} histogram\n`);
    expect(body).toContain(`${name}_bucket{${labels},le="+Inf"} ${LIMIT + 5}\n`);
    expect(body).toContain(`${name}_bucket{${labels},le="0.000001"} `);
    expect(Number(body.split(`${name}_sum{${labels}} `)[1]!.split("\n")[0])).toBeLessThan(1);
    expect((await proxy.admin.get("/stats")).body).not.toContain("#filter");
  });
});

test("a proxy that measures nothing says so and has no numbers", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address, { config: { filter_cost: { sample: "off" } } }));
  await send(proxy.port, "/");
  const { body } = await proxy.admin.get("/filters?format=json");
  expect(JSON.parse(body)).toMatchObject({
    filter_chains: [{ sample: "off", sampled_streams: 0, filters: [{ hooks: {}, verdicts: {} }] }],
  });
});

test("errors are counted of all streams, also of those that are not measured", async () => {
  await using origin = await HttpOrigin.start();
  const { defineHttpFilter } = await import("@sluice/sdk");
  const throwing = defineHttpFilter({
    id: "test.throws",
    maturity: "alpha",
    security: "unknown",
    config: { type: "object" },
    create: () => ({
      onRequestHeaders() {
        throw new Error("no");
      },
    }),
  });
  const http = { filters: ["test.throws"] };
  const config = { filter_cost: { sample: "1/1000000" as const } };
  await using proxy = await startProxy(forwardTo(origin.address, { http, config }), { extensions: [throwing] });
  for (let i = 0; i < 7; i++) expect((await send(proxy.port, "/")).status).toBe(500);
  const { filter_chains: chains } = (await proxy.admin.json("/filters?format=json")) as { filter_chains: ChainJson[] };
  expect(chains[0]!.filters[0]).toMatchObject({ name: "test.throws", errors: 7 });
});
