/** Configuration of direct_response: envoy.extensions.filters.network.direct_response.v3.Config. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { type Fields, fieldsOf, refuseUnknown, textOf } from "../shared/fields.ts";

/** Where the bytes come from. They are read when the filter is created, not when its configuration is checked. */
export type ResponseSource =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "environment"; readonly variable: string };

export interface DirectResponseSettings {
  readonly response: ResponseSource;
}

const SOURCES = ["filename", "inline_bytes", "inline_string", "environment_variable"] as const;

export const DIRECT_RESPONSE_MESSAGES = {
  "envoy.extensions.filters.network.direct_response.v3.Config": ["response"],
  "envoy.config.core.v3.DataSource": SOURCES,
} as const;

export const directResponseConfig = parsedBy((value): DirectResponseSettings => {
  const fields = fieldsOf(value);
  refuseUnknown(fields, ["response"]);
  return { response: sourceOf(fieldsOf(fields["response"], ["response"])) };
});

function sourceOf(fields: Fields): ResponseSource {
  const path = ["response"];
  refuseUnknown(fields, SOURCES, path);
  const [source, second] = SOURCES.filter((name) => fields[name] !== undefined && fields[name] !== null);
  if (second !== undefined) throw new ConfigError(`expected only one of ${SOURCES.join(", ")}`, [...path, second]);
  if (source === undefined) return { kind: "bytes", bytes: new Uint8Array(0) };
  const text = textOf(fields, source, path);
  switch (source) {
    case "inline_string":
      return { kind: "bytes", bytes: Buffer.from(text, "utf8") };
    case "inline_bytes":
      return { kind: "bytes", bytes: base64(text, [...path, source]) };
    case "filename":
      if (text === "") throw new ConfigError("expected the path of a file", [...path, source]);
      return { kind: "file", path: text };
    case "environment_variable":
      if (text === "") throw new ConfigError("expected the name of an environment variable", [...path, source]);
      return { kind: "environment", variable: text };
  }
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

function base64(text: string, path: readonly string[]): Uint8Array {
  if (!BASE64.test(text)) throw new ConfigError("expected base64", path);
  return Buffer.from(text, "base64");
}
