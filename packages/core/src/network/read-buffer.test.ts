import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import { LoopbackServer, openUpstream } from "../../../../test/support/loopback.ts";
import { Recorder } from "../../../../test/support/recorder.ts";
import { testServices } from "../../../../test/support/services.ts";
import { retainReadBuffer } from "./connection.ts";
import { ReadBufferPolicy } from "./read-buffer.ts";

describe("which buffer the next read goes into", () => {
  const sizes = { minBytes: 1024, maxBytes: 4096 };

  test("the same one, unless it was retained", () => {
    const policy = new ReadBufferPolicy(sizes);
    const buffer = Buffer.alloc(1024);
    expect(policy.after(buffer, 10, false)).toBe(buffer);
    const next = policy.after(buffer, 10, true);
    expect(next).not.toBe(buffer);
    expect(next.length).toBe(1024);
  });

  test("a larger one after a read that filled it, a smaller one after many small reads", () => {
    const policy = new ReadBufferPolicy(sizes);
    const large = policy.after(Buffer.alloc(1024), 1024, false);
    expect(large.length).toBe(4096);
    expect(policy.after(large, 4096, false)).toBe(large);
    for (let i = 0; i < 63; i++) expect(policy.after(large, 10, false)).toBe(large);
    expect(policy.after(large, 2000, false)).toBe(large);
    for (let i = 0; i < 63; i++) expect(policy.after(large, 10, false)).toBe(large);
    expect(policy.after(large, 10, false).length).toBe(1024);
  });
});

test("Node reads into the buffer that it was handed after the read before: this is why connections do not share one", async () => {
  const [first, second] = [Buffer.alloc(16), Buffer.alloc(16)];
  let offered = first;
  const used: Buffer[] = [];
  const server = createServer((socket) => void socket.pipe(socket)).listen(0, "127.0.0.1");
  await eventually("listening", () => server.listening);
  const open = (): Socket =>
    connect({
      port: (server.address() as AddressInfo).port,
      host: "127.0.0.1",
      onread: { buffer: () => offered, callback: (_count, buffer) => used.push(buffer as Buffer) > 0 },
    });
  const [a, b] = [open(), open()];
  a.write("a");
  await eventually("a was read", () => used.length === 1);
  offered = second;
  b.write("b");
  await eventually("b was read", () => used.length === 2);
  expect(used[1]).toBe(first);
  a.destroy();
  b.destroy();
  server.close();
});

test("bytes that one connection retained are not overwritten by its own later reads, nor by another connection's", async () => {
  const services = testServices();
  const peers: Socket[] = [];
  await using server = await LoopbackServer.start((socket) => peers.push(socket));
  const a = await openUpstream(services, server.address);
  const b = await openUpstream(services, server.address);
  const [recorderA, recorderB] = [new Recorder(a), new Recorder(b)];
  const kept: Uint8Array[] = [];
  recorderA.onChunk = (data) => {
    kept.push(data);
    retainReadBuffer();
  };
  await eventually("both peers", () => peers.length === 2);
  for (const text of ["first", "other", "third"]) {
    const before = [recorderA.received, recorderB.received];
    for (const peer of peers) peer.write(text);
    await eventually("both read", () => recorderA.received === before[0]! + 5 && recorderB.received === before[1]! + 5);
  }
  expect(Buffer.concat(kept).toString()).toBe("firstotherthird");
  a.destroy();
  b.destroy();
});

test("bytes that nobody retained share one buffer", async () => {
  const services = testServices();
  let peer: Socket | null = null;
  await using server = await LoopbackServer.start((socket) => {
    peer = socket;
  });
  const connection = await openUpstream(services, server.address);
  const recorder = new Recorder(connection);
  const memory = new Set<ArrayBufferLike>();
  recorder.onChunk = (data) => memory.add(data.buffer);
  const sender: Socket = await eventually("the peer", () => peer);
  for (let i = 1; i <= 5; i++) {
    sender.write("x");
    await eventually("read", () => recorder.received === i);
  }
  expect(memory.size).toBe(1);
  connection.destroy();
});
