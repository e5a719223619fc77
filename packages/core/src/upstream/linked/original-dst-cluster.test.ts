import type { ConnectionInfo, DynamicMetadata, UpstreamRequest } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { cluster } from "../../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../../test/support/services.ts";
import { PLAIN_ROUND_ROBIN } from "../../config/balancing-model.ts";
import type { OriginalDstModel } from "../../config/model.ts";
import { RequestHeaderMap, field } from "../../http/headers/header-map.ts";
import { ipAddress } from "../../network/address.ts";
import { SocketInfo } from "../../network/connection-info.ts";
import { ScriptedServers, StreamRecorder } from "../pool/scripted-pool.ts";
import { OriginalDstCluster } from "./original-dst-cluster.ts";

const SETTINGS: OriginalDstModel = { kind: "original_dst", header: "x-to", metadata: null, port: 0, cleanupMs: 5000 };

interface Asked {
  readonly headers?: readonly string[];
  readonly client?: ConnectionInfo;
  readonly metadata?: DynamicMetadata;
}

function setup(settings: Partial<OriginalDstModel> = {}) {
  const { services, time } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const discovery = { ...SETTINGS, ...settings };
  const made = new OriginalDstCluster(
    cluster("dst", { discovery, lb: { ...PLAIN_ROUND_ROBIN, policy: { kind: "provided" } } }),
    discovery,
    servers,
    services,
  );
  const send = ({ headers = [], client, metadata }: Asked) => {
    const head = new RequestHeaderMap("GET", "/", "a.test", "http");
    for (const value of headers) head.fields.push(field("x-to", value));
    const request: UpstreamRequest = {
      protocol: "HTTP/1.1",
      headers: head,
      client: client ?? null,
      ...(metadata && { metadata }),
    };
    services.flushQueue.enter();
    const opened = made.openStream(new StreamRecorder(), request);
    services.flushQueue.leave();
    return typeof opened === "string" ? opened : { address: servers.attempts.at(-1)?.host.address, stream: opened };
  };
  const to = (asked: Asked): string | undefined => {
    const sent = send(asked);
    return typeof sent === "string" ? sent : sent.address;
  };
  const count = (name: string): number => services.count(`cluster.dst.${name}`);
  return { made, send, to, time, count };
}

function restored(ip: string, port: number): ConnectionInfo {
  const info = new SocketInfo(1, ipAddress("10.9.9.9", 5), ipAddress("10.0.0.1", 15_001), null);
  info.local = ipAddress(ip, port);
  return info;
}

const metadata = (value: unknown): DynamicMetadata => ({
  get: ((namespace: string) => (namespace === "to" ? { host: value } : undefined)) as DynamicMetadata["get"],
  set() {},
  entries: () => new Map().entries() as never,
});

describe("a request goes", () => {
  test("where its header says, the first of several", () => {
    const { to } = setup();
    expect(to({ headers: ["10.1.1.1:8080", "10.1.1.2:1"] })).toBe("10.1.1.1:8080");
    expect(to({ headers: ["[::1]:443"] })).toBe("[::1]:443");
  });

  test("where metadata say, before the header", () => {
    const { to } = setup({ metadata: ["to", "host"] });
    expect(to({ headers: ["10.1.1.1:8080"], metadata: metadata("10.1.1.9:9") })).toBe("10.1.1.9:9");
    expect(to({ headers: ["10.1.1.1:8080"], metadata: metadata(5) })).toBe("10.1.1.1:8080");
  });

  test("where its connection was meant for, if a listener filter has found that out", () => {
    const { to } = setup();
    expect(to({ client: restored("10.2.2.2", 80) })).toBe("10.2.2.2:80");
    const plain = new SocketInfo(1, ipAddress("10.9.9.9", 5), ipAddress("10.0.0.1", 15_001), null);
    expect(to({ client: plain })).toBe("no_healthy_upstream");
  });

  test("to another port, where that is configured", () => {
    expect(setup({ port: 15_006 }).to({ headers: ["10.1.1.1:8080"] })).toBe("10.1.1.1:15006");
  });

  test("nowhere without a word", () => {
    expect(setup().to({})).toBe("no_healthy_upstream");
    expect(setup({ header: "" }).to({ headers: ["10.1.1.1:80"] })).toBe("no_healthy_upstream");
  });

  test.each(["a.test:80", "10.1.1.1", "10.1.1.1:0", "10.1.1.1:99999", "127.1:80", "x"])(
    "not to %j, which is counted",
    (header) => {
      const { to, count } = setup();
      expect(to({ headers: [header] })).toBe("no_healthy_upstream");
      expect(count("original_dst_host_invalid")).toBe(1);
      expect(to({ headers: [header], client: restored("10.2.2.2", 80) })).toBe("10.2.2.2:80");
    },
  );
});

test("hosts that nobody asks for any more go, those that are busy stay", () => {
  const { made, send, time } = setup();
  send({ headers: ["10.1.1.1:80"] });
  const busy = send({ headers: ["10.1.1.2:80"] });
  made.balancing.findHost("10.1.1.2:80")!.connections++;
  time.advance(11_000);
  expect(made.hosts.map(({ address }) => address)).toEqual(["10.1.1.2:80"]);
  made.balancing.findHost("10.1.1.2:80")!.connections--;
  time.advance(11_000);
  expect(made.hosts).toEqual([]);
  expect(busy).toMatchObject({ address: "10.1.1.2:80" });
});

test("there are never more than 1024: the oldest that is idle makes room, and without one there is no place", () => {
  const { made, send, to, count } = setup();
  const connect = (i: number) => send({ headers: [`10.1.${i >> 8}.${i & 255}:80`] });
  for (let i = 0; i < 1025; i++) connect(i);
  expect(made.hosts.length).toBe(1024);
  expect(made.balancing.findHost("10.1.0.0:80")).toBeUndefined();
  for (const host of made.hosts) host.connections++;
  expect(to({ headers: ["10.3.3.3:80"] })).toBe("no_healthy_upstream");
  expect(count("original_dst_host_overflow")).toBe(1);
});

test("a cluster that nobody has asked for a host yet takes requests", () => {
  expect(setup().made.refusal(false)).toBeNull();
});
