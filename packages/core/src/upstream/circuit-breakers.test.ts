import type { UpstreamConnectionEvents, UpstreamRequest, UpstreamStream } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { cluster as clusterModel } from "../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../test/support/services.ts";
import { DEFAULT_THRESHOLDS, type ThresholdsModel } from "../config/retry-model.ts";
import { OK, goaway, headers, rst } from "../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { SharedTable } from "../stats/shared-table.ts";
import { Cluster } from "./cluster.ts";
import { ScriptedServers, StreamRecorder } from "./pool/scripted-pool.ts";

const OK1 = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const base = clusterModel("c");
const memory = () => SharedTable.allocate(64);

interface Options extends Partial<ThresholdsModel> {
  readonly protocol?: "http1" | "http2";
  readonly hosts?: number;
  readonly perHost?: number;
  readonly high?: Partial<ThresholdsModel>;
}

function worker(table: SharedArrayBuffer, thread: number, options: Options = {}) {
  const { protocol = "http1", hosts = 1, perHost = 0, high = {}, ...thresholds } = options;
  const { services, time } = virtualServices({ shared: new SharedTable(table, thread) });
  const servers = new ScriptedServers(services.flushQueue);
  const model = {
    ...base,
    circuitBreakers: {
      default: { ...DEFAULT_THRESHOLDS, ...thresholds },
      high: { ...DEFAULT_THRESHOLDS, ...high },
      maxConnectionsPerHost: perHost,
    },
    endpoints: Array.from({ length: hosts }, (_, i) => ({
      address: { kind: "ip", host: "10.0.0.1", port: i + 1 } as const,
      hostname: "",
      weight: 1,
      health: "healthy" as const,
      place: base.place,
    })),
    http: { ...base.http, protocol },
  };
  const made = new Cluster(model, servers, services);
  const send = (request?: Partial<UpstreamRequest>) => {
    const recorder = new StreamRecorder();
    services.flushQueue.enter();
    const opened = made.openStream(recorder, { protocol: "", headers: null, client: null, ...request });
    if (typeof opened !== "string") opened.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
    services.flushQueue.leave();
    return { recorder, opened, stream: opened as UpstreamStream };
  };
  const count = (name: string) => services.count(`cluster.c.${name}`);
  return { cluster: made, servers, send, count, time };
}

describe("limits hold for all workers together", () => {
  it("max_connections: streams wait, but every pool may have one", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { maxConnections: 2 }), worker(table, 2, { maxConnections: 2 })];
    a.send();
    a.send();
    a.send();
    expect([a.servers.attempts.length, a.count("upstream_cx_overflow")]).toEqual([2, 1]);
    b.send();
    b.send();
    expect([b.servers.attempts.length, b.count("upstream_cx_overflow")]).toEqual([1, 1]);
  });

  it("max_pending_requests", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { maxPendingRequests: 2 }), worker(table, 2, { maxPendingRequests: 2 })];
    const first = a.send();
    b.send();
    expect([a.send().opened, b.send().opened]).toEqual(["overflow", "overflow"]);
    expect([a.count("upstream_rq_pending_overflow"), b.count("upstream_rq_pending_overflow")]).toEqual([1, 1]);
    first.stream.reset();
    expect(typeof b.send().opened).toBe("object");
  });

  it("max_requests: one that its server refused takes the place of its own", () => {
    const { servers, send, count } = worker(memory(), 1, { protocol: "http2", hosts: 2, maxRequests: 1 });
    const { recorder } = send();
    servers.greet().receive(rst(1, 7));
    servers.greet().receive(headers(1, OK));
    expect([recorder.last, count("upstream_rq_active_overflow")]).toEqual(["headers 200 end", 0]);
    expect(count("upstream_rq_sent_again")).toBe(1);
    expect(typeof send().opened).toBe("object");
  });

  it("max_requests: also of streams that waited", () => {
    const table = memory();
    const limits = { protocol: "http2", maxRequests: 2 } as const;
    const [a, b] = [worker(table, 1, limits), worker(table, 2, limits)];
    const waiting = [a.send(), a.send(), a.send()];
    const server = a.servers.greet();
    expect(waiting.map(({ recorder }) => recorder.last)).toEqual([
      "ready 10.0.0.1:1",
      "ready 10.0.0.1:1",
      "reset overflow",
    ]);
    expect([a.send().opened, b.send().opened]).toEqual(["overflow", "overflow"]);
    expect([a.count("upstream_rq_active_overflow"), b.count("upstream_rq_active_overflow")]).toEqual([2, 1]);
    server.receive(headers(1, OK));
    expect(typeof b.send().opened).toBe("object");
  });

  it("max_requests of HTTP/1: whoever waits for a connection is told when it comes", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { maxRequests: 1 }), worker(table, 2, { maxRequests: 1 })];
    const [first, second] = [a.send(), b.send()];
    const server = a.servers.accept();
    b.servers.accept();
    expect([first.recorder.last, second.recorder.last]).toEqual(["ready 10.0.0.1:1", "reset overflow"]);
    server.receive(OK1);
    expect(typeof b.send().opened).toBe("object");
  });

  it("max_connection_pools", () => {
    const table = memory();
    const a = worker(table, 1, { maxConnectionPools: 1, hosts: 2 });
    a.send();
    expect([a.send().opened, a.count("upstream_cx_pool_overflow")]).toEqual(["overflow", 1]);
    a.servers.fail();
    expect(typeof a.send().opened).toBe("object");
  });

  it("max_connections of one host", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { perHost: 2 }), worker(table, 2, { perHost: 2 })];
    a.send();
    b.send();
    b.send();
    expect([a.servers.attempts.length, b.servers.attempts.length, b.count("upstream_cx_overflow")]).toEqual([1, 1, 1]);
  });

  it("TCP connections count too", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { maxConnections: 1 }), worker(table, 2, { maxConnections: 1 })];
    const events = {} as UpstreamConnectionEvents;
    const connection = a.cluster.connect(events);
    expect([typeof connection, b.cluster.connect(events), b.count("upstream_cx_overflow")]).toEqual([
      "object",
      "overflow",
      1,
    ]);
    if (typeof connection !== "string") connection.close();
    expect(typeof b.cluster.connect(events)).toBe("object");
  });
});

describe("requests of high priority", () => {
  it("have connections and limits of their own", () => {
    const a = worker(memory(), 1, { maxPendingRequests: 1, high: { maxPendingRequests: 2 } });
    a.send();
    expect(a.send().opened).toBe("overflow");
    const high = [a.send({ isHighPriority: true }), a.send({ isHighPriority: true })];
    expect(a.send({ isHighPriority: true }).opened).toBe("overflow");
    for (let i = 0; i < 3; i++) a.servers.accept();
    expect(high.map(({ recorder }) => recorder.last)).toEqual(["ready 10.0.0.1:1", "ready 10.0.0.1:1"]);
  });
});

describe("retries", () => {
  test("max_retries are at a time, by all workers", () => {
    const table = memory();
    const [a, b] = [worker(table, 1, { maxRetries: 2 }), worker(table, 2, { maxRetries: 2 })];
    expect([a.cluster.retries.take(false), b.cluster.retries.take(false), b.cluster.retries.take(false)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(b.count("upstream_rq_retry_overflow")).toBe(1);
    expect(b.cluster.retries.take(true)).toBe(true);
    a.cluster.retries.giveBack(false);
    expect(b.cluster.retries.take(false)).toBe(true);
  });

  test("a budget is a share of what is under way", () => {
    const a = worker(memory(), 1, {
      protocol: "http2",
      maxRetries: 0,
      retryBudget: { percent: 50, minConcurrency: 1 },
    });
    expect([a.cluster.retries.take(false), a.cluster.retries.take(false)]).toEqual([true, false]);
    a.cluster.retries.giveBack(false);
    for (let i = 0; i < 10; i++) a.send();
    const server = a.servers.greet();
    let taken = 0;
    while (a.cluster.retries.take(false)) taken++;
    // Each is one of the ten itself: three are not more than half of the other seven.
    expect(taken).toBe(3);
    for (let i = 0; i < 10; i++) server.receive(headers(2 * i + 1, OK));
  });
});

test("retries that are over count against a budget too: so many for each request, and a few in every second", () => {
  const retryBudget = { percent: 20, minConcurrency: 3 };
  const table = memory();
  const [a, b] = [
    worker(table, 1, { protocol: "http2", retryBudget }),
    worker(table, 2, { protocol: "http2", retryBudget }),
  ];
  const spend = () => {
    let taken = 0;
    for (; taken < 1000 && (taken % 2 === 0 ? a : b).cluster.retries.take(false); taken++)
      (taken % 2 === 0 ? a : b).cluster.retries.giveBack(false);
    return taken;
  };
  expect(spend()).toBe(3);
  expect(spend()).toBe(0);
  a.send();
  const server = a.servers.greet();
  server.receive(headers(1, OK));
  for (let i = 1; i < 60; i++) {
    a.send();
    server.receive(headers(2 * i + 1, OK));
  }
  // A retry is a request itself, whose own share is taken off.
  expect(spend()).toBe(10);
  a.time.advance(1000);
  expect(spend()).toBe(3);
});

describe("a host that takes no connection", () => {
  it("costs a request nothing while another one does", () => {
    const a = worker(memory(), 1, { hosts: 3 });
    const { recorder } = a.send();
    a.servers.fail();
    a.servers.fail("connection_timeout");
    expect([recorder.events, a.count("upstream_rq_sent_again")]).toEqual([[], 2]);
    a.servers.accept().receive(OK1);
    expect(recorder.last).toBe("headers 200 end");
  });

  it("leads to one that the request does not avoid, where there is such a one", () => {
    for (const [avoided, expected] of [
      [["10.0.0.1:1", "10.0.0.1:2"], "10.0.0.1:3"],
      [["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"], undefined],
    ] as const) {
      const a = worker(memory(), 1, { hosts: 3 });
      // The balancer's own choice is taken in the end.
      a.send({ aversion: { attempts: 0, avoids: ({ address }) => (avoided as readonly string[]).includes(address) } });
      const first = a.servers.attempts[0]!.host.address;
      if (first === "10.0.0.1:3") continue;
      a.servers.fail();
      const second = a.servers.attempts[0]!.host.address;
      if (expected === undefined) expect(second).not.toBe(first);
      else expect(second).toBe(expected);
    }
  });

  it("fails a request when there is no other that has not failed it", () => {
    const a = worker(memory(), 1, { hosts: 2 });
    const { recorder } = a.send();
    a.servers.fail();
    a.servers.fail();
    expect([recorder.events, a.servers.attempts.length]).toEqual([["reset connection_failure ECONNREFUSED"], 0]);
  });

  it("draws from the retry budget, which may say no", () => {
    const budget = { retryBudget: { percent: 0, minConcurrency: 1 } };
    const a = worker(memory(), 1, { hosts: 2, ...budget });
    const [first, second] = [a.send(), a.send()];
    a.servers.fail();
    a.servers.fail();
    expect(first.recorder.events.length + second.recorder.events.length).toBe(1);
    expect(a.count("upstream_rq_retry_overflow")).toBe(1);
    a.servers.accept().receive(OK1);
    // Given back with the answer; and one is free in every second.
    expect(a.cluster.retries.take(false)).toBe(false);
    a.time.advance(1000);
    expect(a.cluster.retries.take(false)).toBe(true);
  });

  it("so does what a server refuses", () => {
    const a = worker(memory(), 1, { protocol: "http2", retryBudget: { percent: 0, minConcurrency: 1 } });
    const [first, second] = [a.send(), a.send()];
    const server = a.servers.greet();
    server.receive(rst(1, 7));
    server.receive(goaway(0, 0));
    expect([first.recorder.events.length, second.recorder.last]).toEqual([1, "reset remote_reset http2.remote_refuse"]);
  });
});

test("hosts that a request would rather not have are passed over, as often as it says", () => {
  const a = worker(memory(), 1, { hosts: 3 });
  const avoided: string[] = [];
  const avoids = ({ address }: { address: string }) => {
    avoided.push(address);
    return address !== "10.0.0.1:3";
  };
  for (let i = 0; i < 3; i++) a.send({ aversion: { attempts: 2, avoids } });
  expect(a.servers.attempts.map(({ host }) => host.address)).toEqual(Array.from({ length: 3 }, () => "10.0.0.1:3"));
  a.send({ aversion: { attempts: 1, avoids: () => true } });
  expect(a.servers.attempts).toHaveLength(4);
});

test("what was counted is given back with the cluster", () => {
  const table = memory();
  const a = worker(table, 1, { maxConnections: 1 });
  const main = new SharedTable(table, 0);
  a.send();
  expect(main.size).toBeGreaterThan(0);
  a.cluster.destroy();
  expect(main.size).toBe(0);
});
