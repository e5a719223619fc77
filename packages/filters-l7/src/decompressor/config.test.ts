import { describe, expect, it, test } from "vitest";
import { compressorLibrary, decompressorLibrary } from "../../../../test/support/compression.ts";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { decompressor } from "./index.ts";

const gzip = decompressorLibrary("gzip");

describe("configuration", () => {
  it("has Envoy's defaults: both directions, and the upstream is told", () => {
    const on = { enabled: { isOnByDefault: true, runtimeKey: "" }, ignoresNoTransform: false };
    expect(settingsOf(decompressor, "config", gzip)).toMatchObject({
      library: { name: "text", codec: { coding: "gzip", maxRatio: 100 } },
      request: on,
      response: on,
      advertisesCoding: true,
    });
  });

  it("reads what is said of each direction and of the library", () => {
    const common_config = {
      enabled: { default_value: false, runtime_key: "k" },
      ignore_no_transform_header: true,
    };
    const config = {
      ...decompressorLibrary("gzip", { max_inflate_ratio: 7, window_bits: 9, chunk_size: 65_536 }),
      request_direction_config: { common_config, advertise_accept_encoding: false },
      response_direction_config: { common_config },
    };
    const off = { enabled: { isOnByDefault: false, runtimeKey: "k" }, ignoresNoTransform: true };
    expect(settingsOf(decompressor, "config", config)).toMatchObject({
      library: { codec: { maxRatio: 7 } },
      request: off,
      response: off,
      advertisesCoding: false,
    });
    const ring = decompressorLibrary("br", { disable_ring_buffer_reallocation: true });
    expect(settingsOf(decompressor, "config", ring)).toMatchObject({ library: { codec: { coding: "br" } } });
  });

  test.each([
    [{}, "decompressor_library: expected the library"],
    [
      { decompressor_library: (compressorLibrary("gzip") as Record<string, unknown>)["compressor_library"] },
      "is no library for this",
    ],
    [
      decompressorLibrary("gzip", { max_inflate_ratio: 0 }),
      "max_inflate_ratio: expected a whole number from 1 to 1032",
    ],
    [decompressorLibrary("zstd", { dictionaries: [] }), "dictionaries: unknown field dictionaries"],
    [
      { ...gzip, response_direction_config: { advertise_accept_encoding: true } },
      "unknown field advertise_accept_encoding",
    ],
    [{ ...gzip, request_direction_config: { common_config: { enabled: true } } }, "enabled: expected a mapping"],
  ] as ReadonlyArray<[unknown, string]>)("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(decompressor, "config", config)).toThrow(message);
  });
});
