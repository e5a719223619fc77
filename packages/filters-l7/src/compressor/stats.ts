/** Counters under Envoy's names: `http.<stat prefix>.compressor.<library's name>.<coding>.*`. */
import type { Counter, FilterContext } from "@sluice/sdk";
import type { CompressorSettings } from "./config.ts";

export class DirectionStats {
  readonly compressed: Counter;
  readonly notCompressed: Counter;
  readonly uncompressedBytes: Counter;
  readonly compressedBytes: Counter;
  readonly tooSmall: Counter;

  constructor({ rootStats }: FilterContext, prefix: string) {
    this.compressed = rootStats.counter(`${prefix}compressed`);
    this.notCompressed = rootStats.counter(`${prefix}not_compressed`);
    this.uncompressedBytes = rootStats.counter(`${prefix}total_uncompressed_bytes`);
    this.compressedBytes = rootStats.counter(`${prefix}total_compressed_bytes`);
    this.tooSmall = rootStats.counter(`${prefix}content_length_too_small`);
  }
}

export class CompressorStats {
  /** null: requests are never compressed. */
  readonly request: DirectionStats | null;
  readonly response: DirectionStats;
  /** What the client's `accept-encoding` led to. */
  readonly noAcceptHeader: Counter;
  readonly used: Counter;
  readonly overshadowed: Counter;
  readonly identity: Counter;
  readonly wildcard: Counter;
  readonly notValid: Counter;
  readonly notCompressedEtag: Counter;

  constructor(context: FilterContext, { library, request, response }: CompressorSettings) {
    const prefix = `http.${context.statPrefix}.compressor.${library.name}.${library.codec.statWord}.`;
    const { rootStats } = context;
    this.request = request === null ? null : new DirectionStats(context, `${prefix}request.`);
    this.response = new DirectionStats(context, prefix + response.statWord);
    this.noAcceptHeader = rootStats.counter(`${prefix}no_accept_header`);
    this.used = rootStats.counter(`${prefix}header_compressor_used`);
    this.overshadowed = rootStats.counter(`${prefix}header_compressor_overshadowed`);
    this.identity = rootStats.counter(`${prefix}header_identity`);
    this.wildcard = rootStats.counter(`${prefix}header_wildcard`);
    this.notValid = rootStats.counter(`${prefix}header_not_valid`);
    this.notCompressedEtag = rootStats.counter(`${prefix}not_compressed_etag`);
  }
}
