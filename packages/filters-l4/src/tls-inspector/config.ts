/** Configuration of tls_inspector: envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { countOf, fieldsOf, refuseUnknown } from "../shared/fields.ts";

export interface TlsInspectorSettings {
  /** How many bytes it looks at first; twice as many each time that these are not enough. */
  readonly initialPeekBytes: number;
}

/** Envoy: TLS_MAX_CLIENT_HELLO. */
export const LARGEST_CLIENT_HELLO = 65_536;
const FIELDS = ["initial_read_buffer_size"] as const;

export const TLS_INSPECTOR_MESSAGES = {
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": FIELDS,
} as const;

export const tlsInspectorConfig = parsedBy((value): TlsInspectorSettings => {
  const fields = fieldsOf(value);
  refuseUnknown(fields, FIELDS);
  const [key] = FIELDS;
  const initialPeekBytes = countOf(fields, key) ?? LARGEST_CLIENT_HELLO;
  if (initialPeekBytes < 256 || initialPeekBytes > LARGEST_CLIENT_HELLO)
    throw new ConfigError(`expected a whole number from 256 to ${LARGEST_CLIENT_HELLO}`, [key]);
  return { initialPeekBytes };
});
