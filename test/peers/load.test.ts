// wrk and h2load against the proxy as a process with two workers: no error under load, and every request counted.
import { expect, test } from "vitest";
import { Daemon, runProgram, writeConfig } from "../support/program.ts";
import { startProxyProcess } from "../support/proxy-process.ts";
import { ANY_PORT } from "../support/proxy.ts";

function origin(): Promise<Daemon> {
  return Daemon.start("nginx", async (port, folder) => {
    const config = await writeConfig(
      folder,
      "nginx.conf",
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; events { worker_connections 1024; }
       http { access_log off; keepalive_requests 1000000; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
         server { listen 127.0.0.1:${port}; location / { return 200 "hello\\n"; } } }`,
    );
    return ["-p", folder, "-c", config];
  });
}

const config = (address: string) => ({
  listeners: [
    {
      name: "front",
      address: ANY_PORT,
      http: {
        stat_prefix: "front",
        filters: [
          {
            header_mutation: {
              mutations: { response_mutations: [{ append: { header: { key: "x-by", value: "sluice" } } }] },
            },
          },
        ],
        routes: [{ prefix: "/", cluster: "web" }],
      },
    },
  ],
  clusters: { web: address },
});

test("wrk: two seconds, 64 connections, no error of any kind", async () => {
  await using web = await origin();
  await using proxy = await startProxyProcess(config(web.address));
  const { out, code } = await runProgram("wrk", ["-t1", "-c64", "-d2s", `http://127.0.0.1:${proxy.frontPort}/`]);
  expect(code).toBe(0);
  expect(out).not.toMatch(/Socket errors|Non-2xx/);
  const reported = Number(/(\d+) requests in/.exec(out)?.[1]);
  expect(reported).toBeGreaterThan(500);
  const stats = await proxy.admin.stats();
  const total = stats.get("http.front.downstream_rq_total")!;
  // wrk does not count what was under way when it stopped.
  expect(total).toBeGreaterThanOrEqual(reported);
  expect(total).toBeLessThanOrEqual(reported + 64);
  expect(stats.get("http.front.downstream_rq_5xx")).toBe(0);
  // Its first connection only looks whether the address is good.
  expect(stats.get("http.front.downstream_cx_total")).toBe(65);
  await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  await proxy.admin.reaches("http.front.downstream_rq_active", 0);
});

test("h2load in HTTP/1 mode: 5,000 requests, 5,000 answers, both workers took part", async () => {
  await using web = await origin();
  await using proxy = await startProxyProcess(config(web.address));
  const { out, code } = await runProgram("h2load", [
    "--h1",
    "-n",
    "5000",
    "-c",
    "50",
    "-m",
    "1",
    `http://127.0.0.1:${proxy.frontPort}/`,
  ]);
  expect(code).toBe(0);
  expect(out).toMatch(/requests: 5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout/);
  expect(out).toMatch(/status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  const stats = await proxy.admin.stats();
  expect(stats.get("http.front.downstream_rq_2xx")).toBe(5000);
  expect(stats.get("cluster.web.upstream_rq_200")).toBe(5000);
  const workers = [...stats].filter(
    ([name, value]) => /^listener\..*\.worker_\d\.downstream_cx_total$/.test(name) && value > 0,
  );
  expect(workers.length).toBe(2);
  expect(workers.reduce((sum, [, value]) => sum + value, 0)).toBe(50);
});
