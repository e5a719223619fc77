/** Copies a configuration without its secrets: what Envoy marks as sensitive, and what extensions name like a secret. */
import type { Json } from "../../config/model.ts";

const secret =
  /^(?:private_?key|password|passphrase|secret|keys|client_?secret|token_?secret|hmac_?secret|api_?key|session_ticket_keys)$/i;
const REDACTED = "[redacted]";

export function redact(value: Json): Json {
  if (Array.isArray(value)) return value.map(redact);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secret.test(key) ? blank(inner) : redact(inner)]),
  );
}

/** Keeps the shape, so that it shows what kind of source was given; bytes stay base64. */
function blank(value: Json, key = ""): Json {
  if (typeof value === "string") return key === "inline_bytes" ? Buffer.from(REDACTED).toString("base64") : REDACTED;
  if (Array.isArray(value)) return value.map((inner) => blank(inner));
  if (value === null || typeof value !== "object") return value === null ? null : REDACTED;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, blank(inner, name)]));
}
