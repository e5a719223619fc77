// Requests that fail upstream and are sent again, over sockets: what the client gets, what the hosts see, what is counted.
import { createHash } from "node:crypto";
import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { eventually, within } from "../support/eventually.ts";
import { type Answer, type Echo, echo, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { Http2Client } from "../support/http2-client.ts";
import { type Forwarding, forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin, closedPort } from "../support/raw-origin.ts";

/** Fails so often, then echoes. */
function failing(times: number, fail: Answer): Answer {
  let left = times;
  return (request, response) => (left-- > 0 ? fail(request, response) : echo(request, response));
}

const unavailable: Answer = (request, response) => {
  request.resume();
  response.writeHead(503, { "content-type": "text/plain" }).end("not now");
};

const vanish: Answer = (request) => {
  request.socket.destroy();
};

const retrying = (route: NonNullable<Forwarding["route"]>, more: Forwarding = {}): Forwarding => ({ ...more, route });

describe("a request whose host fails it", () => {
  test.each([
    ["answers 503", unavailable],
    ["closes the connection", vanish],
  ])("one that %s: is sent again, and the client does not see it", async (_, fail) => {
    await using origin = await HttpOrigin.start(failing(2, fail));
    await using proxy = await startProxy(forwardTo(origin.address, retrying({ retry: 2 })));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++) expect((await send(proxy.port, `/${i}`, { agent })).status).toBe(200);
    agent.destroy();
    expect(origin.seen).toEqual(["GET /0", "GET /0", "GET /0", "GET /1", "GET /2"]);
    const stats = await proxy.admin.stats();
    expect(
      ["upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_200"].map((name) =>
        stats.get(`cluster.web.${name}`),
      ),
    ).toEqual([2, 1, 3]);
    expect(stats.get("cluster.web.circuit_breakers.default.rq_retry_open")).toBe(0);
  });

  test("goes to another host", async () => {
    await using bad = await HttpOrigin.start(vanish);
    await using good = await HttpOrigin.start();
    const endpoints = [bad.address, good.address];
    // Every other request fails: that is more than a budget of a fifth.
    const cluster = { endpoints, circuit_breakers: { max_retries: 10 } };
    await using proxy = await startProxy(forwardTo(bad.address, retrying({ retry: true }, { cluster })));
    for (let i = 0; i < 20; i++) expect((await send(proxy.port, `/${i}`)).status).toBe(200);
    expect(good.seen).toHaveLength(20);
    expect(bad.seen.length).toBeGreaterThan(5);
  });

  test("is sent again with its whole body, also where it comes in parts", async () => {
    let attempts = 0;
    const origin = await HttpOrigin.start(async (request, response) => {
      const digest = createHash("sha256");
      for await (const chunk of request as AsyncIterable<Buffer>) digest.update(chunk);
      response.statusCode = ++attempts === 1 ? 503 : 200;
      response.end(digest.digest("hex"));
    });
    await using _origin = origin;
    await using proxy = await startProxy(forwardTo(origin.address, retrying({ retry: { methods: "any" } })));
    const parts = Array.from({ length: 20 }, (_, i) => Buffer.alloc(10_000, i));
    async function* body() {
      yield* parts;
    }
    const response = await send(proxy.port, "/", { method: "POST", body: body() });
    expect([response.status, response.text]).toEqual([
      200,
      createHash("sha256").update(Buffer.concat(parts)).digest("hex"),
    ]);
    expect(attempts).toBe(2);
  });

  test("for clients and hosts of HTTP/2", async () => {
    await using origin = await HttpOrigin.start(failing(5, unavailable));
    const cluster = { circuit_breakers: { max_retries: 10 } };
    await using proxy = await startProxy(forwardTo(origin.address, retrying({ retry: 6 }, { cluster })));
    await using client = await Http2Client.open(proxy.port);
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        client.send({ ":path": `/${i}`, ":method": "PUT" }, Buffer.from(`body ${i}`)),
      ),
    );
    expect(answers.map(({ body }) => (JSON.parse(body.toString()) as Echo).body)).toEqual(
      Array.from({ length: 5 }, (_, i) => `body ${i}`),
    );
    expect(origin.seen).toHaveLength(10);
  });
});

describe("a request that may have been served", () => {
  test("is sent again by the short form only where that is harmless, or it is told to", async () => {
    for (const [methods, method, expected] of [
      [undefined, "POST", 1],
      [undefined, "PUT", 2],
      ["any", "POST", 2],
    ] as const) {
      await using origin = await HttpOrigin.start(failing(1, vanish));
      const retry = methods === undefined ? true : { methods };
      await using proxy = await startProxy(forwardTo(origin.address, retrying({ retry })));
      const { status } = await send(proxy.port, "/", { method, body: "x" });
      expect([status, origin.seen.length]).toEqual([expected === 1 ? 503 : 200, expected]);
    }
  });

  test("is never sent again once its answer has begun", async () => {
    await using origin = await HttpOrigin.start((_, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    });
    await using proxy = await startProxy(forwardTo(origin.address, retrying({ retry: 3 })));
    await expect(send(proxy.port, "/")).rejects.toThrow();
    expect(origin.seen).toHaveLength(1);
  });
});

describe("a request that nobody has seen", () => {
  test("is sent to another host for any method, and spends nothing", async () => {
    await using origin = await HttpOrigin.start();
    const endpoints = [`127.0.0.1:${await closedPort()}`, origin.address, `127.0.0.1:${await closedPort()}`];
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { endpoints } }));
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => send(proxy.port, "/", { method: "POST", body: "x" })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(origin.seen).toHaveLength(30);
    const stats = await proxy.admin.stats();
    expect(stats.get("cluster.web.upstream_rq_retry") ?? 0).toBe(0);
    expect(stats.get("cluster.web.upstream_rq_sent_again")).toBeGreaterThan(0);
  });
});

describe("time", () => {
  test("an attempt that is slow is given up for another", async () => {
    await using slow = await RawOrigin.start();
    await using origin = await HttpOrigin.start();
    const endpoints = [slow.address, origin.address];
    await using proxy = await startProxy(
      forwardTo(slow.address, retrying({ retry: { per_try_timeout: "0.2s" } }, { cluster: { endpoints } })),
    );
    const answers = await Promise.all(Array.from({ length: 4 }, () => send(proxy.port, "/")));
    // Without 5xx or gateway-error it would not be.
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const header = parsed<Echo>(answers[0]!).headers["x-envoy-expected-rq-timeout-ms"];
    expect(Number(header)).toBe(200);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_per_try_timeout")).toBe(2);
  });

  test("with hedging both are waited for", async () => {
    const held = Promise.withResolvers<void>();
    let count = 0;
    await using origin = await HttpOrigin.start(async (request, response) => {
      if (++count === 1) await held.promise;
      await echo(request, response);
    });
    await using proxy = await startProxy(
      forwardTo(origin.address, retrying({ retry: { per_try_timeout: "0.1s", hedge: true } })),
    );
    expect((await send(proxy.port, "/")).status).toBe(200);
    expect(origin.seen).toHaveLength(2);
    held.resolve();
  });
});

describe("copies", () => {
  test("go to other clusters, which cannot hold up the request", async () => {
    const bodies: string[] = [];
    await using origin = await HttpOrigin.start();
    await using shadow = await HttpOrigin.start(async (request) => {
      const { headers, body } = await read(request);
      bodies.push(`${String(headers["host"])} ${body}`);
      // Never answers.
    });
    const dead = `127.0.0.1:${await closedPort()}`;
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        route: { mirror: ["shadow", { cluster: "dead", mark_host: false }] },
        config: { clusters: { web: origin.address, shadow: shadow.address, dead } },
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 5; i++) {
      const answer = send(proxy.port, "/x", { method: "POST", body: `body ${i}`, headers: { host: "a.test" }, agent });
      expect((await within("the answer", answer)).status).toBe(200);
    }
    agent.destroy();
    await eventually("all copies have come", () => bodies.length === 5);
    expect(bodies.toSorted()).toEqual(Array.from({ length: 5 }, (_, i) => `a.test-shadow body ${i}`));
    await proxy.admin.reaches("cluster.dead.upstream_rq_503", 5);
  });
});

async function read(
  request: Parameters<Answer>[0],
): Promise<{ headers: NodeJS.Dict<string | string[]>; body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return { headers: request.headers, body: Buffer.concat(chunks).toString() };
}

test("a storm: while every answer is a failure, attempts stay within the budget", async () => {
  await using origin = await HttpOrigin.start(unavailable);
  await using proxy = await startProxy(
    forwardTo(origin.address, retrying({ retry: { attempts: 5, back_off: "0.01s" } })),
  );
  const CLIENTS = 50;
  const REQUESTS = 750;
  let sent = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (sent++ < REQUESTS) expect((await send(proxy.port, "/", { agent })).status).toBe(503);
      agent.destroy();
    }),
  );
  expect(origin.seen.length).toBeGreaterThan(REQUESTS);
  // Three are free in every second.
  const seconds = Math.ceil((performance.now() - begin) / 1000) + 1;
  expect(origin.seen.length).toBeLessThanOrEqual(1.2 * REQUESTS + 3 * seconds);
  expect(await proxy.admin.stat("cluster.web.upstream_rq_retry_overflow")).toBeGreaterThan(0);
  await proxy.admin.reaches("cluster.web.circuit_breakers.default.rq_retry_open", 0);
});
