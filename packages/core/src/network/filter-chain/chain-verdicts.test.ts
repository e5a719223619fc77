import { Continue, type NetworkConnection, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import {
  type AnyNetworkFilter,
  bytes,
  Collector,
  NetworkHarness,
  noting,
  text,
} from "../../../../../test/support/network-harness.ts";

describe("order", () => {
  test("read hooks run in configuration order, write hooks in reverse, closes in order", async () => {
    const calls: string[] = [];
    const harness = new NetworkHarness({
      a: noting(calls, "a"),
      b: noting(calls, "b"),
      end: { onData: (data, _end, connection) => connection.send(data, false) },
    });
    const client = harness.connect();
    client.receive("hi");
    expect(client.text).toBe("hi");
    client.receiveClose();
    expect(calls).toEqual([
      "a:new",
      "b:new",
      "a:data:hi",
      "b:data:hi",
      "b:write:hi",
      "a:write:hi",
      "a:close",
      "b:close",
    ]);
  });

  test("every connection has a state of its own, made before its first hook", () => {
    const seen: unknown[] = [];
    const counting: AnyNetworkFilter = {
      newState: () => ({ count: 0 }),
      onData(_data, _end, connection) {
        (connection.state as { count: number }).count++;
        seen.push((connection.state as { count: number }).count);
      },
    };
    const harness = new NetworkHarness({ counting });
    const first = harness.connect();
    const second = harness.connect();
    first.receive("1");
    first.receive("2");
    second.receive("3");
    expect(seen).toEqual([1, 2, 1]);
  });

  test("the half-close reaches every filter once, after the data", () => {
    const calls: string[] = [];
    const end = new Collector();
    const client = new NetworkHarness({ a: noting(calls, "a"), end }).connect();
    client.receive("x");
    client.receiveEnd();
    expect(calls).toEqual(["a:new", "a:data:x", "a:data:|"]);
    expect(end.text).toBe("x|");
  });
});

describe("verdicts", () => {
  test("bytes take the place of a chunk; empty bytes consume it", () => {
    const end = new Collector();
    const client = new NetworkHarness({
      upper: { onData: (data) => (text(data) === "drop" ? bytes("") : bytes(text(data).toUpperCase())) },
      end,
    }).connect();
    client.receive("a");
    client.receive("drop");
    client.receive("b");
    expect(end.chunks).toEqual(["A", "B"]);
  });

  test("a consumed chunk still carries the half-close", () => {
    const end = new Collector();
    const client = new NetworkHarness({ eater: { onData: () => bytes("") }, end }).connect();
    client.receive("a");
    client.receiveEnd();
    expect(end.chunks).toEqual(["|"]);
  });

  test("Stop holds chunks, a later Continue lets all go in order", () => {
    const end = new Collector();
    const client = new NetworkHarness({
      gate: { onData: (data) => (text(data) === "go" ? Continue : Stop) },
      end,
    }).connect();
    client.receive("a");
    client.receive("b");
    expect(end.text).toBe("");
    client.receive("go");
    expect(end.chunks).toEqual(["a", "b", "go"]);
  });

  test("Stop holds chunks until resume(), which is harmless again", () => {
    const end = new Collector();
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      gate: {
        onData(_data, _end, connection) {
          handle = connection;
          return Stop;
        },
      },
      end,
    }).connect();
    client.receive("a");
    client.receiveEnd();
    expect(end.chunks).toEqual([]);
    handle?.read.resume();
    handle?.read.resume();
    expect(end.chunks).toEqual(["a", "|"]);
  });

  test("held bytes survive the reuse of the read buffer, whatever their size", () => {
    const end = new Collector();
    const client = new NetworkHarness({ gate: { onData: (_data, isEnd) => (isEnd ? Continue : Stop) }, end }).connect();
    const large = "x".repeat(100_000);
    client.receive("small");
    client.receive(large);
    client.receiveEnd();
    expect(end.text).toBe(`small${large}|`);
  });

  test("Stop in a write hook holds what goes to the client", () => {
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      gate: {
        onWrite(_data, _end, connection) {
          handle = connection;
          return Stop;
        },
      },
      end: { onData: (data, isEnd, connection) => connection.send(data, isEnd) },
    }).connect();
    client.receive("a");
    client.receiveEnd();
    expect(client.text).toBe("");
    handle?.write.resume();
    expect(client.text).toBe("a");
    expect(client.closedBy).toBe("end");
  });

  test.each([5, "no", {}, null])("%j is no verdict: the filter is named and its connection reset", (verdict) => {
    const harness = new NetworkHarness({ odd: { onData: () => verdict as never }, end: new Collector() });
    const client = harness.connect();
    client.receive("a");
    expect(client.closedBy).toBe("abort");
    expect(harness.services.count("odd.errors")).toBe(1);
    expect(harness.services.lines[0]?.message).toBe("filter odd failed in onData");
  });
});
