/** Configuration of the buffer filter: envoy.extensions.filters.http.buffer.v3.Buffer and BufferPerRoute. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface BufferSettings {
  /** The request is answered 413 beyond so many bytes of body. */
  readonly maxRequestBytes: number;
}

export interface BufferRouteSettings {
  /** null: the filter is off on this route. */
  readonly override: BufferSettings | null;
}

export const BUFFER_MESSAGES = {
  "envoy.extensions.filters.http.buffer.v3.Buffer": ["max_request_bytes"],
  "envoy.extensions.filters.http.buffer.v3.BufferPerRoute": ["disabled", "buffer"],
} as const;

function parse(section: Section): BufferSettings {
  if (!section.has("max_request_bytes"))
    throw section.wrong("max_request_bytes", "expected the number of bytes up to which requests are buffered");
  return { maxRequestBytes: section.integer("max_request_bytes", 0, 1) };
}

export const bufferConfig = parsedBy((value): BufferSettings => parse(new Section(value, ["max_request_bytes"])));

export const bufferRouteConfig = parsedBy((value): BufferRouteSettings => {
  const section = new Section(value, ["disabled", "buffer"]);
  const buffer = section.section("buffer", ["max_request_bytes"]);
  if (buffer !== null) {
    if (section.has("disabled")) throw section.wrong("disabled", "disabled and buffer are both set");
    return { override: parse(buffer) };
  }
  if (!section.boolean("disabled", false)) throw new ConfigError("expected disabled: true, or buffer");
  return { override: null };
});
