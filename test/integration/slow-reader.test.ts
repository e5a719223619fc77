// A gigabyte through tcp_proxy to a reader that is slower than its sender, both ways: every byte arrives in its place, and the proxy's memory does not grow
// with what the reader leaves unread. The sizes of the upstream's read buffer are those at which a reused buffer goes wrong in different ways.
import { connect, Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { memoryGrowth, readSlowly, type SlowReading, sendPattern, untilStalled } from "../support/bulk.ts";
import { TcpWorld } from "../support/tcp-world.ts";
import { certificate, downstreamTls, upstreamTls } from "../support/tls.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const MOST_GROWTH = 64 * MIB;
/** After so many bytes the reader stops, until all buffers between it and the sender are full. */
const EVERY_BYTES = 128 * MIB;

interface Origin {
  readonly onSocket: (socket: Socket) => void;
  readonly socket: Promise<Socket>;
  /** The digest of what it sent. */
  readonly digest: Promise<string>;
}

function sendingOrigin(bytes: number): Origin {
  const socket = Promise.withResolvers<Socket>();
  const digest = Promise.withResolvers<string>();
  const onSocket = (accepted: Socket): void => {
    socket.resolve(accepted);
    sendPattern(accepted, bytes).then(digest.resolve, digest.reject);
  };
  return { onSocket, socket: socket.promise, digest: digest.promise };
}

async function downloadThrough(bytes: number, readBufferBytes: number): Promise<void> {
  const { onSocket, socket, digest } = sendingOrigin(bytes);
  const readBufferSizes = { minBytes: readBufferBytes, maxBytes: readBufferBytes };
  await using world = await TcpWorld.start({ onSocket, readBufferSizes });
  const client = connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
  const read = await readSlowly(client, EVERY_BYTES, async () => untilStalled(await socket));
  client.end();
  expect(read).toEqual({ digest: await digest, bytes });
  expect(world.services.count("tcp.t.downstream_cx_tx_bytes_total")).toBe(bytes);
}

async function uploadThrough(bytes: number): Promise<void> {
  const received = Promise.withResolvers<SlowReading>();
  const client = new Socket({ allowHalfOpen: true });
  await using world = await TcpWorld.start({
    onSocket: (socket) => {
      readSlowly(socket, EVERY_BYTES, () => untilStalled(client))
        .then(received.resolve, received.reject)
        .finally(() => socket.end());
    },
  });
  client.connect(world.port, "127.0.0.1").resume();
  const digest = await sendPattern(client, bytes);
  expect(await received.promise).toEqual({ digest, bytes });
  expect(world.services.count("tcp.t.downstream_cx_rx_bytes_total")).toBe(bytes);
}

describe("from the upstream", () => {
  test.each([1, 16, 64])("a gigabyte with a read buffer of %i KiB", { timeout: 180_000 }, async (kib) => {
    // What the process needs for any transfer (compiled code, the young generation) is there before it is measured.
    await downloadThrough(160 * MIB, kib * KIB);
    expect(await memoryGrowth(() => downloadThrough(GIB, kib * KIB))).toBeLessThan(MOST_GROWTH);
  });

  test("through TLS on both sides", { timeout: 180_000 }, async () => {
    const bytes = 192 * MIB;
    const { onSocket, socket, digest } = sendingOrigin(bytes);
    const { cert, key } = certificate("server");
    const tls = createTlsServer({ cert, key }, onSocket);
    await using world = await TcpWorld.start({
      onSocket: (accepted) => void tls.emit("connection", accepted),
      upstreamTls: upstreamTls(),
      listener: { tls: downstreamTls() },
    });
    const client = connectTls({ port: world.port, host: "127.0.0.1", rejectUnauthorized: false });
    const read = await readSlowly(client, EVERY_BYTES, async () => untilStalled(await socket));
    expect(read).toEqual({ digest: await digest, bytes });
  });
});

test("to the upstream: a gigabyte", { timeout: 180_000 }, async () => {
  await uploadThrough(160 * MIB);
  expect(await memoryGrowth(() => uploadThrough(GIB))).toBeLessThan(MOST_GROWTH);
});
