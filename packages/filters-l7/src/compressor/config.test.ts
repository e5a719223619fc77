import { describe, expect, it, test } from "vitest";
import { compressorLibrary } from "../../../../test/support/compression.ts";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { compressor } from "./index.ts";

const gzip = compressorLibrary("gzip");
const library = (typed_config: unknown): object => ({ compressor_library: { name: "x", typed_config } });
const type = (name: string): object => ({ "@type": `type.googleapis.com/envoy.extensions.compression.${name}` });

describe("configuration", () => {
  it("has Envoy's defaults", () => {
    const settings = settingsOf(compressor, "config", gzip) as { response: { contentTypes: Set<string> } };
    expect(settings).toMatchObject({
      request: null,
      isPreferred: false,
      library: { name: "text", codec: { coding: "gzip", statWord: "gzip", wholeLimit: 16_384 } },
      response: {
        minBytes: 30,
        etags: "remove",
        removesAcceptEncoding: false,
        enabled: { isOnByDefault: true, runtimeKey: "" },
        statWord: "",
      },
    });
    expect(settings.response.contentTypes.size).toBe(20);
  });

  it("reads the older fields, and the newer ones before them", () => {
    const old = { content_length: 7, content_type: ["a/b"], disable_on_etag_header: true };
    expect(settingsOf(compressor, "config", { ...gzip, ...old })).toMatchObject({
      response: { minBytes: 7, etags: "skip", statWord: "" },
    });
    const response = { common_config: { min_content_length: 8 }, weaken_etag_on_compress: true };
    expect(settingsOf(compressor, "config", { ...gzip, ...old, response_direction_config: response })).toMatchObject({
      response: { minBytes: 8, etags: "weaken", statWord: "response." },
    });
  });

  test.each([
    ["gzip", { compression_level: "BEST_COMPRESSION" }, 4096],
    ["gzip", { compression_level: "COMPRESSION_LEVEL_7", compression_strategy: "RLE", chunk_size: 4096 }, 16_384],
    ["br", { quality: 11, input_block_bits: 20, window_bits: 24, encoder_mode: "TEXT" }, 0],
    ["br", { quality: 5, disable_literal_context_modeling: true }, 4096],
    ["zstd", { compression_level: 22, enable_checksum: true }, 0],
    ["zstd", { strategy: "BTULTRA2" }, 0],
    ["zstd", {}, 32_768],
  ] as const)("%s with %j compresses up to %i bytes at once", (coding, options, wholeLimit) => {
    const settings = settingsOf(compressor, "config", compressorLibrary(coding, options));
    expect(settings).toMatchObject({ library: { codec: { coding, wholeLimit } } });
  });

  test.each([
    [{}, "compressor_library: expected the library"],
    [{ compressor_library: { typed_config: {} } }, "compressor_library.name: expected a name"],
    [library({}), "compressor_library.typed_config: expected the library's options with their @type"],
    [library(type("gzip.decompressor.v3.Gzip")), "typed_config.@type: envoy.extensions.compression.gzip.decompressor"],
    [compressorLibrary("gzip", { memory_level: 10 }), "memory_level: expected a whole number from 1 to 9"],
    [compressorLibrary("gzip", { window_bits: 8 }), "window_bits: expected a whole number from 9 to 15"],
    [compressorLibrary("gzip", { compression_level: "FAST" }), "compression_level: expected one of"],
    [compressorLibrary("gzip", { chunk_size: 1 }), "chunk_size: expected a whole number from 4096 to 65536"],
    [compressorLibrary("br", { quality: 12 }), "quality: expected a whole number from 0 to 11"],
    [compressorLibrary("zstd", { compression_level: 23 }), "compression_level: expected a whole number from 1 to 22"],
    [compressorLibrary("zstd", { dictionary: { inline_string: "x" } }), "dictionary: unknown field dictionary"],
    [{ ...gzip, response_direction_config: { uncompressible_response_codes: [99] } }, "expected statuses from 200"],
    [{ ...gzip, response_direction_config: { status_header_enabled: true } }, "unknown field status_header_enabled"],
    [{ ...gzip, content_type: "text/html" }, "content_type: expected a list of media types"],
    [{ ...gzip, content_type: [""] }, "content_type: expected a list of media types"],
  ] as ReadonlyArray<[unknown, string]>)("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(compressor, "config", config)).toThrow(message);
  });

  test.each([
    [{ disabled: true }, { compressesResponses: false, removesAcceptEncoding: null }],
    [{ overrides: {} }, { compressesResponses: null, removesAcceptEncoding: null }],
    [
      { overrides: { response_direction_config: { remove_accept_encoding_header: true } } },
      { compressesResponses: true, removesAcceptEncoding: true },
    ],
  ])("%j of a route is %j", (config, settings) => {
    expect(settingsOf(compressor, "routeConfig", config)).toEqual(settings);
  });

  test.each([
    [{}, "expected disabled: true, or overrides"],
    [{ disabled: false }, "expected disabled: true, or overrides"],
    [{ disabled: true, overrides: {} }, "disabled and overrides are both set"],
  ])("%j of a route is refused: %s", (config, message) => {
    expect(() => settingsOf(compressor, "routeConfig", config)).toThrow(message);
  });
});
