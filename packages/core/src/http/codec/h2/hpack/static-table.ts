/** The static table of RFC 7541 appendix A as ready fields. */
import { HeaderField } from "../../../headers/field.ts";

const TABLE: ReadonlyArray<readonly [string, string?]> = [
  [":authority"],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language"],
  ["accept-ranges"],
  ["accept"],
  ["access-control-allow-origin"],
  ["age"],
  ["allow"],
  ["authorization"],
  ["cache-control"],
  ["content-disposition"],
  ["content-encoding"],
  ["content-language"],
  ["content-length"],
  ["content-location"],
  ["content-range"],
  ["content-type"],
  ["cookie"],
  ["date"],
  ["etag"],
  ["expect"],
  ["expires"],
  ["from"],
  ["host"],
  ["if-match"],
  ["if-modified-since"],
  ["if-none-match"],
  ["if-range"],
  ["if-unmodified-since"],
  ["last-modified"],
  ["link"],
  ["location"],
  ["max-forwards"],
  ["proxy-authenticate"],
  ["proxy-authorization"],
  ["range"],
  ["referer"],
  ["refresh"],
  ["retry-after"],
  ["server"],
  ["set-cookie"],
  ["strict-transport-security"],
  ["transfer-encoding"],
  ["user-agent"],
  ["vary"],
  ["via"],
  ["www-authenticate"],
];

/** Entries of the static table; the dynamic one begins behind them. */
export const STATIC_SIZE = 61;

/** By index; 0 stands for none. */
export const STATIC_FIELDS: readonly HeaderField[] = [
  new HeaderField("", ""),
  ...TABLE.map(([name, value]) => new HeaderField(name, value ?? "")),
];

/** What RFC 7541 section 4.1 adds to an entry's octets. */
export const ENTRY_OVERHEAD = 32;
export const DEFAULT_TABLE_BYTES = 4096;
