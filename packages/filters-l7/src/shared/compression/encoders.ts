/** The content codings as compressors: gzip (RFC 1952), br (RFC 7932), zstd (RFC 8878), each with its options, over node:zlib. */
import {
  type BrotliOptions,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompressSync,
} from "node:zlib";
import type { ZlibStream } from "./zlib-body.ts";

export type Coding = "gzip" | "br" | "zstd";

/** A compressor with its options: makes bodies of any number of messages. */
export interface Encoder {
  /** As in `content-encoding`. */
  readonly coding: Coding;
  /** Its part of the names of statistics. */
  readonly statWord: "gzip" | "brotli" | "zstd";
  /**
   * A whole body up to so many bytes is compressed at once, on the event loop: for small ones that costs a third of what the way through
   * another thread does. It grows smaller as levels grow slower, so that it stays well below a millisecond.
   */
  readonly wholeLimit: number;
  whole(body: Uint8Array): Uint8Array;
  /** Gives out everything that it has after each chunk, so that nobody waits for what was sent. */
  stream(): ZlibStream;
}

const KIB = 1024;

/** Levels from which a body has to be this small for `whole`; the last that applies counts. */
type Limits = readonly (readonly [level: number, bytes: number])[];

const GZIP_LIMITS: Limits = [
  [0, 16 * KIB],
  [8, 4 * KIB],
];
const BROTLI_LIMITS: Limits = [
  [0, 16 * KIB],
  [5, 4 * KIB],
  [10, 0],
];
const ZSTD_LIMITS: Limits = [
  [0, 32 * KIB],
  [6, 8 * KIB],
  [13, 0],
];

function limitOf(limits: Limits, level: number): number {
  let bytes = 0;
  for (const [from, limit] of limits) if (level >= from) bytes = limit;
  return bytes;
}

/** Bytes that come out in one piece, where nothing else is said. */
const CHUNK_BYTES = 16 * KIB;

export interface GzipOptions {
  /** 1 to 9; -1: the library's own choice. */
  readonly level: number;
  /** 1 to 9. */
  readonly memoryLevel: number;
  /** 9 to 15. */
  readonly windowBits: number;
  /** As node:zlib numbers them. */
  readonly strategy: number;
  /** 0: as it suits. */
  readonly chunkBytes: number;
}

export function gzipEncoder({ level, memoryLevel, windowBits, strategy, chunkBytes }: GzipOptions): Encoder {
  const options: ZlibOptions = {
    level,
    memLevel: memoryLevel,
    windowBits,
    strategy,
    chunkSize: chunkBytes || CHUNK_BYTES,
    flush: constants.Z_SYNC_FLUSH,
  };
  return {
    coding: "gzip",
    statWord: "gzip",
    wholeLimit: limitOf(GZIP_LIMITS, level === -1 ? 6 : level),
    whole: (body) => gzipSync(body, options),
    stream: () => createGzip(options),
  };
}

export interface BrotliEncoderOptions {
  /** 0 to 11. */
  readonly quality: number;
  /** 10 to 24. */
  readonly windowBits: number;
  /** 16 to 24; 0: as it suits. Large ones take memory: about twice that window for each body. */
  readonly inputBlockBits: number;
  /** As node:zlib numbers them. */
  readonly mode: number;
  readonly isLiteralContextModelingDisabled: boolean;
  /** 0: as it suits. */
  readonly chunkBytes: number;
}

export function brotliEncoder(wanted: BrotliEncoderOptions): Encoder {
  const options: BrotliOptions = {
    chunkSize: wanted.chunkBytes || CHUNK_BYTES,
    flush: constants.BROTLI_OPERATION_FLUSH,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: wanted.quality,
      [constants.BROTLI_PARAM_LGWIN]: wanted.windowBits,
      [constants.BROTLI_PARAM_LGBLOCK]: wanted.inputBlockBits,
      [constants.BROTLI_PARAM_MODE]: wanted.mode,
      [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: wanted.isLiteralContextModelingDisabled,
    },
  };
  return {
    coding: "br",
    statWord: "brotli",
    wholeLimit: limitOf(BROTLI_LIMITS, wanted.quality),
    whole: (body) => brotliCompressSync(body, options),
    stream: () => createBrotliCompress(options),
  };
}

export interface ZstdEncoderOptions {
  /** 1 to 22. */
  readonly level: number;
  /** As node:zlib numbers them; 0: the level's own. */
  readonly strategy: number;
  readonly isChecksumEnabled: boolean;
  /** 0: as it suits. */
  readonly chunkBytes: number;
}

/** RFC 9659: what clients have to be able to decode needs at most 8 MiB; levels above 19 would take more. */
export const ZSTD_WINDOW_LOG = 23;

export function zstdEncoder({ level, strategy, isChecksumEnabled, chunkBytes }: ZstdEncoderOptions): Encoder {
  const params: Record<number, number | boolean> = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: isChecksumEnabled,
  };
  if (level > 19) params[constants.ZSTD_c_windowLog] = ZSTD_WINDOW_LOG;
  if (strategy !== 0) params[constants.ZSTD_c_strategy] = strategy;
  const options: ZstdOptions = { chunkSize: chunkBytes || CHUNK_BYTES, flush: constants.ZSTD_e_flush, params };
  return {
    coding: "zstd",
    statWord: "zstd",
    wholeLimit: strategy > constants.ZSTD_lazy2 ? 0 : limitOf(ZSTD_LIMITS, level),
    whole: (body) => zstdCompressSync(body, options),
    stream: () => createZstdCompress(options),
  };
}
