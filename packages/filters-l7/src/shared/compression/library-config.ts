/** The libraries of compressor and decompressor as configurations write them: TypedExtensionConfig with one of Envoy's compression messages. */
import { ConfigError } from "@sluice/sdk";
import { Section } from "../section.ts";
import { brotliDecoder, type Decoder, DEFAULT_MAX_RATIO, gzipDecoder, zstdDecoder } from "./decoders.ts";
import { brotliEncoder, type Encoder, gzipEncoder, zstdEncoder } from "./encoders.ts";

const PACKAGE = "envoy.extensions.compression";
const ANY_TYPE = "@type";

const GZIP_ENCODER = ["memory_level", "compression_level", "compression_strategy", "window_bits", "chunk_size"];
const BROTLI_ENCODER = [
  "quality",
  "encoder_mode",
  "window_bits",
  "input_block_bits",
  "chunk_size",
  "disable_literal_context_modeling",
];
const ZSTD_ENCODER = ["compression_level", "enable_checksum", "strategy", "chunk_size"];
const GZIP_DECODER = ["window_bits", "chunk_size", "max_inflate_ratio"];
const BROTLI_DECODER = ["disable_ring_buffer_reallocation", "chunk_size"];
const ZSTD_DECODER = ["chunk_size"];

export const COMPRESSOR_LIBRARY_MESSAGES = {
  [`${PACKAGE}.gzip.compressor.v3.Gzip`]: GZIP_ENCODER,
  [`${PACKAGE}.brotli.compressor.v3.Brotli`]: BROTLI_ENCODER,
  [`${PACKAGE}.zstd.compressor.v3.Zstd`]: ZSTD_ENCODER,
};

export const DECOMPRESSOR_LIBRARY_MESSAGES = {
  [`${PACKAGE}.gzip.decompressor.v3.Gzip`]: GZIP_DECODER,
  [`${PACKAGE}.brotli.decompressor.v3.Brotli`]: BROTLI_DECODER,
  [`${PACKAGE}.zstd.decompressor.v3.Zstd`]: ZSTD_DECODER,
};

export interface Library<Codec> {
  /** Its part of the names of statistics. */
  readonly name: string;
  readonly codec: Codec;
}

/** @throws ConfigError */
export function parseEncoder(section: Section, key: string): Library<Encoder> {
  return parseLibrary(section, key, COMPRESSOR_LIBRARY_MESSAGES, {
    gzip: (options) =>
      gzipEncoder({
        memoryLevel: options.integer("memory_level", 5, 1, 9),
        level: GZIP_LEVELS[oneOf(options, "compression_level", GZIP_LEVEL_NAMES)]!,
        strategy: oneOf(options, "compression_strategy", GZIP_STRATEGIES),
        windowBits: options.integer("window_bits", 12, 9, 15),
        chunkBytes: chunkBytes(options),
      }),
    brotli: (options) =>
      brotliEncoder({
        quality: options.integer("quality", 3, 0, 11),
        // DEFAULT is what the library calls generic.
        mode: Math.max(0, oneOf(options, "encoder_mode", BROTLI_MODES) - 1),
        windowBits: options.integer("window_bits", 18, 10, 24),
        inputBlockBits: options.has("input_block_bits") ? options.integer("input_block_bits", 24, 16, 24) : 0,
        isLiteralContextModelingDisabled: options.boolean("disable_literal_context_modeling", false),
        chunkBytes: chunkBytes(options),
      }),
    zstd: (options) =>
      zstdEncoder({
        level: options.integer("compression_level", 3, 1, 22),
        strategy: oneOf(options, "strategy", ZSTD_STRATEGIES),
        isChecksumEnabled: options.boolean("enable_checksum", false),
        chunkBytes: chunkBytes(options),
      }),
  });
}

/** @throws ConfigError */
export function parseDecoder(section: Section, key: string): Library<Decoder> {
  return parseLibrary(section, key, DECOMPRESSOR_LIBRARY_MESSAGES, {
    gzip: (options) =>
      gzipDecoder({
        windowBits: options.integer("window_bits", 15, 9, 15),
        maxRatio: options.integer("max_inflate_ratio", DEFAULT_MAX_RATIO, 1, 1032),
        chunkBytes: chunkBytes(options),
      }),
    brotli: (options) =>
      brotliDecoder({
        isRingBufferReallocationDisabled: options.boolean("disable_ring_buffer_reallocation", false),
        chunkBytes: chunkBytes(options),
      }),
    zstd: (options) => zstdDecoder(chunkBytes(options)),
  });
}

interface Makers<Codec> {
  readonly gzip: (options: Section) => Codec;
  readonly brotli: (options: Section) => Codec;
  readonly zstd: (options: Section) => Codec;
}

function parseLibrary<Codec>(
  section: Section,
  key: string,
  messages: Readonly<Record<string, readonly string[]>>,
  makers: Makers<Codec>,
): Library<Codec> {
  const library = section.section(key, ["name", "typed_config"]);
  if (library === null) throw section.wrong(key, "expected the library that does it");
  const name = library.string("name");
  if (name === "") throw library.wrong("name", "expected a name, for the statistics");
  const typed = library.get("typed_config");
  const type = typeName(library, typed);
  const fields = Object.hasOwn(messages, type) ? messages[type] : undefined;
  if (fields === undefined)
    throw new ConfigError(`${type} is no library for this, expected one of ${Object.keys(messages).join(", ")}`, [
      ...library.path,
      "typed_config",
      ANY_TYPE,
    ]);
  const options = new Section(typed, [ANY_TYPE, ...fields], [...library.path, "typed_config"]);
  const kind = type.slice(PACKAGE.length + 1, type.indexOf(".", PACKAGE.length + 1)) as keyof Makers<Codec>;
  return { name, codec: makers[kind](options) };
}

function typeName(library: Section, typed: unknown): string {
  const url = (typed as Readonly<Record<string, unknown>> | undefined | null)?.[ANY_TYPE];
  if (typeof url !== "string")
    throw library.wrong("typed_config", `expected the library's options with their ${ANY_TYPE}`);
  return url.slice(url.lastIndexOf("/") + 1);
}

function chunkBytes(options: Section): number {
  return options.has("chunk_size") ? options.integer("chunk_size", 0, 4096, 65_536) : 0;
}

/** Position of the enum's value in `names`. */
function oneOf(options: Section, key: string, names: readonly string[]): number {
  const at = names.indexOf(options.string(key, names[0]));
  if (at === -1) throw options.wrong(key, `expected one of ${names.join(", ")}`);
  return at;
}

const GZIP_LEVEL_NAMES = [
  "DEFAULT_COMPRESSION",
  "BEST_SPEED",
  "BEST_COMPRESSION",
  ...Array.from({ length: 9 }, (_, i) => `COMPRESSION_LEVEL_${i + 1}`),
];
const GZIP_LEVELS = [-1, 1, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const GZIP_STRATEGIES = ["DEFAULT_STRATEGY", "FILTERED", "HUFFMAN_ONLY", "RLE", "FIXED"];
const BROTLI_MODES = ["DEFAULT", "GENERIC", "TEXT", "FONT"];
const ZSTD_STRATEGIES = [
  "DEFAULT",
  "FAST",
  "DFAST",
  "GREEDY",
  "LAZY",
  "LAZY2",
  "BTLAZY2",
  "BTOPT",
  "BTULTRA",
  "BTULTRA2",
];
