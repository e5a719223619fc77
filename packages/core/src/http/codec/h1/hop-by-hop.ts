/**
 * Which names a `Connection` field may not strip, and which may not come as trailers. Stripping by nomination happens while a message is read, before
 * anything of our own is added; so that an attacker can take away neither what an earlier proxy added nor what frames the message.
 */

/** Nominated, they mean an attack on the next hop: the message is refused (Envoy: `sanitizeConnectionHeader`). */
const REFUSED = new Set(["host", "content-length", "transfer-encoding", "connection", "forwarded", "via", "x-real-ip"]);

/** Fields for every recipient, or another hop's business: the option is ignored and the field stays (RFC 9110 section 7.6.1). */
const IGNORED = new Set([
  "te",
  "trailer",
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
  "content-type",
  "content-encoding",
  "content-range",
  "date",
  "expect",
  "origin",
  "range",
  "vary",
  "www-authenticate",
  "x-request-id",
]);

export function isNominationRefused(option: string): boolean {
  return (
    REFUSED.has(option) || option.startsWith("x-forwarded-") || option.startsWith("x-envoy-") || option.startsWith(":")
  );
}

export function isNominationIgnored(option: string): boolean {
  return IGNORED.has(option);
}

/** RFC 9110 section 6.5.1: routing, request modifiers, authentication, content format; and what trusted proxies add. */
const FORBIDDEN_IN_TRAILERS = new Set([
  "http2-settings",
  "trailer",
  "cache-control",
  "expect",
  "max-forwards",
  "pragma",
  "range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "authorization",
  "proxy-authorization",
  "proxy-authenticate",
  "www-authenticate",
  "cookie",
  "set-cookie",
  "age",
  "date",
  "expires",
  "location",
  "retry-after",
  "vary",
  "content-encoding",
  "content-type",
  "content-range",
  "forwarded",
  "via",
  "x-real-ip",
  "x-request-id",
]);

export function isForbiddenInTrailers(name: string): boolean {
  return FORBIDDEN_IN_TRAILERS.has(name) || name.startsWith("x-forwarded-") || name.startsWith("x-envoy-");
}
