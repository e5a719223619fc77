// Flow control over HTTP/2: a slow reader slows its own sender, not its siblings, and nothing piles up on the way.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as rest } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin, mirror } from "../support/http-origin.ts";
import { Http2Origin } from "../support/http2-origin.ts";
import { Http2Client } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

const BLOCK = 64 * 1024;

function block(index: number): Buffer {
  const bytes = Buffer.allocUnsafe(BLOCK);
  for (let at = 0; at < BLOCK; at += 4) bytes.writeUInt32LE((index * BLOCK + at) >>> 0, at);
  return bytes;
}

/** An origin that sends blocks that never repeat for as long as they are taken. */
function sender(blocks: number, sent: { bytes: number }): Promise<HttpOrigin> {
  return HttpOrigin.start(async (_, response) => {
    for (let index = 0; index < blocks && !response.destroyed; index++) {
      sent.bytes += BLOCK;
      if (!response.write(block(index))) await once(response, "drain");
    }
    response.end();
  });
}

test("256 MB come whole through small windows and a slow reader, in flat memory", { timeout: 120_000 }, async () => {
  const blocks = 4096;
  const sent = { bytes: 0 };
  await using origin = await sender(blocks, sent);
  await using proxy = await startProxy(forwardTo(origin.address, { route: { timeout: "0s" } }));
  await using client = await Http2Client.open(proxy.port, { settings: { initialWindowSize: 65_535 } });
  const expected = createHash("sha256");
  for (let index = 0; index < blocks; index++) expected.update(block(index));
  const stream = client.start({}, true);
  const got = createHash("sha256");
  let bytes = 0;
  let untilRest = 0;
  let ahead = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    got.update(chunk);
    bytes += chunk.length;
    untilRest -= chunk.length;
    if (untilRest > 0) continue;
    untilRest = 4 << 20;
    ahead = Math.max(ahead, sent.bytes - bytes);
    await rest(1);
  }
  expect(bytes).toBe(blocks * BLOCK);
  expect(got.digest("hex")).toBe(expected.digest("hex"));
  // What lies between the origin's `write` and this reader, the kernel's buffers included.
  expect(ahead / 2 ** 20, "MB on the way").toBeLessThan(24);
});

test("a stream that nobody reads stops its origin, and its siblings go on", async () => {
  const sent = { bytes: 0 };
  await using slow = await sender(1 << 20, sent);
  await using fast = await HttpOrigin.start(mirror);
  const config = forwardTo(slow.address, {
    http: {
      routes: [
        { prefix: "/slow", cluster: "web", timeout: "0s" },
        { prefix: "/", cluster: "fast" },
      ],
    },
  });
  await using proxy = await startProxy({ ...config, clusters: { ...config.clusters, fast: fast.address } });
  await using client = await Http2Client.open(proxy.port);
  const stalled = client.start({ ":path": "/slow" }, true);
  await once(stalled, "response");
  await eventually("the way is full", async () => {
    const before = sent.bytes;
    await rest(50);
    return sent.bytes === before;
  });
  expect(sent.bytes).toBeLessThan(24 << 20);
  expect(await proxy.admin.stat("http.front.downstream_flow_control_paused_reading_total")).toBeGreaterThan(0);
  // Each with half of its share of what is left of the client's connection window.
  for (let round = 0; round < 50; round++) {
    const body = Buffer.alloc(200 + round, round);
    const answer = await client.send({ ":method": "POST" }, body);
    expect(answer.body.equals(body)).toBe(true);
  }
  stalled.close(8);
  await proxy.admin.reaches("http.front.downstream_rq_active", 0);
  await proxy.admin.reaches("http2.pending_send_bytes", 0);
});

test("an origin that does not read stops the client at its stream's window, not at the connection's", async () => {
  await using origin = await HttpOrigin.start((request, response) => {
    if (request.url === "/stuck") request.pause();
    else mirror(request, response) as void;
  });
  await using proxy = await startProxy(forwardTo(origin.address, { http: { edge: true } }));
  await using client = await Http2Client.open(proxy.port);
  const stuck = client.start({ ":method": "POST", ":path": "/stuck" });
  const chunk = Buffer.alloc(BLOCK, 1);
  let given = 0;
  const pump = (): void => {
    while (stuck.write(chunk)) given += BLOCK;
    given += BLOCK;
  };
  stuck.on("drain", pump);
  pump();
  await eventually("the way is full", async () => {
    const before = given;
    await rest(50);
    return given === before;
  });
  expect(given).toBeLessThan(16 << 20);
  for (let round = 0; round < 20; round++) {
    const body = Buffer.alloc(100_000, round);
    expect((await client.send({ ":method": "POST" }, body)).body.equals(body)).toBe(true);
  }
  stuck.close(8);
  await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
});

test("64 MB each way through HTTP/2 on both sides with the smallest windows come whole", {
  timeout: 60_000,
}, async () => {
  await using origin = await Http2Origin.start(undefined, { settings: { initialWindowSize: 65_535 } });
  await using proxy = await startProxy(
    forwardTo(origin.address, {
      http: { http2: { stream_window: 65_535, connection_window: 65_535 } },
      cluster: { protocol: "http2" },
      route: { timeout: "0s" },
    }),
  );
  await using client = await Http2Client.open(proxy.port, { settings: { initialWindowSize: 65_535 } });
  const stream = client.start({ ":method": "POST" });
  const sent = createHash("sha256");
  const got = createHash("sha256");
  let bytes = 0;
  const upload = async (): Promise<void> => {
    for (let index = 0; index < 1024; index++) {
      const chunk = block(index);
      sent.update(chunk);
      if (!stream.write(chunk)) await once(stream, "drain");
    }
    stream.end();
  };
  const download = async (): Promise<void> => {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      got.update(chunk);
      bytes += chunk.length;
    }
  };
  await Promise.all([upload(), download()]);
  expect(bytes).toBe(1024 * BLOCK);
  expect(got.digest("hex")).toBe(sent.digest("hex"));
  await proxy.admin.reaches("cluster.web.http2.pending_send_bytes", 0);
  await proxy.admin.reaches("http2.pending_send_bytes", 0);
});
