import { Stop, type NetworkConnection } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { type AnyNetworkFilter, NetworkHarness, turns } from "../../../../../test/support/network-harness.ts";
import { Recorder } from "../../../../../test/support/recorder.ts";
import type { Connection } from "../connection.ts";
import type { ScriptedConnection } from "../scripted-connection.ts";
import type { NetworkTerminal } from "./terminal.ts";

class FakeTerminal implements NetworkTerminal {
  connection: Connection | null = null;
  recorder: Recorder | null = null;
  filterStateSeen: unknown = undefined;
  readonly drained: string[] = [];

  onConnection(connection: Connection, context: { filterState: { get(key: string): unknown } | null }) {
    this.connection = connection;
    this.recorder = new Recorder(connection);
    this.filterStateSeen = context.filterState?.get("key");
    return { drain: () => void this.drained.push("drain"), closeIfIdle: () => void this.drained.push("closeIfIdle") };
  }

  retire(): void {
    this.drained.push("retire");
  }
}

function behind(
  filters: Readonly<Record<string, AnyNetworkFilter>>,
  highWatermark = 1000,
): { terminal: FakeTerminal; client: ScriptedConnection; harness: NetworkHarness } {
  const terminal = new FakeTerminal();
  const harness = new NetworkHarness(filters, { terminal, connection: { highWatermark } });
  return { terminal, harness, client: harness.connect() };
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

test("alone in its chain the terminal gets the connection itself", () => {
  const { terminal, client } = behind({});
  expect(terminal.connection).toBe(client);
});

describe("behind network filters", () => {
  test("what filters let through arrives, the half-close and the end too", () => {
    const { terminal, client } = behind({
      upper: { onData: (data) => bytes(Buffer.from(data).toString().toUpperCase()) },
    });
    client.receive("abc");
    client.receiveEnd();
    client.receiveClose("ECONNRESET");
    expect(terminal.recorder?.text).toBe("ABC");
    expect(terminal.recorder?.events).toEqual(["data", "end", "close:ECONNRESET"]);
  });

  test("it is connected only when every filter is open, and gets nothing before", () => {
    let handle: NetworkConnection | undefined;
    const { terminal, client } = behind({
      reader: { onData: () => {} },
      gate: {
        onNewConnection(connection) {
          handle = connection;
          connection.filterState.set("key", "value");
          return Stop;
        },
      },
    });
    client.receive("early");
    expect(terminal.connection).toBe(null);
    handle?.read.resume();
    expect(terminal.recorder?.text).toBe("early");
    expect(terminal.filterStateSeen).toBe("value");
  });

  test("what it writes passes the write filters, in every form", () => {
    const seen: string[] = [];
    const { terminal, client } = behind({
      tap: { onWrite: (data, end) => void seen.push(Buffer.from(data).toString("latin1") + (end ? "|" : "")) },
    });
    terminal.connection?.write(bytes("a"));
    terminal.connection?.writeLatin1("\xe9");
    terminal.connection?.writeHeadAndBody("h", bytes("b"));
    terminal.connection?.end();
    expect(seen).toEqual(["a", "\xe9", "hb", "|"]);
    expect(client.text).toBe("a\xe9hb");
    expect(client.closedBy).toBe("end");
  });

  test("without write filters text goes to the socket as it is", () => {
    const { terminal, client } = behind({ reader: { onData: () => {} } });
    terminal.connection?.writeHeadAndBody("head", bytes("body"));
    terminal.connection?.writeLatin1("text");
    terminal.connection?.write(bytes("bytes"));
    expect(client.writes.map(String)).toEqual(["headbody", "text", "bytes"]);
  });

  test("its pauses are counted together with those of filters", () => {
    let handle: NetworkConnection | undefined;
    const { terminal, client } = behind({
      reader: {
        onNewConnection(connection) {
          handle = connection;
        },
      },
    });
    terminal.connection?.pause();
    handle?.read.pause();
    terminal.connection?.unpause();
    expect([client.paused, terminal.connection?.paused]).toEqual([true, false]);
    handle?.read.unpause();
    expect(client.paused).toBe(false);
    expect(() => terminal.connection?.unpause()).toThrow("without a pause");
  });

  test("the socket's watermarks and drain reach it", () => {
    const { terminal, client } = behind({ tap: { onWrite: () => {} } }, 10);
    client.stall();
    terminal.connection?.write(bytes("x".repeat(11)));
    expect(terminal.connection?.pendingBytes).toBe(11);
    expect(terminal.connection?.aboveWatermark).toBe(true);
    client.drain();
    expect(terminal.recorder?.events).toEqual(["high", "low", "drained"]);
    expect(terminal.connection?.pendingBytes).toBe(0);
  });

  test("bytes that a write filter holds count as waiting, and are told as drained when they leave", () => {
    let handle: NetworkConnection | undefined;
    const { terminal } = behind({
      gate: {
        onWrite(_data, _end, connection) {
          handle = connection;
          return Stop;
        },
      },
    });
    terminal.connection?.write(bytes("held"));
    expect(terminal.connection?.pendingBytes).toBe(4);
    handle?.write.resume();
    expect(terminal.recorder?.events).toEqual(["drained"]);
    expect(terminal.connection?.pendingBytes).toBe(0);
  });

  test.each([
    ["closeAfterFlush", (connection: Connection) => connection.closeAfterFlush(500), "flush"],
    ["destroy", (connection: Connection) => connection.destroy(), "now"],
    ["destroy with a reset", (connection: Connection) => connection.destroy(true), "abort"],
  ] as const)("%s ends the chain: filters get onClose, nothing runs any more", async (_title, close, closedBy) => {
    const calls: string[] = [];
    const { terminal, client } = behind({
      a: { onData: () => void calls.push("data"), onClose: () => void calls.push("close") },
    });
    close(terminal.connection!);
    expect(terminal.connection?.closed).toBe(true);
    client.receive("late");
    terminal.connection?.write(bytes("late"));
    await turns();
    expect(client.closedBy).toBe(closedBy);
    expect(client.text).toBe("");
    expect(calls).toEqual(["close"]);
    expect(terminal.recorder?.events).toEqual(["close:"]);
  });

  test("its delayed close waits for what a write filter holds", async () => {
    let handle: NetworkConnection | undefined;
    const { terminal, client } = behind({
      gate: {
        onWrite(_data, _end, connection) {
          handle = connection;
          return Stop;
        },
      },
    });
    terminal.connection?.write(bytes("held"));
    terminal.connection?.closeAfterFlush(500);
    terminal.connection?.write(bytes("dropped"));
    expect(terminal.connection?.closed).toBe(true);
    expect(client.closedBy).toBe("");
    handle?.write.resume();
    await turns();
    expect([client.text, client.closedBy, client.closeTimeoutMs]).toEqual(["held", "flush", 500]);
    expect(terminal.recorder?.events).toEqual(["close:"]);
  });

  test("a filter that closes the connection ends the terminal's view of it", async () => {
    const { terminal, client } = behind({
      a: { onData: (_data, _end, connection) => connection.close("now", "denied") },
    });
    client.receive("x");
    expect(terminal.connection?.closed).toBe(true);
    await turns();
    expect(terminal.recorder?.events).toEqual(["close:"]);
  });

  test("a draining listener reaches it", () => {
    const { terminal, harness } = behind({ a: { onData: () => {} } });
    const drainable = harness.chain.accept(harness.connect());
    drainable?.drain();
    drainable?.closeIfIdle();
    expect(terminal.drained).toEqual(["drain", "closeIfIdle"]);
    harness.chain.release();
    expect(terminal.drained).toEqual(["drain", "closeIfIdle", "retire"]);
  });
});
