// What becomes of the cases in which the proxy and a strict reader do not agree: all of them, with the reason.

/** Refused though legal. */
export const DECLINED: ReadonlyArray<readonly [names: RegExp, why: string]> = [
  [/that looks alike, edge: /, "the listener refuses names with an underscore"],
  [/^version(?: with a body)?: "HTTP\/1\.0"$|^no host: .* HTTP\/1\.0$/, "HTTP/1.0 is not taken unless configured"],
  [/^target: "https:/, "https on a connection without TLS"],
  [/^target of OPTIONS: "(?:\*|http:\/\/a\.example)"$|^h2 path \* of OPTIONS$/, "no route leads to *"],
  [/^target of CONNECT/, "no route takes a CONNECT"],
  [
    /^target of 70 kB$|^(?:first )?line(?: \w+ a length)?: "(?:x: y{40}|x{40}|(?:x: y\\r\\n){8})/,
    "larger or more than the limits",
  ],
  [
    /^nominated.*: ".*(?:host|content-length|transfer-encoding|connection|x-forwarded-\w+|x-envoy-foo|via|forwarded|:path|j,k,l)\b.*"$/i,
    "Connection names what frames the message, what proxies add, or too much",
  ],
  [/^upgrade.*: "(?!(?:h2c?|H2C|h2c,h2c)")/, "a protocol that the listener does not offer, or a list that is none"],
  [/^host: "\s*"$/, "HTTP/2 has no request without an authority"],
];

/** Not legal as sent, and forwarded without what was not: trailers that are left out (RFC 9110 section 6.5.1). */
export const REPAIRED: readonly string[] = [
  'answer trailer "set-cookie: a=b"',
  'h2 trailer "trailer: content-length"',
  'trailer: "authorization: x"',
  'trailer: "content-encoding: gzip"',
  'trailer: "content-type: x"',
  'trailer: "cookie: a=b"',
  'trailer: "set-cookie: a=b"',
  'trailer: "trailer: x"',
];

/** Where a length beside chunks is allowed, as well: it is dropped, and the connection ends with the message (RFC 9112 section 6.1). */
export const REPAIRED_LENIENTLY =
  /^(?:coding before a length|length before a coding|answer coding behind a length):? "(?:\\t| )*chunked(?:\\t| )*"$/i;
