/** Hot path: docs/extending/hot-path-rules.md. Header maps as HEADERS frames: pseudo-headers first, and nothing that belongs to one connection (RFC 9113 section 8.2.2). */
import { type HeaderField, KNOWN } from "../../headers/field.ts";
import type { HeaderMap, RequestHeaderMap } from "../../headers/header-map.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { ByteSink } from "./hpack/byte-sink.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";

/** Numbers in KNOWN up to this one are fields of one hop, `host` and `content-length`. */
const LAST_OWN = KNOWN.te;

/** `keepsLength`: `content-length` goes out, once, however many of them a filter made. */
export function encodeResponse(
  writer: FrameWriter,
  encoder: HpackEncoder,
  streamId: number,
  status: number,
  headers: HeaderMap,
  keepsLength: boolean,
  end: boolean,
): void {
  const out = writer.beginBlock();
  const start = out.length;
  encoder.begin(out);
  encoder.status(status, out);
  encodeFields(encoder, out, headers.fields, keepsLength);
  writer.endBlock(streamId, start, end);
}

/** `upgrade` non-empty: as an extended CONNECT (RFC 8441). */
export function encodeRequest(
  writer: FrameWriter,
  encoder: HpackEncoder,
  streamId: number,
  headers: RequestHeaderMap,
  end: boolean,
): void {
  const { method, path, authority, scheme, upgrade } = headers;
  const out = writer.beginBlock();
  const start = out.length;
  encoder.begin(out);
  encoder.method(upgrade === "" ? method : "CONNECT", out);
  if (upgrade !== "") encoder.pair(":protocol", upgrade, out);
  if (upgrade !== "" || method !== "CONNECT") {
    encoder.scheme(scheme, out);
    encoder.path(path === "" ? "/" : path, out);
  }
  encoder.authority(authority, out);
  encodeFields(encoder, out, headers.fields, upgrade === "" && method !== "CONNECT");
  writer.endBlock(streamId, start, end);
}

export function encodeTrailers(
  writer: FrameWriter,
  encoder: HpackEncoder,
  streamId: number,
  trailers: HeaderMap,
): void {
  const out = writer.beginBlock();
  const start = out.length;
  encoder.begin(out);
  encodeFields(encoder, out, trailers.fields, false);
  writer.endBlock(streamId, start, true);
}

function encodeFields(
  encoder: HpackEncoder,
  out: ByteSink,
  fields: readonly HeaderField[],
  keepsLength: boolean,
): void {
  let isLengthDue = keepsLength;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    const { known } = field;
    if (known === KNOWN.other || (known > LAST_OWN && known !== KNOWN.http2Settings)) {
      encoder.field(field, out);
    } else if (known === KNOWN.contentLength) {
      if (!isLengthDue) continue;
      isLengthDue = false;
      encoder.field(field, out);
    } else if (known === KNOWN.te && field.value === "trailers") {
      encoder.field(field, out);
    }
  }
}
