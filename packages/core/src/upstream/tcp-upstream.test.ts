import type { UpstreamConnectionEvents } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { ScriptedConnection } from "../network/scripted-connection.ts";
import { FlushQueue } from "../network/flush-queue.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { VirtualTime } from "../timing/virtual.ts";
import { NO_LIMITS } from "./circuit-breakers.ts";
import { ClusterStats } from "./cluster-stats.ts";
import { Host } from "./host.ts";
import { ScriptedServers } from "./pool/scripted-pool.ts";
import { TcpUpstream } from "./tcp-upstream.ts";

function setup() {
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const address = { kind: "ip", host: "10.0.0.1", port: 80 } as const;
  const host = new Host({ address, hostname: "", weight: 1, health: "healthy" }, "c", store.scope("h."));
  const servers = new ScriptedServers(new FlushQueue());
  const all = new Set<TcpUpstream>();
  const told: string[] = [];
  const events: UpstreamConnectionEvents = {
    onUpstreamConnected: () => void told.push("connected"),
    onUpstreamData: (data, end) => void told.push(`${Buffer.from(data).toString()}${end ? "|" : ""}`),
    onUpstreamClose: (reason, detail) => void told.push(`close ${reason} ${detail}`),
    onUpstreamWriteHigh: () => void told.push("high"),
    onUpstreamWriteLow: () => void told.push("low"),
  };
  const stats = new ClusterStats(store.scope("cluster.c."));
  const upstream = new TcpUpstream(host, stats, NO_LIMITS, new VirtualTime().clock, events, all);
  upstream.start(servers, 1000, null);
  return { upstream, servers, told, all, active: () => store.gauge("cluster.c.upstream_cx_active").value };
}

const bytes = (text: string) => Buffer.from(text);

describe("close", () => {
  test("behind the end of what is written delivers it; nothing is told of what still comes", () => {
    const { upstream, servers, told } = setup();
    const connection: ScriptedConnection = servers.accept();
    upstream.write(bytes("last words"), true);
    upstream.close();
    expect([connection.text, connection.closedBy]).toEqual(["last words", "flush"]);
    connection.receive("too late");
    expect(told).toEqual(["connected"]);
  });

  test("without an end, or with a reset, drops what is waiting", () => {
    for (const [end, abort, expected] of [
      [false, false, "now"],
      [false, true, "abort"],
      [true, true, "abort"],
    ] as const) {
      const { upstream, servers } = setup();
      const connection = servers.accept();
      upstream.write(bytes("half"), end);
      upstream.close(abort);
      expect(connection.closedBy).toBe(expected);
    }
  });

  test("before there is a connection gives it up, whatever waits for it", () => {
    const { upstream, servers, told, all, active } = setup();
    upstream.write(bytes("early"), true);
    upstream.close();
    expect([servers.attempts.length, all.size, active(), told]).toEqual([0, 0, 0, ["high"]]);
  });
});

test("what waits for the connection, its end included, goes out with it and counts as said", () => {
  const { upstream, servers } = setup();
  upstream.write(bytes("early"), true);
  const connection = servers.accept();
  upstream.close();
  expect([connection.text, connection.closedBy]).toEqual(["early", "flush"]);
});

test("the end of the cluster ends what is still being delivered, and leaves nothing behind", async () => {
  const { upstream, servers, told, all, active } = setup();
  const connection = servers.accept();
  upstream.write(bytes("last words"), true);
  upstream.close();
  upstream.destroy();
  await Promise.resolve();
  expect([connection.closed, all.size, active(), told]).toEqual([true, 0, 0, ["connected"]]);
});
