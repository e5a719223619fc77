// Libraries as the configurations of tests name them, and node:zlib's own view of what came out.
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";

export const CODINGS = ["gzip", "br", "zstd"] as const;
export type TestCoding = (typeof CODINGS)[number];

const WORDS = { gzip: ["gzip", "Gzip"], br: ["brotli", "Brotli"], zstd: ["zstd", "Zstd"] } as const;

function library(coding: TestCoding, kind: "compressor" | "decompressor", options: object): object {
  const [word, message] = WORDS[coding];
  const type = `type.googleapis.com/envoy.extensions.compression.${word}.${kind}.v3.${message}`;
  return { name: "text", typed_config: { "@type": type, ...options } };
}

export function compressorLibrary(coding: TestCoding, options: object = {}): { compressor_library: object } {
  return { compressor_library: library(coding, "compressor", options) };
}

export function decompressorLibrary(coding: TestCoding, options: object = {}): { decompressor_library: object } {
  return { decompressor_library: library(coding, "decompressor", options) };
}

export const compress: Readonly<Record<TestCoding, (body: Uint8Array | string) => Buffer>> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: (body) => zstdCompressSync(body),
};

export const decompress: Readonly<Record<TestCoding, (body: Uint8Array) => Buffer>> = {
  gzip: (body) => gunzipSync(body),
  br: (body) => brotliDecompressSync(body),
  zstd: (body) => zstdDecompressSync(body),
};

/** Text that compresses well, and bytes that do not, both the same each time. */
export const TEXT = Array.from({ length: 2000 }, (_, i) => `{"id":${i},"name":"user ${(i * 7919) % 997}"}`).join(",\n");

export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}
