// Active health checks against real processes: who is sick gets no traffic, and who recovers gets it again.
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { Http2Origin } from "../support/http2-origin.ts";
import { type Forwarding, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { closedPort } from "../support/raw-origin.ts";
import { certificate, pem } from "../support/tls.ts";
import { answers, flagsOf } from "./support/clusters-page.ts";
import { OriginProcess } from "./support/origins.ts";

type Cluster = NonNullable<Forwarding["cluster"]>;

const FAST = { interval: "0.1s", timeout: "0.5s", unhealthy_threshold: 2, healthy_threshold: 2, jitter: 0 } as const;

function proxyFor(endpoints: readonly string[], cluster: Cluster, concurrency = 0): Promise<RunningProxy> {
  return startProxy(forwardTo("127.0.0.1:1", { cluster: { endpoints: [...endpoints], ...cluster } }), { concurrency });
}

describe("HTTP", () => {
  test("from the first request on only those get traffic that have passed; all workers know", async () => {
    await using good = await OriginProcess.start();
    await using bad = await OriginProcess.start();
    await using other = await OriginProcess.start();
    await bad.be("sick");
    await using proxy = await proxyFor(
      [good.address, bad.address, other.address],
      { health_check: { path: "/healthz", ...FAST } },
      2,
    );
    expect(await answers(proxy, 20)).toEqual(new Set([good.pid, other.pid]));
    expect(await flagsOf(proxy)).toEqual({
      [good.address]: "healthy",
      [bad.address]: "/failed_active_hc",
      [other.address]: "healthy",
    });
    expect(await proxy.admin.stat("cluster.web.membership_healthy")).toBe(2);
    await bad.be("ok");
    await eventually("the sick one is well", async () => (await flagsOf(proxy))[bad.address] === "healthy");
    await eventually("it gets traffic", async () => (await answers(proxy, 6)).has(bad.pid));
    expect(await proxy.admin.stat("cluster.web.health_check.healthy")).toBe(3);
  });

  test("one that dies is out, and in again when it is back", async () => {
    await using stays = await OriginProcess.start();
    await using dies = await OriginProcess.start();
    await using proxy = await proxyFor([stays.address, dies.address], { health_check: { path: "/healthz", ...FAST } });
    await dies.die();
    await eventually("it is out", async () => (await flagsOf(proxy))[dies.address] === "/failed_active_hc");
    expect(await answers(proxy, 6)).toEqual(new Set([stays.pid]));
    await dies.revive();
    await eventually("it is back", async () => (await flagsOf(proxy))[dies.address] === "healthy");
    expect(await proxy.admin.stat("cluster.web.health_check.network_failure")).toBeGreaterThan(1);
  });

  test("one that hangs is out by the time-out, also when its process is stopped", async () => {
    await using stays = await OriginProcess.start();
    await using hangs = await OriginProcess.start();
    await using proxy = await proxyFor([stays.address, hangs.address], { health_check: { path: "/healthz", ...FAST } });
    hangs.pause();
    const isOut = async () => (await flagsOf(proxy))[hangs.address] === "/failed_active_hc/active_hc_timeout";
    await eventually("it is out", isOut);
    hangs.goOn();
    await eventually("it is back", async () => (await flagsOf(proxy))[hangs.address] === "healthy");
  });

  test("degraded ones get only what healthy ones cannot carry", async () => {
    await using one = await OriginProcess.start();
    await using two = await OriginProcess.start();
    await using three = await OriginProcess.start();
    await using weak = await OriginProcess.start();
    await weak.be("degraded");
    const well = [one, two, three];
    const endpoints = [...well, weak].map(({ address }) => address);
    await using proxy = await proxyFor(endpoints, { health_check: { path: "/healthz", ...FAST } });
    expect((await flagsOf(proxy))[weak.address]).toBe("/degraded_active_hc");
    expect(await answers(proxy, 12)).toEqual(new Set(well.map(({ pid }) => pid)));
    expect(await proxy.admin.stat("cluster.web.membership_degraded")).toBe(1);
    for (const origin of well) await origin.die();
    await eventually("the degraded one takes over", async () => (await answers(proxy, 2)).has(weak.pid));
  });

  test("an answer to ordinary traffic takes its host out at once", async () => {
    await using stays = await OriginProcess.start();
    await using leaves = await OriginProcess.start();
    await using third = await OriginProcess.start();
    await using proxy = await proxyFor(
      [stays.address, leaves.address, third.address],
      { health_check: { path: "/healthz", ...FAST, interval: "60s" } },
      2,
    );
    await leaves.be("leave");
    const isOut = async () => {
      await answers(proxy, 3);
      return (await flagsOf(proxy))[leaves.address] === "/failed_active_hc/excluded_via_immediate_hc_fail";
    };
    await eventually("it is out", isOut);
    expect(await proxy.admin.stat("cluster.web.health_check.passive_failure")).toBe(1);
  });

  test("is asked for as configured: name, agent, and statuses that are expected", async () => {
    const seen: Record<string, unknown>[] = [];
    await using origin = await HttpOrigin.start((request, response) => {
      seen.push({
        method: request.method,
        url: request.url,
        host: request.headers.host,
        agent: request.headers["user-agent"],
      });
      response.writeHead(request.url === "/up" ? 204 : 200).end();
    });
    const check = { path: "/up", host: "checked.example", method: "HEAD", expect: [204], ...FAST } as const;
    await using proxy = await proxyFor([origin.address], { health_check: check });
    expect(await flagsOf(proxy)).toEqual({ [origin.address]: "healthy" });
    expect(seen[0]).toEqual({ method: "HEAD", url: "/up", host: "checked.example", agent: "Envoy/HC" });
    expect(await proxy.admin.stat("cluster.web.upstream_cx_total")).toBe(0);
  });

  test("over HTTP/2 where it is told", async () => {
    await using origin = await Http2Origin.start((stream) => {
      stream.respond({ ":status": 200 }, { endStream: true });
    });
    await using proxy = await proxyFor([origin.address], { health_check: { path: "/", http2: true, ...FAST } });
    expect(await flagsOf(proxy)).toEqual({ [origin.address]: "healthy" });
    expect(origin.seen[0]).toMatchObject({ ":path": "/", ":authority": "web", "user-agent": "Envoy/HC" });
  });

  test("over the cluster's TLS, with the protocol that the check speaks", async () => {
    await using origin = await Http2Origin.start(
      (stream) => stream.respond({ ":status": 200 }, { endStream: true }),
      { settings: {} },
      certificate("server"),
    );
    const tls = { ca: pem("ca"), sni: "server.test" };
    const check = { path: "/", http2: true, ...FAST } as const;
    await using trusted = await proxyFor([origin.address], { tls, health_check: check });
    expect(await flagsOf(trusted)).toEqual({ [origin.address]: "healthy" });
    expect(origin.seen[0]).toMatchObject({ ":scheme": "https" });
    await using stranger = await proxyFor([origin.address], {
      tls: { ...tls, verify: "other.test" },
      health_check: check,
    });
    expect(await flagsOf(stranger)).toEqual({ [origin.address]: "/failed_active_hc" });
  });

  test("one connection serves many checks", async () => {
    let connections = 0;
    await using origin = await HttpOrigin.start((_request, response) => void response.end());
    origin.server.on("connection", () => connections++);
    await using proxy = await proxyFor([origin.address], { health_check: { path: "/", ...FAST } });
    await eventually("four checks", () => origin.seen.length >= 4);
    expect(connections).toBe(1);
    expect(await proxy.admin.stat("cluster.web.health_check.success")).toBeGreaterThan(2);
  });
});

describe("TCP and gRPC", () => {
  test("a connection that stands is enough; one that does not is not", async () => {
    const server = createServer((socket) => socket.on("error", () => {}));
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", () => listening.resolve());
    await listening.promise;
    const open = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const closed = `127.0.0.1:${await closedPort()}`;
    await using proxy = await proxyFor([open, closed], { health_check: { tcp: true, ...FAST } });
    expect(await flagsOf(proxy)).toEqual({ [open]: "healthy", [closed]: "/failed_active_hc" });
    server.close();
  });

  /** Answers as a gRPC server whose health service says so. */
  const health = (status: number, grpcStatus = "0") =>
    Http2Origin.start((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": grpcStatus }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
      stream.resume();
    });

  test("gRPC: SERVING passes, NOT_SERVING and errors do not", async () => {
    await using serving = await health(1);
    await using notServing = await health(2);
    await using broken = await health(1, "13");
    await using proxy = await proxyFor([serving.address, notServing.address, broken.address], {
      health_check: { grpc: "greeter", ...FAST },
    });
    expect(await flagsOf(proxy)).toEqual({
      [serving.address]: "healthy",
      [notServing.address]: "/failed_active_hc",
      [broken.address]: "/failed_active_hc",
    });
    expect(serving.seen[0]).toMatchObject({
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
    });
  });
});

test("events are in the file", async () => {
  await using origin = await OriginProcess.start();
  const file = join(tmpdir(), `sluice-hc-${process.pid}-${origin.port}.json`);
  await using proxy = await proxyFor([origin.address], {
    health_check: { path: "/healthz", ...FAST, event_log: file },
  });
  await origin.be("sick");
  await eventually("it is out", async () => (await flagsOf(proxy))[origin.address] === "/failed_active_hc");
  const lines = await eventually("two events", async () => {
    const text = await readFile(file, "utf8");
    const found = text.trim().split("\n");
    return found.length >= 2 ? found : null;
  });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { health_checker_type: "HTTP", cluster_name: "web", add_healthy_event: { first_check: true } },
    { eject_unhealthy_event: { failure_type: "ACTIVE" } },
  ]);
});
