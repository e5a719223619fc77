// Compression in a running proxy, with clients that know nothing of it: curl and undici over HTTP/1 and HTTP/2, and bodies that are meant to hurt.
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { Agent, fetch, request } from "undici";
import { describe, expect, test } from "vitest";
import { compress, TEXT } from "../support/compression.ts";
import { type Answer, HttpOrigin, echo } from "../support/http-origin.ts";
import { runProgram } from "../support/program.ts";
import { type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";

const compressors = ["brotli", "zstd", "gzip"].map((library) => ({ compressor: { library }, name: library }));
const LARGE = Buffer.from(TEXT.repeat(20));

const text =
  (body: Uint8Array | string, hasLength = true): Answer =>
  (_request, response) => {
    response.setHeader("content-type", "text/plain");
    if (hasLength) response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
  };

async function proxyOf(address: string, filters: readonly object[]): Promise<RunningProxy> {
  return startProxy(forwardTo(address, { http: { filters: filters as never } }));
}

describe("curl --compressed", () => {
  test.each(["--http1.1", "--http2-prior-knowledge"])("reads any coding, small and large, %s", async (version) => {
    for (const body of [TEXT.slice(0, 1000), LARGE]) {
      await using origin = await HttpOrigin.start(text(body, body.length < 5000));
      await using proxy = await proxyOf(origin.address, compressors);
      for (const coding of ["br", "zstd", "gzip"]) {
        const args = [
          "-s",
          version,
          "--compressed",
          "-H",
          `accept-encoding: ${coding}`,
          "-w",
          "\n%header{content-encoding}",
        ];
        const { bytes } = await runProgram("curl", [...args, `http://127.0.0.1:${proxy.port}/`]);
        const [plain, found] = cutLastLine(bytes);
        expect(found).toBe(coding);
        expect(plain.equals(Buffer.from(body))).toBe(true);
      }
    }
  });

  test("decides by itself what it takes", async () => {
    await using origin = await HttpOrigin.start(text(TEXT));
    await using proxy = await proxyOf(origin.address, compressors);
    const { bytes } = await runProgram("curl", ["-s", "--compressed", `http://127.0.0.1:${proxy.port}/`]);
    expect(bytes.toString()).toBe(TEXT);
    expect(await proxy.admin.stat("http.front.compressor.gzip.gzip.total_uncompressed_bytes")).toBe(TEXT.length);
  });
});

function cutLastLine(bytes: Buffer): [Buffer, string] {
  const at = bytes.lastIndexOf("\n");
  return [bytes.subarray(0, at), bytes.subarray(at + 1).toString()];
}

test("fetch reads an event stream as it is written, compressed", async () => {
  const { promise: more, resolve: sendMore } = Promise.withResolvers<void>();
  await using origin = await HttpOrigin.start(async (_request, response) => {
    response.setHeader("content-type", "text/event-stream");
    response.write("data: one\n\n");
    await more;
    response.end("data: two\n\n");
  });
  await using proxy = await proxyOf(origin.address, [
    { compressor: { library: "gzip", content_types: ["text/event-stream"] } },
  ]);
  const dispatcher = new Agent();
  const response = await fetch(`http://127.0.0.1:${proxy.port}/`, { dispatcher });
  expect(response.headers.get("content-encoding")).toBe("gzip");
  const reader = response.body!.getReader();
  // It comes while the origin holds back the rest.
  expect(Buffer.from((await reader.read()).value!).toString()).toBe("data: one\n\n");
  sendMore();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe("data: two\n\n");
  expect((await reader.read()).done).toBe(true);
  await dispatcher.close();
});

test("many at once through few threads come out right", async () => {
  // Sends back what came, as it came: compressed by the inner proxy.
  await using origin = await HttpOrigin.start((incoming, response) => {
    response.setHeader("content-encoding", incoming.headers["content-encoding"] ?? "identity");
    incoming.pipe(response);
  });
  const types = { content_types: ["application/octet-stream"], requests: true, min_length: 0 };
  await using inner = await proxyOf(origin.address, [
    { decompressor: { library: "gzip" } },
    { compressor: { library: "zstd", ...types } },
  ]);
  await using outer = await proxyOf(`127.0.0.1:${inner.port}`, [
    { compressor: { library: "gzip", ...types } },
    { decompressor: { library: "zstd" } },
  ]);
  const dispatcher = new Agent({ connections: 20 });
  const sizes = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7919) % 200_000));
  const results = await Promise.all(
    sizes.map(async (size) => {
      const sent = randomBytes(size);
      const { body } = await request(`http://127.0.0.1:${outer.port}/`, {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: Readable.from([sent.subarray(0, size >> 1), sent.subarray(size >> 1)]),
        dispatcher,
      });
      return sent.equals(Buffer.from(await body.arrayBuffer()));
    }),
  );
  expect(results).toEqual(sizes.map(() => true));
  expect(await inner.admin.stat("http.front.decompressor.gzip.gzip.request.decompressed")).toBe(sizes.length);
  expect(await outer.admin.stat("http.front.decompressor.zstd.zstd.response.decompressed")).toBe(sizes.length);
  await dispatcher.close();
});

test("a large upload is decompressed while it comes, and a large download for a client that reads slowly", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-compression-"));
  try {
    const plain = Buffer.concat([LARGE, randomBytes(8 * 1024 * 1024), LARGE]);
    await writeFile(join(folder, "body.gz"), gzipSync(plain, { level: 1 }));
    await using origin = await HttpOrigin.start(async (incoming, response) => {
      const hash = createHash("sha256");
      for await (const chunk of incoming) hash.update(chunk as Buffer);
      response.setHeader("x-digest", hash.digest("hex"));
      response.setHeader("content-encoding", "gzip");
      createReadStream(join(folder, "body.gz")).pipe(response);
    });
    await using proxy = await proxyOf(origin.address, [{ decompressor: { library: "gzip" } }]);
    const dispatcher = new Agent();
    const { body, headers } = await request(`http://127.0.0.1:${proxy.port}/`, {
      method: "POST",
      headers: { "content-encoding": "gzip" },
      body: createReadStream(join(folder, "body.gz")),
      dispatcher,
    });
    const digest = createHash("sha256").update(plain).digest("hex");
    expect(headers["x-digest"]).toBe(digest);
    const hash = createHash("sha256");
    for await (const chunk of body) {
      hash.update(chunk as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hash.digest("hex")).toBe(digest);
    await dispatcher.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a bomb is answered 413, what is no gzip 400, and the next request is served", async () => {
  // An origin that answers when it has everything: what is refused has no other answer.
  await using origin = await HttpOrigin.start(echo);
  await using proxy = await proxyOf(origin.address, [{ decompressor: { library: "gzip" } }]);
  const dispatcher = new Agent();
  const post = async (body: Uint8Array): Promise<number> => {
    const answer = await request(`http://127.0.0.1:${proxy.port}/`, {
      method: "POST",
      headers: { "content-encoding": "gzip" },
      body,
      dispatcher,
    });
    await answer.body.dump();
    return answer.statusCode;
  };
  expect(await post(compress.gzip(Buffer.alloc(8 * 1024 * 1024)))).toBe(413);
  expect(await post(Buffer.alloc(100, 7))).toBe(400);
  expect(await post(compress.gzip(TEXT))).toBe(200);
  await dispatcher.close();
  await proxy.admin.reaches("http.front.downstream_rq_active", 0);
});
