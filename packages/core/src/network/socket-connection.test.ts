import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import { accept, LoopbackServer, openUpstream } from "../../../../test/support/loopback.ts";
import type { RawPeer } from "../../../../test/support/raw-peer.ts";
import { Recorder } from "../../../../test/support/recorder.ts";
import { testServices, virtualServices } from "../../../../test/support/services.ts";

const MIB = 1024 * 1024;

/** From now on the peer counts what comes and keeps nothing. */
function counting(peer: RawPeer): { bytes: number } {
  const counter = { bytes: peer.received };
  peer.socket.removeAllListeners("data");
  peer.socket.on("data", (data) => {
    counter.bytes += data.length;
  });
  return counter;
}

describe("reading and writing", () => {
  test("bytes, latin1 text, and a head with its body arrive in order; both sides count them", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    connection.write(Buffer.from("bytes "));
    connection.writeLatin1("t\xe9xt ");
    connection.writeHeadAndBody("head ", Buffer.from("body"));
    expect((await client.bytes(20)).toString("latin1")).toBe("bytes t\xe9xt head body");
    client.send("hello");
    await recorder.saw("data");
    expect(recorder.text).toBe("hello");
    expect([connection.bytesRead, connection.bytesWritten]).toEqual([5, 20]);
    expect(connection.pendingBytes).toBe(0);
  });

  test("half-close: each side may end and go on reading; then the connection closes once, without an error", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    client.send("last").end();
    await recorder.saw("end");
    expect(recorder.text).toBe("last");
    connection.write(Buffer.from("answer"));
    connection.end();
    connection.write(Buffer.from("dropped"));
    expect(await client.gone()).toBe("answer");
    expect(await recorder.closed()).toBe("");
    expect(recorder.events).toEqual(["data", "end", "close:"]);
  });

  test("the server may end first", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    connection.end();
    await client.gone();
    client.send("still heard").end();
    expect(await recorder.closed()).toBe("");
    expect(recorder.text).toBe("still heard");
  });

  test("a write that fits at once leaves no callback behind and no event", async () => {
    await using pair = await accept(testServices());
    const recorder = new Recorder(pair.connection);
    pair.connection.write(Buffer.alloc(1000));
    await pair.client.bytes(1000);
    expect(recorder.events).toEqual([]);
    expect(pair.socket.listenerCount("drain")).toBe(0);
  });
});

describe("watermarks", () => {
  test("high once above, low and drained when the peer has read", async () => {
    await using pair = await accept(testServices(), 64 * 1024);
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    const received = counting(client);
    client.socket.pause();
    let written = 0;
    while (!connection.aboveWatermark) {
      connection.write(Buffer.alloc(64 * 1024, 1));
      written += 64 * 1024;
    }
    connection.write(Buffer.alloc(64 * 1024, 1));
    connection.writeLatin1("x".repeat(1024));
    connection.writeHeadAndBody("head", Buffer.alloc(1024));
    written += 64 * 1024 + 1024 + 4 + 1024;
    expect(recorder.events).toEqual(["high"]);
    expect(connection.pendingBytes).toBeGreaterThan(64 * 1024);
    client.socket.resume();
    await eventually("all bytes", () => received.bytes === written);
    await recorder.saw("drained");
    expect(recorder.events).toEqual(["high", "low", "drained"]);
    expect([connection.aboveWatermark, connection.pendingBytes]).toEqual([false, 0]);
  });

  test("bytes that wait below the watermark are still told as drained", async () => {
    await using pair = await accept(testServices(), 64 * MIB);
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    const received = counting(client);
    client.socket.pause();
    for (let i = 0; i < 16; i++) connection.write(Buffer.alloc(MIB));
    expect(connection.pendingBytes).toBeGreaterThan(0);
    client.socket.resume();
    await recorder.saw("drained");
    expect(recorder.events).toEqual(["drained"]);
    await eventually("all bytes", () => received.bytes === 16 * MIB);
  });

  test("it can rise again after it fell", async () => {
    await using pair = await accept(testServices(), 1000);
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    counting(client);
    for (let round = 1; round <= 2; round++) {
      client.socket.pause();
      for (let i = 0; i < 16; i++) connection.write(Buffer.alloc(MIB));
      client.socket.resume();
      await eventually("drained", () => recorder.events.filter((event) => event === "drained").length === round);
    }
    expect(recorder.events).toEqual(["high", "low", "drained", "high", "low", "drained"]);
  });
});

describe("pauses", () => {
  test("are counted: reading goes on after the last unpause", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    connection.pause();
    connection.pause();
    client.send("x");
    connection.unpause();
    expect(connection.paused).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(recorder.text).toBe("");
    connection.unpause();
    await recorder.saw("data");
    expect(() => connection.unpause()).toThrow("without a pause");
  });

  test.each(["accepted", "upstream"])("a paused %s connection does not fill memory", async (kind) => {
    const services = testServices();
    let peer: Socket | null = null;
    await using server = await LoopbackServer.start((socket) => {
      peer = socket;
    });
    await using pair = await accept(services);
    const connection = kind === "accepted" ? pair.connection : await openUpstream(services, server.address);
    const sender = kind === "accepted" ? pair.client.socket : await eventually("the peer", () => peer);
    const recorder = new Recorder(connection, false);
    connection.pause();
    const total = 32 * MIB;
    sender.write(Buffer.alloc(total, 7));
    await eventually("the kernel's buffers to be full", async () => {
      const before = sender.bytesWritten - sender.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return before === sender.bytesWritten - sender.writableLength;
    });
    expect(recorder.received).toBe(0);
    connection.unpause();
    await eventually("all bytes", () => recorder.received === total);
    connection.destroy();
  });
});

describe("the end", () => {
  test("destroy() tells onClose once, later, with no error, and nothing else", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    connection.destroy();
    connection.destroy();
    connection.write(Buffer.from("x"));
    connection.end();
    expect(connection.closed).toBe(true);
    expect(recorder.events).toEqual([]);
    expect(await recorder.closed()).toBe("");
    expect(recorder.events).toEqual(["close:"]);
    await client.gone();
  });

  test("abort resets", async () => {
    await using pair = await accept(testServices());
    const recorder = new Recorder(pair.connection);
    pair.connection.destroy(true);
    await eventually("reset", () => pair.client.error === "ECONNRESET");
    expect(await recorder.closed()).toBe("");
  });

  test("a peer's reset is told by its code", async () => {
    await using pair = await accept(testServices());
    const recorder = new Recorder(pair.connection);
    pair.client.reset();
    expect(await recorder.closed()).toBe("ECONNRESET");
    expect(recorder.events).toEqual(["close:ECONNRESET"]);
  });

  test("a handler that throws costs its own connection, and the log says so", async () => {
    const services = testServices();
    await using pair = await accept(services);
    const recorder = new Recorder(pair.connection);
    recorder.onChunk = () => {
      throw new Error("broken");
    };
    pair.client.send("x");
    expect(await recorder.closed()).toBe("internal_error");
    expect(services.lines.map(({ level }) => level)).toEqual(["error"]);
    await pair.client.gone();
  });

  test("pauses and writes leave no listeners on the socket", async () => {
    await using pair = await accept(testServices());
    const before = ["data", "end", "error", "close", "finish", "drain"].map((event) =>
      pair.socket.listenerCount(event),
    );
    const received = counting(pair.client);
    for (let i = 0; i < 50; i++) {
      pair.connection.pause();
      pair.connection.unpause();
      pair.connection.write(Buffer.alloc(100_000));
    }
    await eventually("all", () => received.bytes === 5_000_000);
    const after = ["data", "end", "error", "close", "finish", "drain"].map((event) => pair.socket.listenerCount(event));
    expect(after).toEqual(before);
  });
});

describe("delayed close", () => {
  test("writes what waits, half-closes, drops what comes, and ends when the peer closes", async () => {
    await using pair = await accept(testServices());
    const { connection, client } = pair;
    const recorder = new Recorder(connection);
    const received = counting(client);
    connection.pause();
    client.send("never heard");
    connection.write(Buffer.alloc(8 * MIB, 1));
    connection.closeAfterFlush(60_000);
    connection.write(Buffer.from("dropped"));
    await client.gone();
    expect(received.bytes).toBe(8 * MIB);
    expect(connection.closed).toBe(false);
    client.send("nor this").end();
    expect(await recorder.closed()).toBe("");
    expect(recorder.events).toEqual(["high", "close:"]);
  });

  test("a peer that stays open is cut after the time-out", async () => {
    const { services, time } = virtualServices();
    await using pair = await accept(services);
    const recorder = new Recorder(pair.connection);
    pair.connection.write(Buffer.from("bye"));
    pair.connection.closeAfterFlush(1000);
    await pair.client.gone();
    time.advance(990);
    expect(pair.connection.closed).toBe(false);
    time.advance(30);
    expect(pair.connection.closed).toBe(true);
    expect(await recorder.closed()).toBe("");
    expect(time.timers.size).toBe(0);
  });

  test("a peer that takes nothing is cut after the longer time-out", async () => {
    const { services, time } = virtualServices();
    await using pair = await accept(services);
    const recorder = new Recorder(pair.connection);
    pair.client.socket.pause();
    pair.connection.write(Buffer.alloc(32 * MIB));
    expect(pair.connection.pendingBytes).toBeGreaterThan(0);
    pair.connection.closeAfterFlush(1000);
    time.advance(29_000);
    expect(pair.connection.closed).toBe(false);
    time.advance(1100);
    expect(await recorder.closed()).toBe("");
  });

  test("a slow peer is not cut while it takes some of one large write; half of it never ends as if it were whole", async () => {
    const { services, time } = virtualServices();
    await using pair = await accept(services);
    const recorder = new Recorder(pair.connection);
    const { socket } = pair.client;
    socket.pause();
    pair.connection.write(Buffer.alloc(64 * MIB));
    pair.connection.closeAfterFlush(1000);
    const received = counting(pair.client);
    socket.resume();
    // More than the buffers of the kernel hold.
    await eventually("a part of it", () => received.bytes > 16 * MIB);
    socket.pause();
    time.advance(30_100);
    expect(pair.connection.closed).toBe(false);
    // What the kernel still took when the peer had stopped counts as well.
    for (let i = 0; i < 10 && !pair.connection.closed; i++) time.advance(30_100);
    expect(await recorder.closed()).toBe("");
    let ended = false;
    socket.on("end", () => (ended = true)).resume();
    await eventually("the cut", () => socket.destroyed);
    expect([ended, received.bytes < 64 * MIB]).toEqual([false, true]);
  });

  test("0 closes as soon as everything is written, or at once where nothing waits", async () => {
    await using pair = await accept(testServices());
    const recorder = new Recorder(pair.connection);
    const received = counting(pair.client);
    pair.connection.write(Buffer.alloc(8 * MIB, 1));
    pair.connection.closeAfterFlush(0);
    expect(await recorder.closed()).toBe("");
    await pair.client.gone();
    expect(received.bytes).toBe(8 * MIB);

    await using idle = await accept(testServices());
    const idleRecorder = new Recorder(idle.connection);
    idle.connection.closeAfterFlush(0);
    expect(await idleRecorder.closed()).toBe("");
  });

  test("after an ended write side it closes as well", async () => {
    await using pair = await accept(testServices());
    const recorder = new Recorder(pair.connection);
    pair.connection.end();
    await pair.client.gone();
    pair.connection.closeAfterFlush(0);
    expect(await recorder.closed()).toBe("");
  });
});
