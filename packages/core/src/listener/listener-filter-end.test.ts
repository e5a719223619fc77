// How a connection's time with its listener filters ends: refusals, failures, the client's leave, time-outs, and the end after it went on.
import { type ListenerFilter, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { type PeekOptions, PeekBench, eats, sees } from "../../../../test/support/peek-bench.ts";

const bench = (filters: Record<string, ListenerFilter>, options?: PeekOptions): PeekBench =>
  new PeekBench(filters, options);

describe("the end before the chain", () => {
  test("a client that says no more while bytes are wanted is let go, and counted", () => {
    const { client, stat } = bench({ a: sees("x") });
    client.connection.receive("a");
    client.connection.receiveEnd();
    expect([client.place, client.connection.closedBy]).toEqual(["closed", "now"]);
    expect(stat("downstream_listener_filter_remote_close")).toBe(1);
    expect(stat("downstream_pre_cx_active")).toBe(0);
  });

  test("a reset, too; filters whose turn had come hear of it", () => {
    const closed: string[] = [];
    const { client, stat } = bench({
      a: { onClose: () => void closed.push("a") },
      b: { ...sees("x"), onClose: () => void closed.push("b") },
      c: { onClose: () => void closed.push("c") },
    });
    client.connection.receiveClose("ECONNRESET");
    expect(closed).toEqual(["a", "b"]);
    expect(stat("downstream_listener_filter_remote_close")).toBe(1);
  });

  test("close() refuses, and nothing runs after it", () => {
    const seen: string[] = [];
    const { client, stat } = bench({
      a: { onPeek: (_data, connection) => connection.close("abort", "not_you") },
      b: sees("x", seen),
    });
    client.connection.receive("xx");
    expect([client.place, client.connection.closedBy, seen]).toEqual(["closed", "abort", []]);
    expect(stat("downstream_listener_filter_error")).toBe(0);
  });

  test.each<[string, ListenerFilter]>([
    [
      "throws",
      {
        onPeek() {
          throw new Error("broken");
        },
      },
    ],
    ["rejects", { onPeek: () => Promise.reject(new Error("broken")) }],
    ["returns what is no verdict", { onPeek: () => "broken" as never }],
    ["wants more than it may see", { onPeek: () => Stop }],
  ])("a filter that %s is named and counted, and closes the connection", async (_title, filter) => {
    const { client, lines, stat } = bench({ mine: filter }, { maxPeekBytes: 2 });
    client.connection.receive("ab");
    await expect.poll(() => client.place).toBe("closed");
    expect(client.connection.closedBy).toBe("abort");
    expect(lines.at(-1)).toMatch(/filter mine failed in onPeek/);
    expect(stat("downstream_listener_filter_error")).toBe(1);
    expect(stat("mine.errors")).toBe(1);
  });

  test("a state that cannot be made closes the connection", () => {
    const newState = (): never => {
      throw new Error("none");
    };
    const { client, lines } = bench({ mine: {} }, { newState });
    expect(client.place).toBe("closed");
    expect(lines.at(-1)).toContain("newState");
  });

  test("a promise that settles after the end changes nothing", async () => {
    const gate = Promise.withResolvers<void>();
    const { client, time } = bench({ a: { onPeek: () => gate.promise } }, { timeoutMs: 100 });
    client.connection.receive("a");
    time.advance(120);
    gate.resolve();
    await gate.promise;
    expect([client.place, client.chainBytes.length]).toEqual(["closed", 0]);
  });
});

describe("time", () => {
  test("listener_filters_timeout closes and counts; the signal is aborted", () => {
    let signal: AbortSignal | null = null;
    const { client, stat, time } = bench(
      {
        a: {
          onAccept(connection) {
            ({ signal } = connection);
            return Stop;
          },
        },
      },
      { timeoutMs: 15_000 },
    );
    time.advance(14_900);
    expect([client.place, signal!.aborted, stat("downstream_pre_cx_active")]).toEqual(["filters", false, 1]);
    time.advance(200);
    expect([client.place, client.connection.closedBy, signal!.aborted]).toEqual(["closed", "now", true]);
    expect([stat("downstream_pre_cx_timeout"), stat("downstream_pre_cx_active")]).toEqual([1, 0]);
    expect(time.timers.size).toBe(0);
  });

  test("continue_on_listener_filters_timeout goes on with what is there", async () => {
    const { client, stat, time } = bench(
      { a: eats(1), b: { onPeek: () => new Promise<void>(() => {}) } },
      { timeoutMs: 100, continueOnTimeout: true },
    );
    client.connection.receive("abc");
    time.advance(120);
    expect([client.place, client.chainBytes.toString(), client.connection.paused]).toEqual(["chain", "bc", false]);
    expect(stat("downstream_pre_cx_timeout")).toBe(1);
  });

  test("a filter's timers end with its time, and may let go", () => {
    let late = 0;
    const { client, time } = bench({
      a: {
        onAccept(connection) {
          connection.setTimer((held) => held.resume(), 50);
          connection.setTimer(() => late++, 500);
          return Stop;
        },
      },
    });
    time.advance(60);
    expect(client.place).toBe("chain");
    time.advance(1000);
    expect([late, time.timers.size]).toEqual([0, 0]);
  });

  test("a timer that throws fails the filter", () => {
    const { client, time, lines } = bench({
      a: {
        onAccept(connection) {
          connection.setTimer(() => {
            throw new Error("late");
          }, 10);
          return Stop;
        },
      },
    });
    time.advance(30);
    expect(client.place).toBe("closed");
    expect(lines.at(-1)).toContain("a timer");
  });
});

test("onClose comes at the end of a connection that went on, and the handle is inert", () => {
  const events: string[] = [];
  const { client } = bench({
    a: {
      onClose(connection) {
        connection.setServerName("late");
        connection.close();
        events.push(`closed ${connection.connection.requestedServerName}`);
      },
    },
  });
  expect([client.place, events]).toEqual(["chain", []]);
  client.connection.receiveClose();
  expect(events).toEqual(["closed "]);
  expect(client.connection.closedBy).toBe("");
});
