/**
 * Which fields the encoder puts into its table. As nghttp2 (which Envoy's older codec is) decides for the names it lists, with names that never come twice added; a
 * proxy's upstream connection carries many clients, so what varies must prove itself before it may drive out what repeats.
 */
import { KNOWN } from "../../../headers/field.ts";
import { STATIC_FIELDS } from "./static-table.ts";

export const INDEXING = {
  /** Enters at once, unless the name's last value there was of no use. */
  ordinary: 0,
  /** Enters at its second sight, while few such entries wait for their first use. */
  varying: 1,
  /** The value never enters; a name that the static table lacks does, with one value. */
  plain: 2,
  /** Never enters, and is marked so that no later hop may put it into its own (RFC 7541 section 7.1.3). */
  never: 3,
} as const;

export type Indexing = (typeof INDEXING)[keyof typeof INDEXING];

/** A shorter cookie could be guessed bit by bit (nghttp2's bound). */
export const SHORT_COOKIE = 20;

export class NamePolicy {
  /** First index of the name in the static table; 0 where it has none. */
  readonly staticIndex: number;
  readonly indexing: Indexing;

  constructor(staticIndex: number, indexing: Indexing) {
    this.staticIndex = staticIndex;
    this.indexing = indexing;
  }
}

const VARYING = [
  ":path",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "last-modified",
  "link",
  "location",
  "range",
  "referer",
  "x-forwarded-for",
  "x-envoy-external-address",
  "x-real-ip",
];
const PLAIN = [
  "age",
  "content-length",
  "content-range",
  "etag",
  "set-cookie",
  "b3",
  "grpc-message",
  "grpc-timeout",
  "traceparent",
  "x-amzn-trace-id",
  "x-b3-parentspanid",
  "x-b3-spanid",
  "x-b3-traceid",
  "x-correlation-id",
  "x-envoy-upstream-service-time",
  "x-request-id",
];
const NEVER = ["authorization", "proxy-authorization"];

const policies = new Map<string, NamePolicy>();
for (let index = STATIC_FIELDS.length - 1; index > 0; index--) {
  const { name } = STATIC_FIELDS[index]!;
  policies.set(name, new NamePolicy(index, INDEXING.ordinary));
}
for (const [names, indexing] of [
  [VARYING, INDEXING.varying],
  [PLAIN, INDEXING.plain],
  [NEVER, INDEXING.never],
] as const) {
  for (const name of names) policies.set(name, new NamePolicy(policies.get(name)?.staticIndex ?? 0, indexing));
}

const OTHER = new NamePolicy(0, INDEXING.ordinary);

export function namePolicy(name: string): NamePolicy {
  return policies.get(name) ?? OTHER;
}

/** By number in KNOWN: fields whose value is in no table for sure, so that none need be asked. */
export const IS_NEVER_FOUND: Uint8Array = new Uint8Array(64);
for (const known of [
  KNOWN.contentLength,
  KNOWN.setCookie,
  KNOWN.authorization,
  KNOWN.proxyAuthorization,
  KNOWN.xRequestId,
])
  IS_NEVER_FOUND[known] = 1;
