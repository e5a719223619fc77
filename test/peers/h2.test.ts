// Both HTTP/2 codecs between programs of Debian: nghttp, h2load (nghttp2-client), nghttpd (nghttp2-server) and curl.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Daemon, runProgram, writeConfig } from "../support/program.ts";
import { Bridge, type BridgeOptions } from "../h2/support/bridge.ts";
import { sha } from "../h2/support/node-peers.ts";

const MB = 1024 * 1024;
const big = randomBytes(3 * MB);

interface World extends AsyncDisposable {
  readonly bridge: Bridge;
  readonly origin: Daemon;
}

async function world(args: readonly string[] = [], options: BridgeOptions = {}): Promise<World> {
  const origin = await Daemon.start("nghttpd", async (port, folder) => {
    await writeConfig(folder, "index.html", "hello\n");
    await writeFile(join(folder, "big"), big);
    return ["--no-tls", "-a", "127.0.0.1", "-d", folder, ...args, String(port)];
  });
  const bridge = await Bridge.start(origin.port, options);
  return {
    bridge,
    origin,
    async [Symbol.asyncDispose]() {
      await bridge[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

const TINY: BridgeOptions = {
  server: { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535, streamBufferBytes: 4096 },
  client: { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535, streamBufferBytes: 4096 },
};

async function load(url: string, ...args: string[]): Promise<string> {
  const { out } = await runProgram("h2load", [...args, url], "", 50_000);
  return /requests: .*/.exec(out)?.[0] ?? out;
}

describe("h2load and nghttpd", () => {
  it.each<[string, string[], BridgeOptions]>([
    ["as they are", [], {}],
    ["a small table for headers", ["--header-table-size=100"], {}],
    ["tiny windows of the client", ["-w", "10", "-W", "17"], {}],
    ["tiny windows of ours", [], TINY],
  ])("every request succeeds: %s", async (_name, args, options) => {
    await using both = await world([], options);
    const line = await load(`${both.bridge.url}/`, "-n", "4000", "-c", "4", "-m", "50", ...args);
    expect(line).toContain("4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout");
    expect(both.bridge.resets).toEqual([]);
    expect(both.bridge.streams).toBe(4000);
  });

  it.each<[string, string[], BridgeOptions]>([
    ["as they are", [], {}],
    ["padded frames", ["-b", "200"], {}],
    ["tiny windows of ours", [], TINY],
  ])("large bodies: %s", async (_name, args, options) => {
    await using both = await world(args, options);
    const line = await load(`${both.bridge.url}/big`, "-n", "24", "-c", "2", "-m", "4");
    expect(line).toContain("24 done, 24 succeeded, 0 failed, 0 errored, 0 timeout");
  });

  it("uploads", async () => {
    await using both = await world(["--echo-upload", "-w", "16"]);
    const file = join(both.origin.folder, "big");
    const line = await load(`${both.bridge.url}/`, "-n", "8", "-c", "2", "-m", "2", "-d", file);
    expect(line).toContain("8 done, 8 succeeded, 0 failed, 0 errored, 0 timeout");
  });
});

describe("nghttp and nghttpd", () => {
  it("trailers both ways", async () => {
    await using both = await world(["--trailer", "x-sum: 17", "--echo-upload"]);
    const file = await writeConfig(both.origin.folder, "body", "some body");
    const { out } = await runProgram("nghttp", ["-v", "--trailer", "x-mine: 1", "-d", file, `${both.bridge.url}/`]);
    expect(out).toContain("x-sum: 17");
    expect(out).toContain("some body");
  });

  it("many at once over one connection, padded", async () => {
    await using both = await world(["-b", "100"]);
    const { out } = await runProgram("nghttp", ["-ns", "-b", "100", "-m", "50", `${both.bridge.url}/big`]);
    expect(out.match(/ 200 /g)).toHaveLength(50);
  });

  it("a padded answer comes back whole", async () => {
    await using both = await world(["-b", "255"]);
    const { bytes } = await runProgram("nghttp", ["-b", "50", `${both.bridge.url}/big`]);
    expect(sha(bytes)).toBe(sha(big));
  });
});

describe("curl and nghttpd", () => {
  it("down and up", async () => {
    await using both = await world(["--echo-upload"]);
    const get = await runProgram("curl", ["-sS", "--http2-prior-knowledge", `${both.bridge.url}/big`]);
    expect(sha(get.bytes)).toBe(sha(big));
    const post = await runProgram(
      "curl",
      ["-sS", "--http2-prior-knowledge", "--data-binary", "@-", `${both.bridge.url}/`],
      big,
    );
    expect(sha(post.bytes)).toBe(sha(big));
  });

  it("HEAD, and a status that is no success", async () => {
    await using both = await world();
    const head = await runProgram("curl", ["-sSI", "--http2-prior-knowledge", `${both.bridge.url}/big`]);
    expect(head.out).toContain(`content-length: ${3 * MB}`);
    const missing = await runProgram("curl", ["-sSi", "--http2-prior-knowledge", `${both.bridge.url}/nothing`]);
    expect(missing.out).toMatch(/^HTTP\/2 404/);
  });

  it("HTTP/1 without knowledge is sent away", async () => {
    await using both = await world();
    const { code } = await runProgram("curl", ["-sS", "--http1.1", "--max-time", "5", `${both.bridge.url}/`]);
    expect(code).not.toBe(0);
  });
});
