import type { NetworkConnection } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { turns } from "../../../../test/support/network-harness.ts";
import { type FakeUpstream, HOST, World } from "../../../../test/support/tcp-proxy-world.ts";
import { addHash } from "./host-choice.ts";

describe("bytes", () => {
  test("the client is paused until the upstream connection stands; early bytes are not lost", () => {
    const world = new World();
    const client = world.connect();
    expect(client.paused).toBe(true);
    client.receive("early ");
    client.receive("bytes");
    expect(world.upstream.calls).toEqual([]);
    world.upstream.connect();
    expect(client.paused).toBe(false);
    expect(world.upstream.calls.join("")).toBe("early bytes");
  });

  test("go both ways with half-closes, and are counted", () => {
    const world = new World();
    const client = world.connect();
    world.upstream.connect();
    client.receive("question");
    client.receiveEnd();
    world.upstream.send("answer");
    world.upstream.send("", true);
    expect(world.upstream.calls).toEqual(["question", "|"]);
    expect(client.text).toBe("answer");
    expect(client.closedBy).toBe("end");
    expect([
      world.count("downstream_cx_total"),
      world.count("downstream_cx_rx_bytes_total"),
      world.count("downstream_cx_tx_bytes_total"),
    ]).toEqual([1, 8, 6]);
  });

  test("a slow upstream pauses the client, a slow client pauses the upstream", () => {
    const world = new World();
    const client = world.connect(10);
    world.upstream.connect();
    world.upstream.events.onUpstreamWriteHigh();
    world.upstream.events.onUpstreamWriteHigh();
    expect(client.paused).toBe(true);
    world.upstream.events.onUpstreamWriteLow();
    expect(client.paused).toBe(false);
    client.stall();
    world.upstream.send("x".repeat(11));
    expect(world.upstream.calls).toEqual(["pause"]);
    client.drain();
    expect(world.upstream.calls).toEqual(["pause", "unpause"]);
  });
});

describe("choice of the cluster", () => {
  test("by weight", () => {
    const world = new World({
      targets: [
        { cluster: "a", weight: 1 },
        { cluster: "b", weight: 3 },
      ],
      totalWeight: 4,
    });
    const random = { at: 0 };
    world.services.random.below = () => random.at;
    for (random.at = 0; random.at < 4; random.at++) world.connect();
    expect(world.asked).toEqual(["a", "b", "b", "b"]);
  });

  test("a cluster that does not exist closes the connection and is counted", async () => {
    const world = new World({ targets: [{ cluster: "missing", weight: 1 }] });
    const client = world.connect();
    await turns();
    expect(client.closedBy).toBe("now");
    expect(world.count("downstream_cx_no_route")).toBe(1);
    expect(world.logged).toEqual(["NC cluster_not_found - 0 "]);
  });

  test.each([
    ["no_healthy_upstream", "UH"],
    ["overflow", "UO"],
  ] as const)("%s closes the connection with %s", async (failure, flag) => {
    const world = new World();
    world.failure = failure;
    const client = world.connect();
    await turns();
    expect(client.closedBy).toBe("now");
    expect(world.logged).toEqual([`${flag} ${failure} - 1 `]);
  });
});

describe("connect attempts", () => {
  test("one that fails is repeated as often as configured; bytes wait meanwhile", () => {
    const world = new World({ maxConnectAttempts: 3 });
    const client = world.connect();
    client.receive("patience");
    world.upstream.events.onUpstreamClose("connection_failure", "ECONNREFUSED", HOST);
    world.upstream.events.onUpstreamClose("connection_timeout", "connect_timeout", HOST);
    expect(world.upstreams).toHaveLength(3);
    world.upstream.connect();
    expect(world.upstream.calls).toEqual(["patience"]);
    client.receiveClose();
    expect(world.logged).toEqual(["  10.0.0.1:80 3 connect_timeout"]);
  });

  test("after the last one the client is closed", async () => {
    const world = new World({ maxConnectAttempts: 2 });
    const client = world.connect();
    for (const upstream of [0, 1])
      world.upstreams[upstream]!.events.onUpstreamClose("connection_failure", "ECONNREFUSED", HOST);
    await turns();
    expect(client.closedBy).toBe("now");
    expect(world.logged).toEqual(["UF,URX upstream_connect_failed 10.0.0.1:80 2 ECONNREFUSED"]);
  });

  test("a client that leaves while connecting gives the attempt up", () => {
    const world = new World();
    world.connect().receiveClose("ECONNRESET");
    expect(world.upstream.calls).toEqual(["abort"]);
  });
});

describe("the end", () => {
  test("an upstream that resets resets the client", async () => {
    const world = new World();
    const client = world.connect();
    world.upstream.connect();
    world.upstream.events.onUpstreamClose("connection_termination", "ECONNRESET", HOST);
    await turns();
    expect(client.closedBy).toBe("abort");
    expect(world.logged).toEqual(["UC upstream_reset{connection_termination} 10.0.0.1:80 1 ECONNRESET"]);
  });

  test("an upstream that is done closes the client after everything is written", () => {
    const world = new World();
    const client = world.connect();
    world.upstream.connect();
    world.upstream.send("bye", true);
    world.upstream.events.onUpstreamClose(null, "", HOST);
    expect(client.text).toBe("bye");
    expect(client.closedBy).toBe("flush");
  });

  test("a client that resets resets the upstream", () => {
    const world = new World();
    const client = world.connect();
    world.upstream.connect();
    client.receive("half a mess");
    client.receiveClose("ECONNRESET");
    expect(world.upstream.calls).toEqual(["half a mess", "abort"]);
  });

  test("a client that is gone after its half-close: what it said is still delivered, until the upstream answers or ends", () => {
    for (const finish of [
      (upstream: FakeUpstream) => upstream.send("too late"),
      (upstream: FakeUpstream) => upstream.send("", true),
      (upstream: FakeUpstream) => upstream.events.onUpstreamClose(null, "", HOST),
    ]) {
      const world = new World();
      const client = world.connect();
      world.upstream.connect();
      client.receive("last words");
      client.receiveEnd();
      client.receiveClose("ECONNRESET");
      expect(world.upstream.calls).toEqual(["last words", "|"]);
      expect([world.count("upstream_flush_total"), world.services.gaugeValue("tcp.t.upstream_flush_active")]).toEqual([
        1, 1,
      ]);
      finish(world.upstream);
      expect(world.services.gaugeValue("tcp.t.upstream_flush_active")).toBe(0);
      expect(world.time.timers.size).toBe(0);
    }
  });

  test("such a delivery lasts no longer than an idle connection", () => {
    const world = new World({ idleTimeoutMs: 1000 });
    const client = world.connect();
    world.upstream.connect();
    client.receiveEnd();
    client.receiveClose("ECONNRESET");
    world.time.advance(1020);
    expect(world.upstream.calls).toEqual(["|", "close"]);
    expect(world.services.gaugeValue("tcp.t.upstream_flush_active")).toBe(0);
  });

  test("nothing keeps a timer after it", () => {
    const world = new World({ maxDownstreamConnectionDurationMs: 5000 });
    const client = world.connect();
    world.upstream.connect();
    client.receiveClose();
    expect(world.time.timers.size).toBe(0);
  });
});

describe("time", () => {
  test("an idle connection is closed; bytes of either side keep it open", async () => {
    const world = new World({ idleTimeoutMs: 1000 });
    const client = world.connect();
    world.upstream.connect();
    world.time.advance(900);
    client.receive("x");
    world.time.advance(900);
    world.upstream.send("y");
    world.time.advance(900);
    expect(client.closedBy).toBe("");
    world.time.advance(200);
    await turns();
    expect(client.closedBy).toBe("now");
    expect(world.upstream.calls).toEqual(["x", "abort"]);
    expect(world.count("idle_timeout")).toBe(1);
    expect(world.logged[0]).toContain("idle_timeout");
  });

  test("0 is no idle time-out", () => {
    const world = new World({ idleTimeoutMs: 0 });
    const client = world.connect();
    world.upstream.connect();
    world.time.advance(48 * 3_600_000);
    expect(client.closedBy).toBe("");
  });

  test("a connection of the greatest age is closed, busy or not", () => {
    const world = new World({ maxDownstreamConnectionDurationMs: 2000 });
    const client = world.connect();
    world.upstream.connect();
    world.time.advance(1500);
    client.receive("busy");
    world.time.advance(520);
    expect(client.closedBy).toBe("now");
    expect(world.count("max_downstream_connection_duration")).toBe(1);
  });
});

describe("choice of the host", () => {
  const hashed = (world: World): string[] => {
    const texts: string[] = [];
    world.choice?.hashKey?.({ add: (text) => void texts.push(text) });
    return texts;
  };

  test("by the client's address, where that is configured", () => {
    const world = new World({ hash: { kind: "source_ip" } });
    const client = world.connect();
    expect(client.info.remote.ip).not.toBe("");
    expect(hashed(world)).toEqual([client.info.remote.ip]);
    const plain = new World();
    plain.connect();
    expect(hashed(plain)).toEqual([]);
    expect(plain.choice?.subset).toBeNull();
  });

  test("by the filter state; what is no text counts for nothing", () => {
    const world = new World({ hash: { kind: "filter_state", key: "tenant" } });
    world.connect();
    expect(hashed(world)).toEqual([]);
    for (const value of ["acme", 7, { a: 1 }]) {
      const filterState = { get: (key: string) => (key === "tenant" ? value : undefined) };
      const texts: string[] = [];
      addHash({ add: (text) => void texts.push(text) }, { kind: "filter_state", key: "tenant" }, {
        filterState,
      } as unknown as NetworkConnection);
      expect(texts).toEqual(typeof value === "object" ? [] : [String(value)]);
    }
  });

  test("among those that have what is configured", () => {
    const world = new World({ targets: [{ cluster: "c", weight: 1, subset: { v: 1 } }] });
    world.connect();
    expect(world.choice?.subset).toEqual({ v: 1 });
  });

  test("a cluster that drops its load closes the connection", async () => {
    const world = new World();
    world.failure = "drop_overload";
    const client = world.connect();
    await turns();
    expect(client.closedBy).toBe("now");
    expect(world.logged).toEqual(["DO drop_overload - 1 "]);
  });
});
