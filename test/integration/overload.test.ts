// The filters that guard upstreams, over sockets and as Envoy's messages configure them: admission_control, adaptive_concurrency, bandwidth_limit.
import { Agent } from "node:http";
import { expect, test } from "vitest";
import { envoyConfig } from "../support/envoy-config.ts";
import { eventually } from "../support/eventually.ts";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";

const v3 = (message: string, config: object): object => ({
  "@type": `type.googleapis.com/envoy.extensions.filters.http.${message}`,
  ...config,
});

test("admission_control refuses requests of an upstream that fails", async () => {
  await using origin = await HttpOrigin.start((request, response) => {
    request.resume();
    response.writeHead(500).end();
  });
  const filter = v3("admission_control.v3.AdmissionControl", {
    enabled: { default_value: true, runtime_key: "admission.on" },
    success_criteria: {
      http_criteria: { http_success_status: [{ start: 200, end: 400 }] },
      grpc_criteria: { grpc_success_status: [0, 1] },
    },
    sampling_window: "60s",
    aggression: { default_value: 1.5, runtime_key: "admission.aggression" },
    sr_threshold: { default_value: { value: 90 }, runtime_key: "admission.sr" },
    rps_threshold: { default_value: 0, runtime_key: "admission.rps" },
    max_rejection_probability: { default_value: { value: 100 }, runtime_key: "admission.most" },
  });
  const config = envoyConfig({ filters: { admission_control: filter }, clusters: { web: origin } });
  await using proxy = await startProxy(config);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let refused = 0;
  // With n failures the next one passes with the probability 1 - (n / (n + 1)) ^ (2 / 3): that all do is beyond belief.
  for (let i = 0; i < 60; i++) if ((await send(proxy.port, "/", { agent })).status === 503) refused++;
  agent.destroy();
  expect(refused).toBeGreaterThan(20);
  expect(origin.seen).toHaveLength(60 - refused);
  const stat = (name: string) => proxy.admin.stat(`http.front.admission_control.${name}`);
  expect([await stat("rq_rejected"), await stat("rq_success"), await stat("rq_failure")]).toEqual([
    refused,
    0,
    60 - refused,
  ]);
});

test.each([
  ["is measured", { interval: "60s", jitter: { value: 10 }, request_count: 3, buffer: { value: 25 } }, {}],
  ["is known", { fixed_value: "0.025s" }, { min_concurrency_limit: 1 }],
])("adaptive_concurrency answers what is beyond its limit; the least time %s", async (_name, minRtt, limit) => {
  const held: Array<() => void> = [];
  await using origin = await HttpOrigin.start((_, response) => {
    held.push(() => response.end("done"));
  });
  const filter = v3("adaptive_concurrency.v3.AdaptiveConcurrency", {
    gradient_controller_config: {
      sample_aggregate_percentile: { value: 90 },
      concurrency_limit_params: { concurrency_update_interval: "0.1s", max_concurrency_limit: 50, ...limit },
      min_rtt_calc_params: { min_concurrency: 1, ...minRtt },
    },
    enabled: { default_value: true, runtime_key: "adaptive.on" },
    concurrency_limit_exceeded_status: { code: "TooManyRequests" },
  });
  const config = envoyConfig({ filters: { adaptive_concurrency: filter }, clusters: { web: origin } });
  await using proxy = await startProxy(config);
  const first = send(proxy.port, "/");
  await eventually("it is under way", () => held.length === 1);
  const refused = await send(proxy.port, "/");
  expect([refused.status, refused.text]).toEqual([429, "reached concurrency limit"]);
  held[0]!();
  expect((await first).text).toBe("done");
  const stat = (name: string) => proxy.admin.stat(`http.front.adaptive_concurrency.gradient_controller.${name}`);
  expect([await stat("rq_blocked"), await stat("concurrency_limit")]).toEqual([1, 1]);
  expect(origin.seen).toHaveLength(1);
});

test("bandwidth_limit holds bodies back both ways, and they arrive whole", async () => {
  await using origin = await HttpOrigin.start();
  const of = (config: object) => v3("bandwidth_limit.v3.BandwidthLimit", { stat_prefix: "bytes", ...config });
  const own = of({
    enable_mode: "REQUEST_AND_RESPONSE",
    limit_kbps: "100",
    fill_interval: "0.02s",
    runtime_enabled: { default_value: true, runtime_key: "bytes.on" },
    enable_response_trailers: true,
    response_trailer_prefix: "x-p",
  });
  const config = envoyConfig({
    filters: { "envoy.filters.http.bandwidth_limit": of({}) },
    clusters: { web: origin },
    perRoute: { "envoy.filters.http.bandwidth_limit": own },
  });
  await using proxy = await startProxy(config);
  const body = "0123456789".repeat(2000);
  const begun = performance.now();
  const answer = await send(proxy.port, "/", { method: "POST", body });
  // 40 kB at 100 KiB a second take 0.4 s at least.
  expect(performance.now() - begun).toBeGreaterThan(300);
  expect((parsed(answer) as Echo).body).toBe(body);
  const stat = (name: string) => proxy.admin.stat(`bytes.http_bandwidth_limit.${name}`);
  expect([
    await stat("request_allowed_total_size"),
    await stat("request_pending"),
    await stat("response_pending"),
  ]).toEqual([body.length, 0, 0]);
  expect(await stat("request_enforced")).toBeGreaterThan(0);
  expect(await stat("response_enforced")).toBeGreaterThan(0);
});
