/**
 * Hot path: docs/extending/hot-path-rules.md. Header fields are immutable (name, value) objects, shared by decoders, header maps and encoders: a field that a
 * codec has seen before costs one look-up instead of a parse, and an encoder can keep what it knows about it on the object itself.
 */

/** Fields that the engine or a codec asks for by number. 0 is any other name. */
export const KNOWN = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  keepAlive: 5,
  proxyConnection: 6,
  upgrade: 7,
  te: 8,
  trailer: 9,
  expect: 10,
  date: 11,
  server: 12,
  xForwardedFor: 13,
  xForwardedProto: 14,
  xRequestId: 15,
  contentType: 16,
  cookie: 17,
  setCookie: 18,
  authorization: 19,
  via: 20,
  proxyAuthorization: 21,
  userAgent: 22,
  xForwardedPort: 23,
  xForwardedHost: 24,
  xForwardedClientCert: 25,
  http2Settings: 26,
  proxyAuthenticate: 27,
  /** Every name that starts with `x-envoy-`. */
  xEnvoy: 28,
} as const;

const NAMES: ReadonlyArray<readonly [string, number]> = [
  ["host", KNOWN.host],
  ["connection", KNOWN.connection],
  ["content-length", KNOWN.contentLength],
  ["transfer-encoding", KNOWN.transferEncoding],
  ["keep-alive", KNOWN.keepAlive],
  ["proxy-connection", KNOWN.proxyConnection],
  ["upgrade", KNOWN.upgrade],
  ["te", KNOWN.te],
  ["trailer", KNOWN.trailer],
  ["expect", KNOWN.expect],
  ["date", KNOWN.date],
  ["server", KNOWN.server],
  ["x-forwarded-for", KNOWN.xForwardedFor],
  ["x-forwarded-proto", KNOWN.xForwardedProto],
  ["x-request-id", KNOWN.xRequestId],
  ["content-type", KNOWN.contentType],
  ["cookie", KNOWN.cookie],
  ["set-cookie", KNOWN.setCookie],
  ["authorization", KNOWN.authorization],
  ["via", KNOWN.via],
  ["proxy-authorization", KNOWN.proxyAuthorization],
  ["user-agent", KNOWN.userAgent],
  ["x-forwarded-port", KNOWN.xForwardedPort],
  ["x-forwarded-host", KNOWN.xForwardedHost],
  ["x-forwarded-client-cert", KNOWN.xForwardedClientCert],
  ["http2-settings", KNOWN.http2Settings],
  ["proxy-authenticate", KNOWN.proxyAuthenticate],
];

const idByName = new Map<string, number>(NAMES);

/** token characters of RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What a field value may not hold: controls but HTAB, and what is not latin1. */
// oxlint-disable-next-line no-control-regex -- these are the bytes that are refused
const ILLEGAL_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export class HeaderField {
  /** Lower-case. */
  readonly name: string;
  readonly value: string;
  /** One of {@link KNOWN}. */
  readonly known: number;
  /** The field as an HTTP/1 line with CRLF; "" until it is asked for the first time. */
  #line: string;

  /** The caller vouches for name and value: {@link field} checks. */
  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.known = idByName.get(name) ?? (name.startsWith("x-envoy-") ? KNOWN.xEnvoy : KNOWN.other);
    this.#line = "";
  }

  line(): string {
    if (this.#line === "") this.#line = `${this.name}: ${this.value}\r\n`;
    return this.#line;
  }
}

/** A name as filters and configurations write it: checked, lower-case, one string object for all spellings; and the field that was set under it last. */
class KnownName {
  readonly lower: string;
  last: HeaderField | null = null;

  constructor(lower: string) {
    this.lower = lower;
  }
}

/** By spelling. Bounded. */
const names = new Map<string, KnownName>();
for (const [name] of NAMES) names.set(name, new KnownName(name));
const MAX_NAMES = 4096;
const MAX_KEPT_VALUE = 64;
const SECRET: ReadonlySet<number> = new Set([
  KNOWN.cookie,
  KNOWN.setCookie,
  KNOWN.authorization,
  KNOWN.proxyAuthorization,
]);

/** @throws TypeError */
function knownName(name: string): KnownName {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (!TOKEN.test(name))
    throw new TypeError(`header name ${JSON.stringify(name)} is not legal: expected a token (RFC 9110 section 5.6.2)`);
  const lower = name.toLowerCase();
  const made = new KnownName(names.get(lower)?.lower ?? lower);
  if (names.size < MAX_NAMES) names.set(name, made);
  return made;
}

/** Lower-case form of a legal name. @throws TypeError */
export function headerName(name: string): string {
  return knownName(name).lower;
}

/** @throws TypeError */
export function headerValue(name: string, value: string): string {
  if (ILLEGAL_VALUE.test(value))
    throw new TypeError(`value of header ${name} is not legal: it has a control character or one above U+00FF`);
  return value.trim();
}

/** A checked field; the same object as last time where the value is, since filters mostly set the same value again. Long values and secrets are not kept. @throws TypeError */
export function field(name: string, value: string): HeaderField {
  const known = knownName(name);
  const { last } = known;
  if (last !== null && last.value === value) return last;
  const made = new HeaderField(known.lower, headerValue(name, value));
  if (value.length <= MAX_KEPT_VALUE && !SECRET.has(made.known)) known.last = made;
  return made;
}
