/** The rules that the scripted connection keeps for the tests that stand on it. */
import { describe, expect, it } from "vitest";
import { type ConnectionEvents, retainReadBuffer } from "./connection.ts";
import { FlushQueue } from "./flush-queue.ts";
import { ScriptedConnection } from "./scripted-connection.ts";

function recorder(onData: (data: Uint8Array) => void = () => undefined): { events: ConnectionEvents; calls: string[] } {
  const calls: string[] = [];
  const events: ConnectionEvents = {
    onData,
    onEnd: () => calls.push("end"),
    onClose: (error) => calls.push(`close ${error}`),
    onWriteHigh: () => calls.push("high"),
    onWriteLow: () => calls.push("low"),
    onDrained: () => calls.push("drained"),
  };
  return { events, calls };
}

describe("a delivered buffer", () => {
  it("is spoilt after its turn unless it is retained", () => {
    const connection = new ScriptedConnection();
    const kept: Uint8Array[] = [];
    let retains = false;
    connection.setEvents(
      recorder((data) => {
        kept.push(data);
        if (retains) retainReadBuffer();
      }).events,
    );
    connection.receive("abc");
    retains = true;
    connection.receive("abc");
    expect(kept.map((data) => Buffer.from(data).toString())).toEqual(["!!!", "abc"]);
  });

  it("is retained by a write that waits", () => {
    const connection = new ScriptedConnection();
    const other = new ScriptedConnection();
    other.stall();
    let kept: Uint8Array = new Uint8Array(0);
    connection.setEvents(
      recorder((data) => {
        kept = data;
        other.write(data);
      }).events,
    );
    connection.receive("abc");
    expect(Buffer.from(kept).toString()).toBe("abc");
  });

  it("comes in a turn of the flush queue", () => {
    const flushQueue = new FlushQueue();
    const connection = new ScriptedConnection({ flushQueue });
    const order: string[] = [];
    connection.setEvents(
      recorder(() => {
        flushQueue.add({ flushQueued: false, flush: () => order.push("flush") });
        order.push("data");
      }).events,
    );
    connection.receive("abc");
    expect(order).toEqual(["data", "flush"]);
  });
});

describe("a stalled peer", () => {
  it("raises and lowers the watermark, once each", () => {
    const connection = new ScriptedConnection({ highWatermark: 10 });
    const { events, calls } = recorder();
    connection.setEvents(events);
    connection.stall();
    connection.writeLatin1("0123456789");
    expect(calls).toEqual([]);
    connection.writeHeadAndBody("a", Buffer.from("b"));
    connection.write(Buffer.from("c"));
    expect(calls).toEqual(["high"]);
    connection.drain(5);
    expect(calls).toEqual(["high"]);
    connection.drain(4);
    expect(calls).toEqual(["high", "low"]);
    connection.drain();
    expect(calls).toEqual(["high", "low", "drained"]);
    expect(connection).toMatchObject({ text: "0123456789abc", pendingBytes: 0, aboveWatermark: false });
  });
});

describe("closing", () => {
  it("is told once, never within the call", async () => {
    const connection = new ScriptedConnection();
    const { events, calls } = recorder();
    connection.setEvents(events);
    connection.destroy(true);
    connection.destroy();
    connection.write(Buffer.from("late"));
    expect(calls).toEqual([]);
    await Promise.resolve();
    connection.receiveClose("ECONNRESET");
    expect(calls).toEqual(["close "]);
    expect(connection).toMatchObject({ closedBy: "abort", closed: true, text: "" });
  });

  it("after a flush waits for the peer to read", async () => {
    const connection = new ScriptedConnection();
    const { events, calls } = recorder();
    connection.setEvents(events);
    connection.stall();
    connection.writeLatin1("last");
    connection.closeAfterFlush(100);
    connection.writeLatin1("late");
    expect(connection).toMatchObject({ closed: false, closeTimeoutMs: 100, closedBy: "flush" });
    connection.drain();
    await Promise.resolve();
    expect(connection.text).toBe("last");
    expect(calls).toEqual(["drained", "close "]);
  });
});
