/** Counters under Envoy's names: `http.<stat prefix>.decompressor.<library's name>.<coding>.*`; `decompressed_too_large` is our own. */
import type { Counter, FilterContext } from "@sluice/sdk";
import type { Decoder } from "../shared/compression/decoders.ts";

/** Of one direction. The last three are shared by both. */
export interface DirectionStats {
  readonly decompressed: Counter;
  readonly notDecompressed: Counter;
  readonly compressedBytes: Counter;
  readonly uncompressedBytes: Counter;
  /** Bodies that are no compressed data; that end too early; that come to too much. */
  readonly malformed: Counter;
  readonly truncated: Counter;
  readonly tooLarge: Counter;
}

const LIBRARY_NAMES = {
  gzip: ["zlib_data_error", "zlib_buf_error"],
  brotli: ["brotli_error", "brotli_error"],
  zstd: ["zstd_generic_error", "zstd_generic_error"],
} as const;

export function decompressorStats(
  { rootStats, statPrefix }: FilterContext,
  libraryName: string,
  { statWord }: Decoder,
  direction: "request" | "response",
): DirectionStats {
  const prefix = `http.${statPrefix}.decompressor.${libraryName}.${statWord}.`;
  const counter = (name: string): Counter => rootStats.counter(`${prefix}${name}`);
  const [malformed, truncated] = LIBRARY_NAMES[statWord];
  return {
    decompressed: counter(`${direction}.decompressed`),
    notDecompressed: counter(`${direction}.not_decompressed`),
    compressedBytes: counter(`${direction}.total_compressed_bytes`),
    uncompressedBytes: counter(`${direction}.total_uncompressed_bytes`),
    malformed: counter(`decompressor_library.${malformed}`),
    truncated: counter(`decompressor_library.${truncated}`),
    tooLarge: counter("decompressor_library.decompressed_too_large"),
  };
}
