/** The content codings as decompressors over node:zlib. */
import {
  type BrotliOptions,
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdDecompressSync,
} from "node:zlib";
import { type Coding, ZSTD_WINDOW_LOG } from "./encoders.ts";
import type { ZlibStream } from "./zlib-body.ts";

/** What bytes behind the end of the compressed data are. */
export type Trailing = "padding" | "another frame" | "an error";

export interface Decoder {
  /** As in `content-encoding`. */
  readonly coding: Coding;
  readonly statWord: "gzip" | "brotli" | "zstd";
  readonly trailing: Trailing;
  /** Output over input beyond which a body is taken for a bomb. */
  readonly maxRatio: number;
  /** A whole body; null where more would come out than `limit`, or where it has several frames. @throws Error where the input is none, or ends too early */
  whole(body: Uint8Array, limit: number): Uint8Array | null;
  stream(): ZlibStream;
}

/** Of Envoy's decompressors. */
export const DEFAULT_MAX_RATIO = 100;

const CHUNK_BYTES = 16 * 1024;

/** With `info: true` the synchronous functions also tell how far they have read. */
interface Told {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function isTooLarge(error: unknown): boolean {
  return (error as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE";
}

export interface GunzipOptions {
  /** 9 to 15; at least what was compressed with. */
  readonly windowBits: number;
  readonly maxRatio: number;
  /** 0: as it suits. */
  readonly chunkBytes: number;
}

export function gzipDecoder({ windowBits, maxRatio, chunkBytes }: GunzipOptions): Decoder {
  const options: ZlibOptions = { windowBits, chunkSize: chunkBytes || CHUNK_BYTES };
  return {
    coding: "gzip",
    statWord: "gzip",
    // Members follow one another inside of the library; what it leaves unread begins with a zero, as tapes and blocks are padded.
    trailing: "padding",
    maxRatio,
    whole: (body, limit) => told(body, limit, gunzipSync, options),
    stream: () => createGunzip(options),
  };
}

export interface BrotliDecoderOptions {
  readonly isRingBufferReallocationDisabled: boolean;
  readonly chunkBytes: number;
}

export function brotliDecoder({ isRingBufferReallocationDisabled, chunkBytes }: BrotliDecoderOptions): Decoder {
  const options: BrotliOptions = {
    chunkSize: chunkBytes || CHUNK_BYTES,
    params: { [constants.BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION]: isRingBufferReallocationDisabled },
  };
  return {
    coding: "br",
    statWord: "brotli",
    trailing: "an error",
    maxRatio: DEFAULT_MAX_RATIO,
    whole: (body, limit) => told(body, limit, brotliDecompressSync, options),
    stream: () => createBrotliDecompress(options),
  };
}

export function zstdDecoder(chunkBytes: number): Decoder {
  const options: ZstdOptions = {
    chunkSize: chunkBytes || CHUNK_BYTES,
    // A frame says how much memory it takes: without a limit it may ask for 128 MiB.
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
  };
  return {
    coding: "zstd",
    statWord: "zstd",
    trailing: "another frame",
    maxRatio: DEFAULT_MAX_RATIO,
    whole: (body, limit) => told(body, limit, zstdDecompressSync, options),
    stream: () => createZstdDecompress(options),
  };
}

/** null: the streaming way has to be taken, which knows what to do about limits and about bytes behind the end. */
function told<Options>(
  body: Uint8Array,
  limit: number,
  decompress: (body: Uint8Array, options: Options) => Uint8Array,
  options: Options,
): Uint8Array | null {
  try {
    const { buffer, engine } = decompress(body, {
      ...options,
      info: true,
      maxOutputLength: limit,
    }) as unknown as Told;
    return engine.bytesWritten === body.length ? buffer : null;
  } catch (error) {
    if (isTooLarge(error)) return null;
    throw error;
  }
}
