import { type NetworkConnection, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { bytes, Collector, NetworkHarness, noting, text, turns } from "../../../../../test/support/network-harness.ts";

describe("onNewConnection", () => {
  test("Stop holds everything: no later filter opens, no data hook runs, the source is paused", () => {
    const calls: string[] = [];
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      a: noting(calls, "a", {
        onNewConnection(connection) {
          handle = connection;
          return Stop;
        },
      }),
      b: noting(calls, "b"),
    }).connect();
    expect(client.paused).toBe(true);
    client.receive("early");
    expect(calls).toEqual(["a:new"]);
    handle?.read.resume();
    expect(calls).toEqual(["a:new", "b:new", "a:data:early", "b:data:early"]);
    expect(client.paused).toBe(false);
  });

  test("filters before the one that stopped do not see data either", () => {
    const calls: string[] = [];
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      a: noting(calls, "a"),
      b: noting(calls, "b", {
        onNewConnection(connection) {
          handle = connection;
          return Stop;
        },
      }),
    }).connect();
    client.receive("x");
    expect(calls).toEqual(["a:new", "b:new", "a:data:x"]);
    handle?.read.resume();
    expect(calls.slice(3)).toEqual(["b:data:x"]);
  });

  test("a promise holds everything until it settles", async () => {
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = new NetworkHarness({
      a: noting(calls, "a", { onNewConnection: () => promise }),
      b: noting(calls, "b"),
    }).connect();
    client.receive("x");
    expect(client.paused).toBe(true);
    resolve();
    await turns();
    expect(calls).toEqual(["a:new", "b:new", "a:data:x", "b:data:x"]);
    expect(client.paused).toBe(false);
  });

  test("a promise of Stop waits for resume()", async () => {
    const end = new Collector();
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      a: {
        async onNewConnection(connection): Promise<Stop> {
          handle = connection;
          return Stop;
        },
      },
      end,
    }).connect();
    client.receive("x");
    await turns();
    expect(end.text).toBe("");
    handle?.read.resume();
    expect(end.text).toBe("x");
    expect(client.paused).toBe(false);
  });

  test("resume() inside the hook is refused: it has not stopped yet", () => {
    const harness = new NetworkHarness({
      a: { onNewConnection: (connection) => connection.read.resume() },
      end: new Collector(),
    });
    expect(harness.connect().closedBy).toBe("abort");
    expect(harness.services.count("a.errors")).toBe(1);
  });

  test("a filter that closes the connection keeps the later ones from opening", async () => {
    const calls: string[] = [];
    const client = new NetworkHarness({
      a: noting(calls, "a", { onNewConnection: (connection) => connection.close("now", "denied") }),
      b: noting(calls, "b"),
    }).connect();
    await turns();
    expect(client.closedBy).toBe("now");
    expect(calls).toEqual(["a:new", "a:close"]);
  });
});

describe("promises", () => {
  test("while one is open no hook of the direction runs on this or later filters, and the source is paused", async () => {
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let isFirst = true;
    const client = new NetworkHarness({
      a: noting(calls, "a"),
      b: noting(calls, "b", {
        onData() {
          if (!isFirst) return undefined;
          isFirst = false;
          return promise;
        },
      }),
      c: noting(calls, "c"),
    }).connect();
    calls.length = 0;
    client.receive("1");
    client.receive("2");
    client.receiveEnd();
    expect(client.paused).toBe(true);
    expect(calls).toEqual(["a:data:1", "b:data:1", "a:data:2", "a:data:|"]);
    resolve();
    await turns();
    expect(calls.slice(4)).toEqual(["c:data:1", "b:data:2", "c:data:2", "b:data:|", "c:data:|"]);
    expect(client.paused).toBe(false);
  });

  test("the other direction goes on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      slow: { onData: () => promise },
      end: {
        onNewConnection(connection) {
          handle = connection;
        },
      },
    }).connect();
    client.receive("in");
    handle?.send(bytes("out"), false);
    expect(client.text).toBe("out");
    resolve();
    await turns();
  });

  test("a promise of bytes replaces the chunk; of Stop holds it", async () => {
    const end = new Collector();
    const client = new NetworkHarness({
      later: { onData: async (data) => (text(data) === "stop" ? Stop : bytes(`<${text(data)}>`)) },
      end,
    }).connect();
    client.receive("stop");
    await turns();
    expect(end.text).toBe("");
    client.receive("a");
    await turns();
    expect(end.chunks).toEqual(["stop", "<a>"]);
  });

  test("a rejected promise is a throw", async () => {
    const harness = new NetworkHarness({
      bad: { onData: () => Promise.reject(new Error("no")) },
      end: new Collector(),
    });
    const client = harness.connect();
    client.receive("a");
    await turns();
    expect(client.closedBy).toBe("abort");
    expect(harness.services.count("bad.errors")).toBe(1);
  });

  test("one that settles after the end is ignored", async () => {
    const end = new Collector();
    const { promise, resolve } = Promise.withResolvers<void>();
    const harness = new NetworkHarness({ slow: { onData: () => promise }, end });
    const client = harness.connect();
    client.receive("a");
    client.receiveClose("ECONNRESET");
    resolve();
    await turns();
    expect(end.text).toBe("");
    expect(harness.services.lines).toEqual([]);
  });
});
