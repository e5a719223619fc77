// What a cluster tells of its hosts when requests go from one to another: each attempt counts once, at the host that had it.
import type { UpstreamRequest, UpstreamStream } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { cluster as clusterModel } from "../../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../../test/support/services.ts";
import type { ClusterHealthModel, ClusterModel } from "../../config/model.ts";
import { OK, goaway, headers, rst } from "../../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import { Cluster } from "../cluster.ts";
import { HEALTH_FLAG } from "../health/health-flags.ts";
import type { HostModel } from "../host.ts";
import { ScriptedServers, StreamRecorder } from "../pool/scripted-pool.ts";
import { HostCounts, PROBATION, PROBE_DUE } from "./host-counts.ts";

const OK1 = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const base = clusterModel("c");
const NO_CLIENT: UpstreamRequest = { protocol: "", headers: null, client: null };

function setup(
  protocol: ClusterModel["http"]["protocol"],
  hostCount: number,
  splits = false,
  health?: ClusterHealthModel,
) {
  const reported: string[] = [];
  const hostReports = {
    report: (_: string, address: string, event: string) => void reported.push(`${address} ${event}`),
  };
  const { services, time } = virtualServices({ hostReports });
  const servers = new ScriptedServers(services.flushQueue);
  const made = new Cluster(
    { ...base, endpoints: [], http: { ...base.http, protocol }, ...(health === undefined ? {} : { health }) },
    servers,
    services,
  );
  const counts = new HostCounts({ fiveXx: 5, gateway: 5, local: 5, splits });
  const hosts = Array.from({ length: hostCount }, (_, i) => {
    const place = counts.take(0);
    const model: HostModel = {
      address: { kind: "ip", host: "10.0.0.1", port: i + 1 },
      hostname: "",
      weight: 1,
      health: "healthy",
      counts: { memory: place.words.buffer as SharedArrayBuffer, at: place.at },
    };
    return { place, model };
  });
  made.updateHosts(hosts.map(({ model }) => model));
  const turn = (run: () => void) => {
    services.flushQueue.enter();
    run();
    services.flushQueue.leave();
  };
  const send = (request: Partial<UpstreamRequest> = {}) => {
    const recorder = new StreamRecorder();
    let opened!: UpstreamStream;
    turn(() => {
      opened = made.openStream(recorder, { ...NO_CLIENT, ...request }) as UpstreamStream;
      opened.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
    });
    return { recorder, stream: opened };
  };
  /** 5xx in a row, local failures in a row, answers, good ones, connections, good ones. */
  const countsOf = (port: number) => {
    const { words, at } = hosts[port - 1]!.place;
    return [0, 2, 3, 4, 5, 6].map((i) => words[at + i]);
  };
  const firstPort = () => Number(servers.attempts[0]!.host.address.split(":")[1]);
  return { cluster: made, servers, hosts, send, turn, countsOf, firstPort, reported, time };
}

describe("a connection that fails", () => {
  it.each([
    [false, [1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0]],
    [true, [0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 1, 1]],
  ])(
    "counts against its host although the request goes to another one; local failures apart: %s",
    (splits, failed, good) => {
      const { servers, send, countsOf, firstPort } = setup("http1", 2, splits);
      const { recorder } = send();
      const bad = firstPort();
      servers.fail();
      servers.accept().receive(OK1);
      expect(recorder.last).toBe("headers 200 end");
      expect([countsOf(bad), countsOf(3 - bad)]).toEqual([failed, good]);
    },
  );

  test("counts once for each request that waited for it", () => {
    const { servers, send, countsOf, firstPort, reported } = setup("http2", 1);
    const sent = Array.from({ length: 5 }, () => send());
    expect([servers.attempts.length, firstPort()]).toEqual([1, 1]);
    servers.fail();
    expect(sent.map(({ recorder }) => recorder.last)).toEqual(sent.map(() => "reset connection_failure ECONNREFUSED"));
    expect([countsOf(1)[0], reported]).toEqual([
      5,
      ["10.0.0.1:1 consecutive_gateway_failure", "10.0.0.1:1 consecutive_5xx"],
    ]);
  });
});

describe("a request that a server does not serve", () => {
  it("counts against the host where that refuses it, and for the one that answers", () => {
    const { servers, send, countsOf, firstPort } = setup("http2", 2);
    const { recorder } = send();
    const bad = firstPort();
    servers.greet().receive(rst(1, 7));
    servers.greet().receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
    expect([countsOf(bad), countsOf(3 - bad)]).toEqual([
      [1, 0, 1, 0, 0, 0],
      [0, 0, 1, 1, 0, 0],
    ]);
  });

  it("does not where the server only takes its leave", () => {
    const { servers, send, countsOf, firstPort } = setup("http2", 2);
    send();
    const leaving = firstPort();
    servers.greet().receive(goaway(0, 0));
    servers.greet().receive(headers(1, OK));
    expect([countsOf(leaving)[2], countsOf(3 - leaving)[2]]).toEqual([0, 1]);
  });
});

describe("a time-out", () => {
  it("counts once, also where the attempt went on for a while", () => {
    const { servers, send, turn, countsOf } = setup("http1", 1);
    const { stream } = send();
    servers.accept();
    turn(() => {
      stream.late?.();
      stream.reset(true);
    });
    expect(countsOf(1)).toEqual([1, 0, 1, 0, 0, 0]);
  });

  it("is none where the answer has begun, or nobody has the request", () => {
    const { servers, send, turn, countsOf } = setup("http1", 1);
    const begun = send();
    servers.accept().receive("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
    const waiting = send();
    turn(() => {
      begun.stream.late?.();
      waiting.stream.late?.();
      waiting.stream.reset(true);
    });
    expect(countsOf(1)).toEqual([0, 0, 1, 1, 0, 0]);
  });
});

test("an ejected host on probation is tried with a new request, never with one that has failed already", () => {
  const { cluster, hosts, send, servers } = setup("http1", 3);
  const { words, at } = hosts[0]!.place;
  words[at + PROBATION] = PROBE_DUE;
  cluster.updateFlags([["10.0.0.1:1", HEALTH_FLAG.failedOutlier | HEALTH_FLAG.probation]]);
  const ports = () => servers.attempts.map(({ host }) => host.address.split(":")[1]);
  for (let i = 0; i < 3; i++) send({ isRetry: true });
  send({ isRetry: true, aversion: { attempts: 3, avoids: () => true } });
  expect(ports()).not.toContain("1");
  send();
  expect(ports().at(-1)).toBe("1");
});

describe("a host that asks to be taken out (x-envoy-immediate-health-check-fail)", () => {
  const leaving = "HTTP/1.1 200 OK\r\nx-envoy-immediate-health-check-fail: 1\r\ncontent-length: 0\r\n\r\n";
  const check = {} as NonNullable<ClusterHealthModel["check"]>;

  test.each([
    [true, 0],
    [false, 1],
  ])("is told of where it is checked, not with checks that are disabled (%s)", (disabled, times) => {
    const { cluster, servers, hosts, send, reported } = setup("http1", 1, false, {
      check,
      outlier: null,
      ignoreHealthOnHostRemoval: false,
      closeConnectionsOnFailure: false,
    });
    const { model } = hosts[0]!;
    cluster.updateHosts([{ ...model, healthCheck: { port: 0, address: null, hostname: "", disabled } }]);
    send();
    servers.accept().receive(leaving);
    expect(reported).toEqual(Array.from({ length: times }, () => "10.0.0.1:1 immediate_fail"));
  });
});
