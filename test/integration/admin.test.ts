// The admin interface of a proxy with two workers and traffic: what operators and their tools read.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type ProxyProcess, startProxyProcess } from "../support/proxy-process.ts";
import { ANY_PORT } from "../support/proxy.ts";

const pem = (name: string) => readFileSync(fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url)), "utf8");
const KEY = pem("server.key");

let origin: HttpOrigin;
let proxy: ProxyProcess;
beforeAll(async () => {
  origin = await HttpOrigin.start();
  const http = { stat_prefix: "front", routes: [{ prefix: "/", cluster: "web" }] };
  proxy = await startProxyProcess({
    node: { id: "node-1", cluster: "tests" },
    listeners: [
      { name: "front", address: ANY_PORT, http },
      {
        name: "secure",
        address: ANY_PORT,
        tls: { cert: pem("server.pem"), key: KEY },
        http: { ...http, stat_prefix: "secure" },
      },
    ],
    clusters: { web: origin.address },
  });
  for (let count = 0; count < 12; count++) await send(proxy.frontPort, `/${count}`);
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await origin?.[Symbol.asyncDispose]();
});

test("/ready and /server_info", async () => {
  expect(await proxy.admin.get("/ready")).toEqual({ status: 200, body: "LIVE\n" });
  expect(await proxy.admin.json("/server_info")).toMatchObject({
    state: "LIVE",
    node: { id: "node-1", cluster: "tests" },
    command_line_options: { concurrency: 2 },
  });
});

test("/listeners names where every listener is bound", async () => {
  const { body } = await proxy.admin.get("/listeners");
  expect(body).toBe(`front::127.0.0.1:${proxy.frontPort}\nsecure::127.0.0.1:${proxy.port("secure")}\n`);
});

test("/clusters counts over all workers, as text and as JSON", async () => {
  const { body } = await proxy.admin.get("/clusters");
  expect(body).toContain(`web::${origin.address}::rq_total::12\n`);
  expect(body).toContain(`web::${origin.address}::health_flags::healthy\n`);
  const { cluster_statuses: clusters } = (await proxy.admin.json("/clusters?format=json")) as {
    cluster_statuses: Array<{ name: string; host_statuses: Array<{ stats: Array<{ name: string; value?: string }> }> }>;
  };
  expect(clusters.map(({ name }) => name)).toEqual(["web"]);
  expect(clusters[0]?.host_statuses[0]?.stats.find(({ name }) => name === "rq_total")?.value).toBe("12");
});

test("/stats: text, JSON, filter, only what was used, prometheus", async () => {
  expect((await proxy.admin.get("/stats?filter=^http\\.front\\.downstream_rq_2xx$")).body).toBe(
    "http.front.downstream_rq_2xx: 12\n",
  );
  const { stats } = (await proxy.admin.json("/stats?format=json&filter=upstream_rq_total")) as {
    stats: Array<{ name: string; value: number }>;
  };
  expect(stats).toEqual([{ name: "cluster.web.upstream_rq_total", value: 12 }]);
  expect((await proxy.admin.get("/stats?usedonly&filter=downstream_rq_5xx")).body).toBe("");
  expect((await proxy.admin.get("/stats?filter=(")).status).toBe(400);
  const { body } = await proxy.admin.get("/stats/prometheus");
  expect(body).toMatch(/^envoy_cluster_upstream_rq_total\{envoy_cluster_name="web"\} 12$/m);
  expect(body).toMatch(/^# TYPE envoy_cluster_upstream_rq_total counter$/m);
  expect(body).toMatch(/^envoy_http_downstream_rq_time_bucket\{.*le="\+Inf"\} 12$/m);
  expect(body).toMatch(/^process_resident_memory_bytes \d+/m);
});

test("/config_dump shows the configuration, never a private key", async () => {
  const { body } = await proxy.admin.get("/config_dump");
  expect(JSON.parse(body)).toHaveProperty("configs");
  expect(body).toContain('"front"');
  expect(body).not.toContain(KEY.split("\n")[1]!);
  expect(body).toContain("[redacted]");
});

test("/certs, /memory, /help and the home page answer", async () => {
  expect(JSON.stringify(await proxy.admin.json("/certs"))).toContain("server.test");
  expect(await proxy.admin.json("/memory")).toHaveProperty("allocated");
  expect((await proxy.admin.get("/help")).body).toContain("/stats/prometheus");
  expect((await proxy.admin.get("/")).body).toContain("<html");
  expect((await proxy.admin.get("/nothing")).status).toBe(404);
});

test("what changes state takes POST alone", async () => {
  for (const path of [
    "/quitquitquit",
    "/healthcheck/fail",
    "/reset_counters",
    "/drain_listeners",
    "/logging?level=debug",
  ]) {
    const { status } = await proxy.admin.get(path);
    expect([path, status >= 400 && status < 500]).toEqual([path, true]);
  }
  expect((await proxy.admin.get("/ready")).status).toBe(200);
});

test("/healthcheck/fail and ok turn /ready", async () => {
  expect((await proxy.admin.post("/healthcheck/fail")).status).toBe(200);
  expect((await proxy.admin.get("/ready")).status).toBe(503);
  expect((await send(proxy.frontPort, "/")).status).toBe(200);
  expect((await proxy.admin.post("/healthcheck/ok")).status).toBe(200);
  expect((await proxy.admin.get("/ready")).status).toBe(200);
});

test("a name that a foreign page could have resolved to the loopback address is refused", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request(
    { host: "127.0.0.1", port: proxy.port("admin address"), path: "/stats", headers: { host: "evil.example" } },
    (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    },
  )
    .on("error", reject)
    .end();
  expect(await promise).toBe(403);
});

test("/reset_counters puts counters to zero, in all workers", async () => {
  expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBeGreaterThan(0);
  await proxy.admin.post("/reset_counters");
  expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(0);
  await send(proxy.frontPort, "/");
  expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(1);
});
