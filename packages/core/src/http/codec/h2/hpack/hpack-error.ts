/** What a header block can have wrong. Small integers: the decoder returns them, it never throws. Any of them is a connection error COMPRESSION_ERROR (RFC 9113 section 4.3). */

export const HPACK_ERROR = {
  ok: 0,
  /** The block ends within an integer, a string or a field. */
  truncated: 1,
  /** An integer of more than 31 bits (RFC 7541 section 5.1). */
  integerOverflow: 2,
  /** EOS within a string, padding of 8 bits or more, or padding that is not ones (section 5.2). */
  huffman: 3,
  /** Index 0, or one beyond both tables (sections 2.3.3, 6.1). */
  index: 4,
  /** A size update behind a field, or a third one (section 4.2). */
  sizeUpdatePosition: 5,
  /** A size update above what our SETTINGS allow (section 6.3). */
  sizeUpdateBound: 6,
  /** Our lowered limit was acknowledged, and the block does not begin with an update that obeys it (RFC 9113 section 4.3.1). */
  sizeUpdateMissing: 7,
} as const;

export type HpackError = (typeof HPACK_ERROR)[keyof typeof HPACK_ERROR];
