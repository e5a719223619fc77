// Large transfers without large memory: a sender that writes a pattern under back-pressure, a reader that hashes what comes and stops now and then.
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Of an odd length, so that no buffer size divides it: bytes in the wrong place change the digest. */
const PATTERN = Buffer.from(Array.from({ length: 1_000_003 }, (_, i) => (i * 31 + (i >>> 8)) & 0xff));

/** Sends `bytes` of the pattern and half-closes. Resolves with the digest of what was sent. */
export async function sendPattern(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; ) {
    const chunk = left >= PATTERN.length ? PATTERN : PATTERN.subarray(0, left);
    left -= chunk.length;
    hash.update(chunk);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.write(chunk, (error) => (error ? reject(error) : resolve()));
    await promise;
  }
  socket.end();
  return hash.digest("hex");
}

export interface SlowReading {
  readonly digest: string;
  readonly bytes: number;
}

/** Reads to the end; after every `everyBytes` it stops until `pause` resolves. */
export async function readSlowly(socket: Socket, everyBytes: number, pause: () => Promise<void>): Promise<SlowReading> {
  const hash = createHash("sha256");
  let bytes = 0;
  let untilPause = everyBytes;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    untilPause -= chunk.length;
    if (untilPause > 0) continue;
    untilPause = everyBytes;
    await pause();
  }
  return { digest: hash.digest("hex"), bytes };
}

/** Resolves when the sender gets nothing more out: all buffers on the way are full, or it is done. */
export async function untilStalled(sender: Socket): Promise<void> {
  for (let before = -1; ; ) {
    const written = sender.bytesWritten - sender.writableLength;
    if (written === before) return;
    before = written;
    await wait(STALLED_AFTER_MS);
  }
}

const STALLED_AFTER_MS = 30;

/** The largest resident set while `work` runs, beyond what it was before. */
export async function memoryGrowth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, process.memoryUsage.rss()) - before;
}
