import { type NetworkConnection, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { bytes, NetworkHarness, noting, turns } from "../../../../../test/support/network-harness.ts";

describe("errors", () => {
  test.each(["newState", "onNewConnection", "onData", "onWrite"] as const)(
    "a filter that throws in %s is named and counted; its connection is reset, others are not",
    (hook) => {
      let isBroken = true;
      const harness = new NetworkHarness({
        bad: {
          [hook]: () => {
            if (isBroken) throw new Error("broken");
          },
        },
        end: { onData: (data, _end, connection) => connection.send(data, false) },
      });
      const client = harness.connect();
      client.receive("x");
      expect(client.closedBy).toBe("abort");
      expect(harness.services.count("bad.errors")).toBe(1);
      expect(harness.services.lines.map(({ message }) => message)).toEqual([`filter bad failed in ${hook}`]);
      isBroken = false;
      const other = harness.connect();
      other.receive("y");
      expect(other.text).toBe("y");
    },
  );

  test("a filter that throws in onClose does not keep the others from theirs", () => {
    const calls: string[] = [];
    const harness = new NetworkHarness({
      bad: {
        onClose() {
          throw new Error("broken");
        },
      },
      end: noting(calls, "end"),
    });
    harness.connect().receiveClose();
    expect(calls).toContain("end:close");
    expect(harness.services.count("bad.errors")).toBe(1);
  });

  test("the log names a failing filter once a second at most", () => {
    const harness = new NetworkHarness({
      bad: {
        onNewConnection() {
          throw new Error("broken");
        },
      },
    });
    harness.connect();
    harness.connect();
    expect(harness.services.lines).toHaveLength(1);
    harness.time.advance(1000);
    harness.connect();
    expect(harness.services.lines).toHaveLength(2);
    expect(harness.services.count("bad.errors")).toBe(3);
  });
});

describe("the end", () => {
  test("after it the handle is inert, timers are cancelled, the signal is aborted, onClose came once", () => {
    let handle: NetworkConnection | undefined;
    let closes = 0;
    let fired = 0;
    const harness = new NetworkHarness({
      end: {
        onNewConnection(connection) {
          handle = connection;
          connection.setTimer(() => fired++, 100);
        },
        onClose() {
          closes++;
        },
      },
    });
    const client = harness.connect();
    const signal = handle!.signal;
    client.receiveClose("ECONNRESET");
    expect(signal.aborted).toBe(true);
    expect(closes).toBe(1);
    harness.time.advance(1000);
    expect(fired).toBe(0);
    handle!.send(bytes("x"), true);
    handle!.read.pause();
    handle!.read.unpause();
    handle!.read.resume();
    handle!.read.inject(bytes("x"), false);
    handle!.close();
    handle!.setTimer(() => fired++, 1).cancel();
    harness.time.advance(10);
    expect(fired).toBe(0);
    expect(client.text).toBe("");
    expect(handle!.signal.aborted).toBe(true);
  });

  test("close() flushes by default; after it no data hook runs, and onClose comes when the connection is gone", async () => {
    const calls: string[] = [];
    let handle: NetworkConnection | undefined;
    const client = new NetworkHarness({
      end: noting(calls, "end", {
        onNewConnection(connection) {
          handle = connection;
        },
      }),
    }).connect();
    client.stall();
    handle?.send(bytes("last"), false);
    handle?.close("flush", "done");
    client.receive("late");
    expect(client.closedBy).toBe("flush");
    expect(calls).toEqual(["end:new"]);
    client.drain();
    await turns();
    expect(calls).toEqual(["end:new", "end:close"]);
    expect(handle?.info).toMatchObject({ details: "done", terminationDetails: "done" });
  });

  test("an orderly close waits for what write filters hold", async () => {
    let gate: NetworkConnection | undefined;
    let end: NetworkConnection | undefined;
    const calls: string[] = [];
    const harness = new NetworkHarness({
      gate: noting(calls, "gate", {
        onWrite(_data, _end, connection) {
          gate = connection;
          return Stop;
        },
      }),
      end: {
        onNewConnection(connection) {
          end = connection;
        },
        onData: () => void calls.push("end:data"),
      },
    });
    const client = harness.connect();
    end?.send(bytes("last "), false);
    end?.send(bytes("words"), false);
    end?.close();
    end?.send(bytes("dropped"), false);
    client.receive("late");
    expect(client.closedBy).toBe("");
    gate?.write.resume();
    await turns();
    expect(client.text).toBe("last words");
    expect(client.closedBy).toBe("flush");
    expect(calls).toEqual(["gate:new", "gate:write:last ", "gate:write:words", "gate:write:|", "gate:close"]);
    expect(harness.time.timers.size).toBe(0);
  });

  test("a filter that never lets go does not keep a closing connection for ever", () => {
    let end: NetworkConnection | undefined;
    const harness = new NetworkHarness({
      gate: { onWrite: () => Stop },
      end: {
        onNewConnection(connection) {
          end = connection;
        },
      },
    });
    const client = harness.connect();
    end?.send(bytes("x"), false);
    end?.close();
    harness.time.advance(29_000);
    expect(client.closedBy).toBe("");
    harness.time.advance(1100);
    expect(client.closedBy).toBe("flush");
  });

  test("an orderly close after the write side was ended closes at once", () => {
    let end: NetworkConnection | undefined;
    const client = new NetworkHarness({
      end: {
        onNewConnection(connection) {
          end = connection;
        },
      },
    }).connect();
    end?.send(bytes("x"), true);
    end?.close();
    expect(client.closedBy).toBe("flush");
  });

  test("timers run while the connection lives, with the handle, and their errors are the filter's", () => {
    let seen: NetworkConnection | undefined;
    const harness = new NetworkHarness({
      end: {
        onNewConnection(connection) {
          connection.setTimer((handle) => {
            seen = handle;
          }, 50);
          connection.setTimer(() => {
            throw new Error("broken");
          }, 100);
        },
      },
    });
    const client = harness.connect();
    harness.time.advance(60);
    expect(seen?.connection).toBe(client.info);
    harness.time.advance(60);
    expect(client.closedBy).toBe("abort");
    expect(harness.services.lines[0]?.message).toBe("filter end failed in a timer");
  });

  test("the access log is written once, with what is known at the end", () => {
    const lines: string[] = [];
    const harness = new NetworkHarness(
      { end: { onData: (data, _end, connection) => connection.send(data, false) } },
      {
        loggers: [
          {
            log: (info) => void lines.push(`${info.bytesReceived}/${info.bytesSent} ${info.endMs - info.startMs}`),
            release() {},
          },
        ],
      },
    );
    const client = harness.connect();
    client.receive("abc");
    harness.time.advance(250);
    client.receiveClose();
    expect(lines).toEqual(["3/3 250"]);
  });

  test("a released chain ends its filters when its last connection is gone, once", async () => {
    const events: string[] = [];
    const harness = new NetworkHarness(
      { end: { dispose: () => void events.push("dispose") } },
      { onReleased: () => void events.push("released") },
    );
    harness.chain.connectionStarted();
    harness.chain.release();
    await turns();
    expect(events).toEqual([]);
    harness.chain.connectionEnded();
    harness.chain.release();
    await turns();
    expect(events).toEqual(["dispose", "released"]);
  });
});
