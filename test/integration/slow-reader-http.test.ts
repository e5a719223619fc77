// A gigabyte each way over HTTP through a slow reader: nothing is lost, nothing is changed, nothing piles up, whatever the size of the
// read buffers. The TCP variant is slow-reader.test.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { within } from "../support/eventually.ts";
import { HttpOrigin, mirror } from "../support/http-origin.ts";
import { ANY_PORT } from "../support/proxy.ts";

const GIGABYTE = 1 << 30;
const BLOCK = 256 * 1024;
/** The reader rests after so many bytes, again and again: what stands between it and the origin fills up. */
const REST_AFTER = 2 << 20;
const MAIN = fileURLToPath(new URL("../support/read-buffer-proxy.ts", import.meta.url));

class Child implements Disposable {
  readonly #child: ChildProcess;
  readonly port: Promise<number>;

  constructor(readBufferBytes: number, config: object) {
    const argv = ["--conditions=sluice-source", MAIN, String(readBufferBytes), JSON.stringify(config)];
    this.#child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let text = "";
    this.#child.stdout!.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      const match = /port (\d+)/.exec(text);
      if (match !== null) resolve(Number(match[1]));
    });
    this.#child.once("exit", (code) => reject(new Error(`the proxy ended with ${code}`)));
    this.port = within("the proxy serves", promise, 20_000);
  }

  get rssBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

interface RoundTrip {
  readonly sent: string;
  readonly got: string;
  readonly bytes: number;
}

/** Sends `total` bytes that never repeat, reads what comes back slowly; both digests. */
async function roundTrip(port: number, total: number, onRest: () => void): Promise<RoundTrip> {
  const sent = createHash("sha256");
  const got = createHash("sha256");
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({ host: "127.0.0.1", port, method: "POST", path: "/", agent: false }, resolve).on(
    "error",
    reject,
  );
  const upload = async () => {
    for (let at = 0; at < total; at += BLOCK) {
      // A block of its own each time: the socket keeps it until it is written.
      const block = Buffer.allocUnsafe(Math.min(BLOCK, total - at));
      for (let word = 0; word + 4 <= block.length; word += 4) block.writeUInt32LE((at + word) >>> 2, word);
      sent.update(block);
      if (outgoing.write(block)) continue;
      const { promise, resolve: drained, reject: failed } = Promise.withResolvers<void>();
      outgoing.once("drain", drained).once("error", failed);
      await promise;
      outgoing.off("error", failed);
    }
    outgoing.end();
  };
  let bytes = 0;
  let rest = 0;
  const download = async () => {
    for await (const chunk of (await answered) as AsyncIterable<Buffer>) {
      got.update(chunk);
      bytes += chunk.length;
      rest += chunk.length;
      if (rest < REST_AFTER) continue;
      rest = 0;
      onRest();
      await new Promise((awake) => setTimeout(awake, 1));
    }
  };
  await Promise.all([upload(), download()]);
  return { sent: sent.digest("hex"), got: got.digest("hex"), bytes };
}

test.each([1, 16, 64])(
  "a gigabyte each way over HTTP with read buffers of %i KB",
  { timeout: 180_000 },
  async (kilobytes) => {
    await using origin = await HttpOrigin.start(mirror);
    const http = { request_timeout: "0s", routes: [{ prefix: "/", cluster: "web", timeout: "0s" }] };
    using proxy = new Child(kilobytes * 1024, {
      listeners: [{ name: "front", address: ANY_PORT, http }],
      clusters: { web: origin.address },
    });
    const port = await proxy.port;
    // Warm: code, pools and buffers are there before the measuring starts.
    const warm = await roundTrip(port, 64 << 20, () => {});
    expect(warm.got).toBe(warm.sent);
    const before = proxy.rssBytes;
    let most = 0;
    const result = await roundTrip(port, GIGABYTE, () => (most = Math.max(most, proxy.rssBytes)));
    expect(result.bytes).toBe(GIGABYTE);
    expect(result.got).toBe(result.sent);
    expect((most - before) / 2 ** 20, "MB of growth").toBeLessThan(64);
  },
);
