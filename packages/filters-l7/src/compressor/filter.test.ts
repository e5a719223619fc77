import {
  type HttpChainInput,
  httpHarness,
  type HttpFilterHarness,
  type TestRequest,
  type UpstreamAnswer,
} from "@sluice/core/testing";
import fc from "fast-check";
import { afterEach, describe, expect, it, test } from "vitest";
import { CODINGS, compressorLibrary, decompress, noise, TEXT } from "../../../../test/support/compression.ts";
import { compressor } from "./index.ts";

const json = { "content-type": "application/json" };
const GET: TestRequest = { headers: { "accept-encoding": "gzip" } };
const answer: UpstreamAnswer = { headers: json, body: TEXT };

let open: HttpFilterHarness | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

async function chain(config: object = compressorLibrary("gzip"), more: object = {}): Promise<HttpFilterHarness> {
  open = await httpHarness(compressor, { config, upstream: () => answer, ...more });
  return open;
}

describe("a response", () => {
  test.each(CODINGS)("is compressed with %s for a client that takes it", async (coding) => {
    const harness = await chain(compressorLibrary(coding));
    const response = await harness.request({ headers: { "accept-encoding": coding } });
    expect(response.headers).toMatchObject({ "content-encoding": coding, vary: "Accept-Encoding" });
    expect(response.headers).not.toHaveProperty("content-length");
    expect(response.bytes.length).toBeLessThan(TEXT.length / 4);
    expect(decompress[coding](response.bytes).toString()).toBe(TEXT);
  });

  test.each(CODINGS)("of any bytes in any chunks comes out the same with %s", async (coding) => {
    const harness = await chain(compressorLibrary(coding));
    const body = fc.oneof(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }),
      fc.array(fc.nat(40_000).map(noise), { minLength: 1, maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (chunks, hasTrailers) => {
        const trailers = hasTrailers ? { trailers: { "x-sum": "1" } } : {};
        const response = await harness.request({ headers: { "accept-encoding": coding } }, () => ({
          headers: json,
          chunks,
          ...trailers,
        }));
        expect(response.ended).toBe(true);
        expect(response.trailers).toEqual(hasTrailers ? { "x-sum": "1" } : null);
        const whole = Buffer.concat(chunks);
        // A message without a body stays without one.
        if (response.headers["content-encoding"] === undefined) expect(whole.length).toBe(0);
        else expect(decompress[coding](response.bytes).equals(whole)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("is compressed at once where it is small, without a promise", async () => {
    const harness = await chain();
    const exchange = harness.open().headers(GET);
    exchange.upstream.respond({ headers: json, body: TEXT.slice(0, 5000) });
    expect(exchange.response.ended).toBe(true);
    expect(decompress.gzip(exchange.response.bytes).toString()).toBe(TEXT.slice(0, 5000));
  });

  it("is compressed at once where its length says that it is whole, too", async () => {
    const harness = await chain();
    const exchange = harness.open().headers(GET);
    exchange.upstream.respond({ headers: { ...json, "content-length": "500" } }, false);
    exchange.upstream.data(TEXT.slice(0, 500));
    expect(decompress.gzip(exchange.response.bytes).toString()).toBe(TEXT.slice(0, 500));
    exchange.upstream.data("", true);
    expect(exchange.response.ended).toBe(true);
  });

  it("that is longer than a filter said is broken off, not mixed up", async () => {
    const harness = await chain();
    const exchange = harness.open().headers(GET);
    exchange.upstream.respond({ headers: { ...json, "content-length": "50" } }, false);
    exchange.upstream.data(TEXT.slice(0, 50)).data("more");
    expect(exchange.response.reset).not.toBeNull();
  });

  it("goes on chunk by chunk: nobody waits for what was sent", async () => {
    for (const coding of CODINGS) {
      const harness = await chain(compressorLibrary(coding));
      const exchange = harness.open().headers({ headers: { "accept-encoding": coding } });
      exchange.upstream.respond({ headers: json }, false);
      for (const event of ["data: one\n\n", "data: two\n\n"]) {
        const before = exchange.response.bytes.length;
        exchange.upstream.data(event);
        await harness.until(() => exchange.response.bytes.length > before);
      }
      exchange.upstream.data("data: last\n\n", true);
      await harness.until(() => exchange.response.ended);
      expect(decompress[coding](exchange.response.bytes).toString()).toBe("data: one\n\ndata: two\n\ndata: last\n\n");
      await harness.close();
    }
  });

  it("holds its source while it works, and waits for a slow client", async () => {
    const harness = await chain();
    const exchange = harness.open().headers(GET);
    exchange.upstream.respond({ headers: json }, false);
    exchange.upstream.data(noise(60_000)).data(noise(60_000));
    expect(exchange.upstream.responsePaused).toBe(true);
    await harness.until(() => !exchange.upstream.responsePaused);
    exchange.clientSlow();
    expect(exchange.upstream.responsePaused).toBe(true);
    exchange.clientFast();
    exchange.upstream.data(noise(10), true);
    await harness.until(() => exchange.response.ended);
    expect(decompress.gzip(exchange.response.bytes).length).toBe(120_010);
  });

  const untouched: readonly (readonly [string, TestRequest, UpstreamAnswer])[] = [
    ["that the client takes no coding for", {}, answer],
    ["that the client wants as it is", { headers: { "accept-encoding": "identity" } }, answer],
    ["whose coding the client refuses", { headers: { "accept-encoding": "gzip;q=0, br" } }, answer],
    ["that is smaller than it is worth", GET, { headers: json, body: "x".repeat(29) }],
    ["of a type that is not to be compressed", GET, { headers: { "content-type": "image/png" }, body: TEXT }],
    ["that has a coding", GET, { headers: { ...json, "content-encoding": "br" }, body: TEXT }],
    ["that nobody may change", GET, { headers: { ...json, "cache-control": "private, No-Transform" }, body: TEXT }],
    ["that is a part", GET, { status: 206, headers: { ...json, "content-range": "bytes 0-9/99" }, body: TEXT }],
    ["without a body", GET, { status: 304, headers: { ...json, etag: '"x"' } }],
  ];
  test.each(untouched)("%s stays as it is", async (_name, request, upstream) => {
    const harness = await chain();
    const response = await harness.request(request, () => upstream);
    expect(response.body).toBe(upstream.body ?? "");
    for (const [name, value] of Object.entries(upstream.headers ?? {})) expect(response.headers[name]).toBe(value);
    expect(harness.rootStat("http.test.compressor.text.gzip.not_compressed")).toBe(1);
  });

  it("to HEAD says what caches have to know, and nothing else", async () => {
    const harness = await chain();
    const response = await harness.request({ method: "HEAD", ...GET }, () => ({
      headers: { ...json, "content-length": "5000", etag: '"x"' },
    }));
    expect(response.headers).toMatchObject({ "content-length": "5000", etag: '"x"', vary: "Accept-Encoding" });
    expect(response.headers).not.toHaveProperty("content-encoding");
  });

  it("of a tunnel is never touched", async () => {
    const harness = await chain(compressorLibrary("gzip"), {
      hcm: { upgrades: [{ type: "websocket", enabled: true, filters: null }] },
    });
    const exchange = harness.open().headers({ upgrade: "websocket", headers: { "accept-encoding": "gzip" } }, false);
    exchange.upstream.respond({ status: 101, headers: { upgrade: "websocket", connection: "upgrade" } }, false);
    exchange.upstream.data("frame");
    expect(exchange.response.body).toBe("frame");
  });

  it("loses what was said of its bytes, and a strong tag", async () => {
    const harness = await chain();
    const headers = { ...json, etag: '"x"', "accept-ranges": "bytes", "content-md5": "x", "content-digest": "x" };
    const strong = await harness.request(GET, () => ({ headers, body: TEXT }));
    for (const name of ["etag", "accept-ranges", "content-md5", "content-digest", "content-length"])
      expect(strong.headers).not.toHaveProperty(name);
    const weak = await harness.request(GET, () => ({ headers: { ...json, etag: 'W/"x"' }, body: TEXT }));
    expect(weak.headers["etag"]).toBe('W/"x"');
  });

  it("keeps a strong tag as a weak one, or stays as it is, where the configuration says so", async () => {
    const tagged = (): UpstreamAnswer => ({ headers: { ...json, etag: '"x"' }, body: TEXT });
    const weakening = { response_direction_config: { weaken_etag_on_compress: true, disable_on_etag_header: true } };
    const weakened = await (await chain({ ...compressorLibrary("gzip"), ...weakening })).request(GET, tagged);
    expect(weakened.headers).toMatchObject({ etag: 'W/"x"', "content-encoding": "gzip" });
    const skipping = { response_direction_config: { disable_on_etag_header: true } };
    const harness = await chain({ ...compressorLibrary("gzip"), ...skipping });
    const skipped = await harness.request(GET, tagged);
    expect(skipped.headers).toMatchObject({ etag: '"x"' });
    expect(skipped.headers).not.toHaveProperty("content-encoding");
    expect(harness.rootStat("http.test.compressor.text.gzip.not_compressed_etag")).toBe(1);
  });

  test.each([
    [undefined, "Accept-Encoding"],
    ["Origin", "Origin, Accept-Encoding"],
    ["Origin, accept-encoding", "Origin, accept-encoding"],
    ["*", "*"],
  ])("with vary %s says %s, compressed or not", async (before, after) => {
    const harness = await chain();
    const headers = before === undefined ? json : { ...json, vary: before };
    for (const request of [GET, {}])
      expect((await harness.request(request, () => ({ headers, body: TEXT }))).headers["vary"]).toBe(after);
  });

  it("has its own statuses, types and length", async () => {
    const common = { min_content_length: 10, content_type: ["Text/CSV"] };
    const harness = await chain({
      ...compressorLibrary("gzip"),
      response_direction_config: { common_config: common, uncompressible_response_codes: [503] },
    });
    const csv = { "content-type": "text/csv; charset=utf-8" };
    const coded = async (upstream: UpstreamAnswer): Promise<string | undefined> =>
      (await harness.request(GET, () => upstream)).headers["content-encoding"];
    expect(await coded({ headers: csv, body: "0123456789" })).toBe("gzip");
    expect(await coded({ headers: csv, body: "012345678" })).toBeUndefined();
    expect(await coded({ headers: json, body: TEXT })).toBeUndefined();
    expect(await coded({ status: 503, headers: csv, body: TEXT })).toBeUndefined();
    const prefix = "http.test.compressor.text.gzip.response";
    expect(harness.rootStat(`${prefix}.content_length_too_small`)).toBe(1);
    expect(harness.rootStat(`${prefix}.total_uncompressed_bytes`)).toBe(10);
  });

  it("is only compressed while the runtime says so", async () => {
    const enabled = { default_value: true, runtime_key: "compress" };
    const harness = await chain(
      { ...compressorLibrary("gzip"), response_direction_config: { common_config: { enabled } } },
      { runtime: { compress: false } },
    );
    expect((await harness.request(GET)).headers).not.toHaveProperty("content-encoding");
    harness.setRuntime({ compress: true });
    expect((await harness.request(GET)).headers).toHaveProperty("content-encoding");
  });

  it("is dropped with what was made of it when its client leaves", async () => {
    const harness = await chain();
    const exchange = harness.open().headers(GET);
    exchange.upstream.respond({ headers: json }, false);
    exchange.upstream.data(noise(60_000));
    exchange.abort();
    await harness.settle();
    expect(harness.log).toEqual([]);
  });
});

describe("several compressors", () => {
  const all = (preferred = ""): Promise<HttpFilterHarness> =>
    httpHarness(
      CODINGS.map(
        (coding): HttpChainInput => [
          compressor,
          { name: coding, config: { ...compressorLibrary(coding), choose_first: coding === preferred } },
        ],
      ),
      { upstream: () => answer },
    );

  test.each([
    ["gzip, br, zstd", "", "gzip"],
    ["gzip, br, zstd", "br", "br"],
    ["zstd;q=0.9, gzip;q=0.5", "gzip", "zstd"],
    ["gzip;q=0.5, br;q=0.6", "", "br"],
    ["*", "", "gzip"],
    ["gzip;q=0, *", "", "br"],
    ["identity, br", "", undefined],
    ["identity;q=0.1, br;q=0.2", "", "br"],
    ["deflate", "", undefined],
    ["BR", "", "br"],
    ["x-gzip", "", "gzip"],
    ["br;q=x, gzip;q=0.1", "", "gzip"],
  ])("for accept-encoding: %s, with %j preferred, agree on %s", async (accepted, preferred, coding) => {
    open = await all(preferred);
    const response = await open.request({ headers: { "accept-encoding": accepted } });
    expect(response.headers["content-encoding"]).toBe(coding);
    if (coding !== undefined) expect(decompress[coding as "br"](response.bytes).toString()).toBe(TEXT);
    expect(response.headers["vary"]).toBe("Accept-Encoding");
  });

  it("pass over one that is off on the route, or that is not for the type", async () => {
    const css = { response_direction_config: { common_config: { content_type: ["text/css"] } } };
    open = await httpHarness(
      [
        [compressor, { name: "gzip", config: compressorLibrary("gzip") }],
        [compressor, { name: "br", config: { ...compressorLibrary("br"), ...css } }],
        [compressor, { name: "zstd", config: compressorLibrary("zstd"), routeConfig: { disabled: true } }],
      ],
      { upstream: () => answer },
    );
    const response = await open.request({ headers: { "accept-encoding": "zstd, br, gzip;q=0.1" } });
    expect(response.headers["content-encoding"]).toBe("gzip");
  });
});

describe("on a route", () => {
  const off = { ...compressorLibrary("gzip"), runtime_enabled: { default_value: false, runtime_key: "k" } };

  it("responses may stay as they are, or be compressed where the filter does not", async () => {
    const disabled = await chain(compressorLibrary("gzip"), { routeConfig: { disabled: true } });
    expect((await disabled.request(GET)).body).toBe(TEXT);
    const enabled = await chain(off, { routeConfig: { overrides: { response_direction_config: {} } } });
    expect((await enabled.request(GET)).headers["content-encoding"]).toBe("gzip");
    const neither = await chain(off, { routeConfig: { overrides: {} } });
    expect((await neither.request(GET)).body).toBe(TEXT);
  });

  it("accept-encoding may be kept from the upstream, or given to it", async () => {
    const removing = {
      ...compressorLibrary("gzip"),
      response_direction_config: { remove_accept_encoding_header: true },
    };
    const removed = await (await chain(removing)).request(GET);
    expect(removed.upstream?.headers).not.toHaveProperty("accept-encoding");
    expect(removed.headers["content-encoding"]).toBe("gzip");
    const overrides = { response_direction_config: { remove_accept_encoding_header: false } };
    const kept = await (await chain(removing, { routeConfig: { overrides } })).request(GET);
    expect(kept.upstream?.headers["accept-encoding"]).toBe("gzip");
  });
});

describe("a request", () => {
  const config = { ...compressorLibrary("gzip"), request_direction_config: {} };

  it("is compressed where the configuration says so", async () => {
    const harness = await chain(config);
    for (const trailers of [undefined, { "x-sum": "1" }]) {
      const request: TestRequest = { method: "POST", headers: json, chunks: [TEXT, "", TEXT] };
      const { upstream } = await harness.request(trailers === undefined ? request : { ...request, trailers });
      expect(upstream?.headers).toMatchObject({ "content-encoding": "gzip" });
      expect(upstream?.headers).not.toHaveProperty("content-length");
      expect(upstream?.trailers).toEqual(trailers ?? null);
      expect(decompress.gzip(upstream!.bytes).toString()).toBe(TEXT + TEXT);
    }
    expect(harness.rootStat("http.test.compressor.text.gzip.request.compressed")).toBe(2);
  });

  it("stays as it is where it says nothing, or has a coding, another type, no length worth it", async () => {
    const silent = await chain();
    expect((await silent.request({ method: "POST", headers: json, body: TEXT })).upstream?.body).toBe(TEXT);
    const harness = await chain(config);
    for (const request of [
      { headers: { ...json, "content-encoding": "br" }, body: TEXT },
      { headers: { "content-type": "image/png" }, body: TEXT },
      { headers: json, body: "short" },
      { headers: { ...json, "cache-control": "no-transform" }, body: TEXT },
    ])
      expect((await harness.request({ method: "PUT", ...request })).upstream?.body).toBe(request.body);
    expect(harness.rootStat("http.test.compressor.text.gzip.request.not_compressed")).toBe(4);
  });
});
