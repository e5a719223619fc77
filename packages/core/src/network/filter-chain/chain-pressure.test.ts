import { type NetworkConnection, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import {
  type AnyNetworkFilter,
  bytes,
  Collector,
  NetworkHarness,
  noting,
  text,
} from "../../../../../test/support/network-harness.ts";

describe("injection", () => {
  test("inject() goes to the next filter, past what this one holds", () => {
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
    client.receive("held");
    handle?.read.inject(bytes("first "), false);
    handle?.read.resume();
    expect(end.chunks).toEqual(["first ", "held"]);
  });

  test("inject() inside a hook of the direction is refused", () => {
    const harness = new NetworkHarness({
      a: { onData: (_data, _end, connection) => connection.read.inject(bytes("x"), false) },
      end: new Collector(),
    });
    const client = harness.connect();
    client.receive("a");
    expect(client.closedBy).toBe("abort");
  });

  test("an injected end is the last: what the client still sends goes nowhere", () => {
    const end = new Collector();
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      a: {
        onNewConnection(connection) {
          handle = connection;
        },
        onData: (_data, isEnd) => (isEnd ? undefined : bytes("")),
      },
      end,
    }).connect();
    handle?.read.inject(bytes("bye"), true);
    client.receive("more");
    client.receiveEnd();
    expect(end.chunks).toEqual(["bye|"]);
  });

  test("a write filter may inject into the read direction while a later read hook is on the stack: nothing overtakes", () => {
    const calls: string[] = [];
    const client = new NetworkHarness({
      a: {
        onWrite(_data, _end, connection) {
          connection.read.inject(bytes("injected"), false);
        },
      },
      b: noting(calls, "b"),
      end: {
        onData(data, _end, connection) {
          calls.push(`end:${text(data)}`);
          if (text(data) === "x") connection.send(bytes("answer"), false);
          calls.push("end:done");
        },
      },
    }).connect();
    calls.length = 0;
    client.receive("x");
    expect(calls).toEqual([
      "b:data:x",
      "end:x",
      "b:write:answer",
      "end:done",
      "b:data:injected",
      "end:injected",
      "end:done",
    ]);
  });

  test("what a watcher injects while an earlier hook is on the stack goes before that hook's chunk", () => {
    const end = new Collector();
    const client = new NetworkHarness({
      a: {
        onData(_data, _end, connection) {
          connection.read.pause();
          connection.read.unpause();
        },
      },
      b: {
        onNewConnection(connection) {
          connection.read.watch({
            onAboveHighWatermark: () => connection.read.inject(bytes("injected "), false),
            onBelowLowWatermark() {},
          });
        },
      },
      end,
    }).connect();
    client.receive("chunk");
    expect(end.chunks).toEqual(["injected ", "chunk"]);
  });

  test("send() of a terminal passes the write filters before it and may end the write side", () => {
    const calls: string[] = [];
    const client = new NetworkHarness({
      a: noting(calls, "a"),
      end: { onData: (data, _end, connection) => connection.send(data, true) },
    }).connect();
    client.receive("bye");
    client.receive("late");
    expect(calls.filter((call) => call.includes("write"))).toEqual(["a:write:bye|"]);
    expect(client.text).toBe("bye");
    expect(client.closedBy).toBe("end");
  });
});

describe("back-pressure", () => {
  test("pauses are counted, whoever makes them", () => {
    const handles: NetworkConnection[] = [];
    const keep: AnyNetworkFilter = { onNewConnection: (connection) => void handles.push(connection) };
    const client = new NetworkHarness({ a: keep, b: keep }).connect();
    const [a, b] = handles as [NetworkConnection, NetworkConnection];
    a.read.pause();
    b.read.pause();
    b.read.pause();
    a.read.unpause();
    b.read.unpause();
    expect(client.paused).toBe(true);
    b.read.unpause();
    expect(client.paused).toBe(false);
    expect(client.pauses).toBe(1);
    expect(() => a.read.unpause()).toThrow(TypeError);
  });

  test("the client's slowness reaches whoever watches the write direction, once per crossing", () => {
    const events: string[] = [];
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness(
      {
        end: {
          onNewConnection(connection) {
            handle = connection;
            connection.write.watch({
              onAboveHighWatermark: () => events.push("high"),
              onBelowLowWatermark: () => events.push("low"),
            });
          },
        },
      },
      { connection: { highWatermark: 10 } },
    ).connect();
    client.stall();
    handle?.send(bytes("x".repeat(11)), false);
    handle?.send(bytes("y"), false);
    expect(events).toEqual(["high"]);
    expect(handle?.write.aboveWatermark).toBe(true);
    client.drain();
    expect(events).toEqual(["high", "low"]);
    expect(handle?.write.aboveWatermark).toBe(false);
    handle?.write.watch(null);
    client.stall();
    handle?.send(bytes("x".repeat(11)), false);
    expect(events).toEqual(["high", "low"]);
  });

  test("a filter that holds more than the limit pauses the source until half of it is gone", () => {
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness(
      {
        gate: {
          onData(_data, _end, connection) {
            handle = connection;
            return Stop;
          },
        },
        end: new Collector(),
      },
      { bufferLimitBytes: 10 },
    ).connect();
    client.receive("x".repeat(10));
    expect(client.paused).toBe(false);
    client.receive("y");
    expect(client.paused).toBe(true);
    handle?.read.resume();
    expect(client.paused).toBe(false);
  });

  test("a write filter that holds more than the limit presses on the terminal", () => {
    const events: string[] = [];
    let gate: NetworkConnection | undefined;
    let end: NetworkConnection | undefined;
    new NetworkHarness(
      {
        gate: {
          onWrite(_data, _end, connection) {
            gate = connection;
            return Stop;
          },
        },
        end: {
          onNewConnection(connection) {
            end = connection;
            connection.write.watch({
              onAboveHighWatermark: () => events.push("high"),
              onBelowLowWatermark: () => events.push("low"),
            });
          },
        },
      },
      { bufferLimitBytes: 10 },
    ).connect();
    end?.send(bytes("x".repeat(11)), false);
    expect(events).toEqual(["high"]);
    gate?.write.resume();
    expect(events).toEqual(["high", "low"]);
  });

  test("a watcher that throws costs its connection", () => {
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness(
      {
        end: {
          onNewConnection(connection) {
            handle = connection;
            connection.write.watch({
              onAboveHighWatermark() {
                throw new Error("no");
              },
              onBelowLowWatermark() {},
            });
          },
        },
      },
      { connection: { highWatermark: 1 } },
    ).connect();
    client.stall();
    handle?.send(bytes("xx"), false);
    expect(client.closedBy).toBe("abort");
  });
});
