import { httpHarness, type HttpFilterHarness, type UpstreamAnswer } from "@sluice/core/testing";
import fc from "fast-check";
import { afterEach, describe, expect, it, test } from "vitest";
import {
  CODINGS,
  compress,
  decompressorLibrary,
  noise,
  type TestCoding,
  TEXT,
} from "../../../../test/support/compression.ts";
import { decompressor } from "./index.ts";

let open: HttpFilterHarness | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

async function chain(config: object = decompressorLibrary("gzip"), more: object = {}): Promise<HttpFilterHarness> {
  open = await httpHarness(decompressor, { config, ...more });
  return open;
}

function coded(coding: TestCoding, body: Uint8Array, more: object = {}): UpstreamAnswer {
  return { headers: { "content-encoding": coding, ...more }, body };
}

/** Cuts at the places that the numbers name. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [...sorted, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : sorted[i - 1]!, end));
}

describe("a response", () => {
  test.each(CODINGS)("of %s is decompressed", async (coding) => {
    const harness = await chain(decompressorLibrary(coding));
    const response = await harness.request({}, () =>
      coded(coding, compress[coding](TEXT), { etag: '"x"', "accept-ranges": "bytes" }),
    );
    expect(response.body).toBe(TEXT);
    expect(response.headers).not.toHaveProperty("content-encoding");
    expect(response.headers).not.toHaveProperty("content-length");
    expect(response.headers).not.toHaveProperty("accept-ranges");
    expect(response.headers["etag"]).toBe('W/"x"');
    const prefix = `http.test.decompressor.text.${coding === "br" ? "brotli" : coding}.response`;
    expect(harness.rootStat(`${prefix}.decompressed`)).toBe(1);
    expect(harness.rootStat(`${prefix}.total_uncompressed_bytes`)).toBe(TEXT.length);
    expect(harness.rootStat(`${prefix}.total_compressed_bytes`)).toBe(compress[coding](TEXT).length);
  });

  test.each(CODINGS)("of %s comes out the same however it is cut", async (coding) => {
    const harness = await chain(decompressorLibrary(coding));
    const body = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 2000 }),
      fc.nat(100_000).map((n) => noise(n + 1)),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.array(fc.nat(), { maxLength: 5 }), fc.boolean(), async (plain, places, hasTrailers) => {
        const chunks = cut(compress[coding](plain), places);
        const response = await harness.request({}, () => ({
          headers: { "content-encoding": coding },
          chunks,
          ...(hasTrailers && { trailers: { "x-sum": "1" } }),
        }));
        expect(response.ended).toBe(true);
        expect(response.trailers).toEqual(hasTrailers ? { "x-sum": "1" } : null);
        expect(Buffer.from(plain).equals(response.bytes)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("loses its outermost coding only", async () => {
    const harness = await chain();
    const inner = compress.br(TEXT);
    const response = await harness.request({}, () => ({
      headers: { "content-encoding": "br, X-Gzip" },
      body: compress.gzip(inner),
    }));
    expect(response.headers["content-encoding"]).toBe("br");
    expect(inner.equals(response.bytes)).toBe(true);
    const other = await harness.request({}, () => ({ headers: { "content-encoding": "gzip, br" }, body: inner }));
    expect(other.headers["content-encoding"]).toBe("gzip, br");
    expect(inner.equals(other.bytes)).toBe(true);
  });

  it("stays as it is where nobody may change it, unless that is ignored, and where it is a part", async () => {
    const body = compress.gzip(TEXT);
    const fixed = coded("gzip", body, { "cache-control": "no-transform" });
    const harness = await chain();
    for (const answer of [fixed, { status: 206, ...coded("gzip", body, { "content-range": "bytes 0-9/99" }) }]) {
      const response = await harness.request({}, () => answer);
      expect(response.headers).toMatchObject({ "content-encoding": "gzip", "content-length": String(body.length) });
      expect(body.equals(response.bytes)).toBe(true);
    }
    const config = { response_direction_config: { common_config: { ignore_no_transform_header: true } } };
    const ignoring = await chain({ ...decompressorLibrary("gzip"), ...config });
    expect((await ignoring.request({}, () => fixed)).body).toBe(TEXT);
  });

  it("that is nothing stays nothing", async () => {
    const harness = await chain();
    for (const answer of [
      coded("gzip", Buffer.alloc(0)),
      { headers: { "content-encoding": "gzip" }, chunks: ["", ""] },
    ])
      expect(await harness.request({}, () => answer)).toMatchObject({ status: 200, body: "", ended: true });
  });

  it("waits for a slow client, and sends little of a large one meanwhile", async () => {
    const harness = await chain(decompressorLibrary("gzip", { max_inflate_ratio: 1032 }));
    const size = 32 * 1024 * 1024;
    const body = compress.gzip(Buffer.alloc(size));
    const exchange = harness.open().headers();
    exchange.upstream.respond({ headers: { "content-encoding": "gzip" } }, false);
    exchange.upstream.data(body, true);
    await harness.until(() => exchange.response.bytes.length > 0);
    exchange.clientSlow();
    const before = exchange.response.bytes.length;
    // Time enough for all of it, if nothing stopped it.
    for (let i = 0; i < 500; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(exchange.response.bytes.length).toBeLessThan(before + 512 * 1024);
    exchange.clientFast();
    await harness.until(() => exchange.response.ended, 20_000);
    expect(exchange.response.bytes.length).toBe(size);
  });

  it("that is broken ends as a broken one does", async () => {
    const harness = await chain();
    const body = compress.gzip(noise(200_000));
    const whole = await harness.request({}, () => coded("gzip", compress.gzip(TEXT).subarray(0, 500)));
    expect(whole).toMatchObject({ ended: false, details: "response_decompression_failed", flags: ["UPE"] });
    const chunks = [body.subarray(0, 100_000), body.subarray(100_000, 150_000)];
    const streamed = await harness.request({}, () => ({ headers: { "content-encoding": "gzip" }, chunks }));
    expect(streamed.ended).toBe(false);
    expect(harness.rootStat("http.test.decompressor.text.gzip.decompressor_library.zlib_buf_error")).toBe(2);
    expect(harness.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a request", () => {
  const post = (coding: TestCoding, body: Uint8Array): object => ({
    method: "POST",
    headers: { "content-encoding": coding },
    body,
  });

  test.each(CODINGS)("of %s is decompressed", async (coding) => {
    const harness = await chain(decompressorLibrary(coding));
    for (const plain of [TEXT.slice(0, 900), noise(300_000).toString("latin1")]) {
      const { upstream } = await harness.request(post(coding, compress[coding](Buffer.from(plain, "latin1"))));
      expect(Buffer.from(upstream!.bytes).toString("latin1")).toBe(plain);
      expect(upstream?.headers).not.toHaveProperty("content-encoding");
    }
  });

  const good = Buffer.from(TEXT.slice(0, 400));
  const large = noise(50_000);
  const broken: readonly (readonly [string, TestCoding, Buffer])[] = CODINGS.flatMap((coding) => [
    ["noise", coding, Buffer.from("this is not compressed at all")],
    ["a part", coding, compress[coding](good).subarray(0, -3)],
    ["a large part", coding, compress[coding](large).subarray(0, -3)],
    ["something behind the end", coding, Buffer.concat([compress[coding](good), Buffer.from("more")])],
    ["something behind a large end", coding, Buffer.concat([compress[coding](large), Buffer.from("more")])],
  ]);
  test.each(broken)("of %s as %s is answered 400", async (_name, coding, body) => {
    const harness = await chain(decompressorLibrary(coding));
    for (const places of [[], [20], [body.length - 2], [body.length - 4]]) {
      const response = await harness.request({
        method: "POST",
        headers: { "content-encoding": coding },
        chunks: cut(body, places),
      });
      expect(response).toMatchObject({ status: 400, details: "request_decompression_failed", flags: ["DPE"] });
    }
    expect(harness.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("may have several members or frames, and padding where the coding knows it", async () => {
    const twice = (coding: TestCoding, body: Buffer): Buffer =>
      Buffer.concat([compress[coding](body), compress[coding](body)]);
    const cases: readonly (readonly [TestCoding, Buffer, number])[] = [
      ["gzip", twice("gzip", good), 2],
      ["gzip", twice("gzip", large), 2],
      ["zstd", twice("zstd", good), 2],
      ["zstd", Buffer.concat([twice("zstd", large), twice("zstd", large)]), 4],
      ["gzip", Buffer.concat([compress.gzip(good), Buffer.alloc(30)]), 1],
      ["gzip", Buffer.concat([compress.gzip(large), Buffer.alloc(30)]), 1],
    ];
    for (const [coding, body, times] of cases) {
      const harness = await chain(decompressorLibrary(coding));
      for (const places of [[], [body.length - 10], [body.length - 10, body.length - 20], [body.length >> 1]]) {
        const { status, upstream } = await harness.request({
          method: "POST",
          headers: { "content-encoding": coding },
          chunks: cut(body, places),
        });
        expect([status, upstream?.bytes.length]).toEqual([200, times * (body.length > 10_000 ? large : good).length]);
      }
      await harness.close();
    }
  });

  it("of very many frames is refused: each costs a decoder", async () => {
    const harness = await chain(decompressorLibrary("zstd"));
    const frames = Buffer.concat(Array.from({ length: 200 }, () => compress.zstd("x")));
    const chunks = cut(frames, [frames.length >> 2, frames.length >> 1]);
    expect((await harness.request(post("zstd", frames))).status).toBe(400);
    expect((await harness.request({ method: "POST", headers: { "content-encoding": "zstd" }, chunks })).status).toBe(
      400,
    );
  });

  test.each(CODINGS)("that is a bomb of %s is answered 413 before it is large", async (coding) => {
    const harness = await chain(decompressorLibrary(coding));
    const response = await harness.request(post(coding, compress[coding](Buffer.alloc(8 * 1024 * 1024))));
    expect(response).toMatchObject({ status: 413, details: "request_decompressed_too_large" });
    expect(response.upstream!.bytes.length).toBeLessThan(2 * 1024 * 1024);
    const word = coding === "br" ? "brotli" : coding;
    expect(harness.rootStat(`http.test.decompressor.text.${word}.decompressor_library.decompressed_too_large`)).toBe(1);
  });

  it("compresses as well as the configured ratio allows, and small ones as well as they can", async () => {
    const harness = await chain(decompressorLibrary("gzip", { max_inflate_ratio: 1032 }));
    const size = 3 * 1024 * 1024;
    expect((await harness.request(post("gzip", compress.gzip(Buffer.alloc(size))))).upstream?.bytes.length).toBe(size);
    const strict = await chain(decompressorLibrary("gzip", { max_inflate_ratio: 1 }));
    expect((await strict.request(post("gzip", compress.gzip(Buffer.alloc(500_000))))).status).toBe(200);
  });

  it("may be no larger than the runtime says", async () => {
    const harness = await chain(decompressorLibrary("gzip"), { runtime: { "decompressor.max_request_bytes": 1000 } });
    const size = async (bytes: number): Promise<number> =>
      (await harness.request(post("gzip", compress.gzip(noise(bytes))))).status;
    expect([await size(1000), await size(1001), await size(100_000)]).toEqual([200, 413, 413]);
    harness.setRuntime({ "decompressor.max_request_bytes": 0 });
    expect(await size(100_000)).toBe(200);
  });

  it("of a frame that wants a window of 128 MiB is refused", async () => {
    const { constants, zstdCompressSync } = await import("node:zlib");
    const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const harness = await chain(decompressorLibrary("zstd"));
    // Streamed, so that the frame does not say its size and keeps its window.
    const body = await streamed(params);
    expect((await harness.request(post("zstd", body))).status).toBe(400);
    expect((await harness.request(post("zstd", zstdCompressSync(large)))).status).toBe(200);
  });

  it("stays as it is where that direction is off", async () => {
    const off = { enabled: { default_value: false, runtime_key: "unzip" } };
    const config = { ...decompressorLibrary("gzip"), request_direction_config: { common_config: off } };
    const harness = await chain(config);
    const body = compress.gzip(TEXT);
    expect(body.equals((await harness.request(post("gzip", body))).upstream!.bytes)).toBe(true);
    harness.setRuntime({ unzip: true });
    expect((await harness.request(post("gzip", body))).upstream?.body).toBe(TEXT);
  });

  test.each([
    [undefined, "gzip"],
    ["br", "br, gzip"],
    ["gzip;q=0, br;q=0.5", "br;q=0.5, gzip"],
    ["x-gzip", "gzip"],
  ])("with accept-encoding %s tells the upstream %s", async (before, after) => {
    const harness = await chain();
    const headers: Record<string, string> = before === undefined ? {} : { "accept-encoding": before };
    expect((await harness.request({ headers })).upstream?.headers["accept-encoding"]).toBe(after);
  });

  it("tells the upstream nothing where that is off", async () => {
    const harness = await chain({
      ...decompressorLibrary("gzip"),
      request_direction_config: { advertise_accept_encoding: false },
    });
    expect((await harness.request()).upstream?.headers).not.toHaveProperty("accept-encoding");
  });
});

async function streamed(params: Record<number, number>): Promise<Buffer> {
  const { createZstdCompress } = await import("node:zlib");
  const stream = createZstdCompress({ params });
  stream.write(noise(40_000));
  stream.end(noise(40_000));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
