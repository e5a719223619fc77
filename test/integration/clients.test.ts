// The HTTP clients of the Node world through the proxy, and statistics that say exactly what they did.
import { Agent as NodeAgent } from "node:http";
import { Readable } from "node:stream";
import { Agent, Client, fetch, request } from "undici";
import { expect, test } from "vitest";
import { type Echo, HttpOrigin, mirror } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { startProxyProcess } from "../support/proxy-process.ts";

test("undici's fetch, request and pipelining client", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address));
  const base = `http://127.0.0.1:${proxy.port}`;
  const dispatcher = new Agent();
  const fetched = (await (
    await fetch(`${base}/fetch`, { method: "POST", body: "some body", dispatcher })
  ).json()) as Echo;
  expect(fetched).toMatchObject({ method: "POST", url: "/fetch", body: "some body" });
  const { body, statusCode } = await request(`${base}/stream`, {
    method: "PUT",
    body: Readable.from(["a", "b", "c"].map((part) => Buffer.from(part))),
    dispatcher,
  });
  expect(statusCode).toBe(200);
  expect(((await body.json()) as Echo).body).toBe("abc");
  await dispatcher.close();
  const client = new Client(base, { pipelining: 10 });
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const answer = await client.request({ path: `/${index}`, method: "GET" });
      return ((await answer.body.json()) as Echo).url;
    }),
  );
  expect(answers).toEqual(Array.from({ length: 100 }, (_, index) => `/${index}`));
  await client.close();
});

test("a stream that the client cancels is cancelled at the origin", async () => {
  const closed = Promise.withResolvers<void>();
  await using origin = await HttpOrigin.start((_, response) => {
    response.on("close", () => closed.resolve());
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", more);
    more();
  });
  await using proxy = await startProxy(forwardTo(origin.address));
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${proxy.port}/`, { signal: controller.signal });
  const reader = response.body!.getReader();
  await reader.read();
  controller.abort();
  await closed.promise;
  await proxy.admin.reaches("http.front.downstream_cx_active", 0);
});

test("statistics say exactly what was sent", async () => {
  await using origin = await HttpOrigin.start((request, response) => {
    response.statusCode = Number(request.url?.slice(1));
    request.resume().on("end", () => response.end("12345"));
  });
  await using proxy = await startProxy(forwardTo(origin.address));
  const sent: Record<string, number> = { 200: 7, 201: 3, 301: 2, 404: 5, 500: 1, 503: 2 };
  const agent = new NodeAgent({ keepAlive: true, maxSockets: 3 });
  const requests = Object.entries(sent).flatMap(([status, count]) =>
    Array.from({ length: count }, () => send(proxy.port, `/${status}`, { method: "POST", body: "1234567", agent })),
  );
  for (const response of await Promise.all(requests)) expect(response.text).toBe("12345");
  agent.destroy();
  await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  const stats = await proxy.admin.stats();
  for (const [status, count] of Object.entries(sent))
    expect(stats.get(`cluster.web.upstream_rq_${status}`), status).toBe(count);
  expect(
    Object.fromEntries(
      ["1xx", "2xx", "3xx", "4xx", "5xx"].map((each) => [each, stats.get(`http.front.downstream_rq_${each}`)]),
    ),
  ).toEqual({ "1xx": 0, "2xx": 10, "3xx": 2, "4xx": 5, "5xx": 3 });
  expect(stats.get("http.front.downstream_rq_total")).toBe(20);
  expect(stats.get("http.front.downstream_rq_completed")).toBe(20);
  expect(stats.get("http.front.downstream_cx_total")).toBe(3);
  expect(stats.get("http.front.downstream_cx_destroy")).toBe(3);
  expect(stats.get("cluster.web.upstream_rq_total")).toBe(20);
  expect(stats.get("cluster.web.upstream_rq_completed")).toBe(20);
  const clusters = (await proxy.admin.get("/clusters")).body;
  expect(clusters).toContain(`web::${origin.address}::rq_total::20`);
  expect(clusters).toContain(`web::${origin.address}::rq_success::17`);
  expect(clusters).toContain(`web::${origin.address}::rq_error::3`);
  const prometheus = (await proxy.admin.get("/stats/prometheus")).body;
  expect(prometheus).toMatch(
    /^envoy_http_downstream_rq_xx\{.*envoy_response_code_class="2".*envoy_http_conn_manager_prefix="front".*\} 10$|^envoy_http_downstream_rq_xx\{.*envoy_http_conn_manager_prefix="front".*envoy_response_code_class="2".*\} 10$/m,
  );
  const lines = await proxy.accessLog();
  expect(lines.length).toBe(20);
  for (const { received, sent: bytes, flags } of lines) expect([received, bytes, flags]).toEqual([7, 5, "-"]);
});

test("SIGTERM under load: clients that end when they are told to lose no request, on two workers", async () => {
  await using origin = await HttpOrigin.start(mirror);
  await using proxy = await startProxyProcess({
    listeners: [
      {
        name: "front",
        address: "127.0.0.1:0",
        http: { stat_prefix: "front", routes: [{ prefix: "/", cluster: "web" }] },
      },
    ],
    clusters: { web: origin.address },
  });
  const body = "x".repeat(20_000);
  let answered = 0;
  const clients = Array.from({ length: 16 }, async () => {
    const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 });
    for (;;) {
      const response = await send(proxy.frontPort, "/", { method: "POST", body, agent });
      expect([response.status, response.text === body]).toEqual([200, true]);
      if (++answered === 300) proxy.signal("SIGTERM");
      if (response.headers.connection === "close") break;
    }
    agent.destroy();
  });
  await Promise.all(clients);
  expect(answered).toBeGreaterThan(300);
  expect(await proxy.exited).toBe(0);
});
