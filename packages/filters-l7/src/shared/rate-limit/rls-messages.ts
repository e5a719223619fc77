/**
 * The messages of Envoy's rate limit service (envoy.service.ratelimit.v3, rls.proto) as bytes: requests are written, answers read. Filters depend on no library
 * of protobuf. Left out of answers: quotas.
 */
import { Malformed, ProtoReader, ProtoWriter } from "../proto-wire.ts";
import { parseProtobufStruct } from "./proto-struct.ts";
import type { RateLimitDescriptor, RateLimitUnit } from "./descriptors.ts";

export interface RateLimitRequest {
  readonly domain: string;
  readonly descriptors: readonly RateLimitDescriptor[];
  /** Hits that it counts as; 0: the service's default, 1. */
  readonly hitsAddend: number;
}

export interface HeaderValue {
  readonly name: string;
  /** latin1, as header maps have it. */
  readonly value: string;
}

/** The limit of one descriptor; null: it has none. */
export interface LimitStatus {
  readonly requestsPerUnit: number;
  readonly windowSeconds: number;
  readonly name: string;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export interface RateLimitAnswer {
  readonly isOverLimit: boolean;
  readonly limits: readonly LimitStatus[];
  readonly responseHeaders: readonly HeaderValue[];
  readonly requestHeaders: readonly HeaderValue[];
  readonly body: Uint8Array;
  /** null: none. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** type.v3.RateLimitUnit, by which overrides are written. */
const UNITS: Readonly<Record<RateLimitUnit, number>> = { SECOND: 1, MINUTE: 2, HOUR: 3, DAY: 4, MONTH: 5, YEAR: 6 };

/** RateLimitResponse.RateLimit.Unit by number; 0: no window. */
const WINDOWS: readonly number[] = [0, 1, 60, 3600, 86_400, 2_592_000, 31_536_000, 604_800];

export const RATE_LIMIT_METHOD = {
  path: "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
  serialize: writeRequest,
  deserialize: readAnswer,
} as const;

export function writeRequest({ domain, descriptors, hitsAddend }: RateLimitRequest): Uint8Array {
  const writer = new ProtoWriter();
  writer.text(1, domain);
  for (const descriptor of descriptors) writer.message(2, writeDescriptor(descriptor));
  if (hitsAddend > 0) writer.number(3, hitsAddend);
  return writer.finish();
}

function writeDescriptor({ entries, limit }: RateLimitDescriptor): Uint8Array {
  const writer = new ProtoWriter();
  for (const { key, value } of entries) {
    const entry = new ProtoWriter();
    entry.text(1, key);
    entry.text(2, value);
    writer.message(1, entry.finish());
  }
  if (limit !== null) {
    const override = new ProtoWriter();
    override.number(1, limit.requestsPerUnit);
    override.number(2, UNITS[limit.unit]);
    writer.message(2, override.finish());
  }
  return writer.finish();
}

/** @throws Malformed where the bytes are no such message, or say neither OK nor OVER_LIMIT. */
export function readAnswer(bytes: Uint8Array): RateLimitAnswer {
  const reader = new ProtoReader(bytes);
  const limits: LimitStatus[] = [];
  const responseHeaders: HeaderValue[] = [];
  const requestHeaders: HeaderValue[] = [];
  let code = 0;
  let body: Uint8Array = new Uint8Array(0);
  let metadata: Readonly<Record<string, unknown>> | null = null;
  while (reader.next()) {
    if (reader.field === 1) code = reader.number();
    else if (reader.field === 2) {
      const limit = readStatus(reader.bytes());
      if (limit !== null) limits.push(limit);
    } else if (reader.field === 3) responseHeaders.push(readHeader(reader.bytes()));
    else if (reader.field === 4) requestHeaders.push(readHeader(reader.bytes()));
    else if (reader.field === 5) body = reader.bytes().slice();
    else if (reader.field === 6) metadata = parseProtobufStruct(reader.bytes());
    else reader.skip();
  }
  if (code !== 1 && code !== 2) throw new Malformed(`the code ${code} is neither OK nor OVER_LIMIT`);
  return { isOverLimit: code === 2, limits, responseHeaders, requestHeaders, body, metadata };
}

function readStatus(bytes: Uint8Array): LimitStatus | null {
  const reader = new ProtoReader(bytes);
  let limit: Pick<LimitStatus, "requestsPerUnit" | "windowSeconds" | "name"> | null = null;
  let remaining = 0;
  let resetSeconds = 0;
  while (reader.next()) {
    if (reader.field === 2) limit = readLimit(reader.bytes());
    else if (reader.field === 3) remaining = reader.number();
    else if (reader.field === 4) resetSeconds = readSeconds(reader.bytes());
    else reader.skip();
  }
  return limit === null ? null : { ...limit, remaining, resetSeconds };
}

function readLimit(bytes: Uint8Array): Pick<LimitStatus, "requestsPerUnit" | "windowSeconds" | "name"> {
  const reader = new ProtoReader(bytes);
  let requestsPerUnit = 0;
  let unit = 0;
  let name = "";
  while (reader.next()) {
    if (reader.field === 1) requestsPerUnit = reader.number();
    else if (reader.field === 2) unit = reader.number();
    else if (reader.field === 3) name = reader.text();
    else reader.skip();
  }
  return { requestsPerUnit, windowSeconds: WINDOWS[unit] ?? 0, name };
}

/** Of a Duration, whole. */
function readSeconds(bytes: Uint8Array): number {
  const reader = new ProtoReader(bytes);
  let seconds = 0;
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.number();
    else reader.skip();
  }
  return seconds;
}

function readHeader(bytes: Uint8Array): HeaderValue {
  const reader = new ProtoReader(bytes);
  let name = "";
  let value = "";
  while (reader.next()) {
    if (reader.field === 1) name = reader.text().toLowerCase();
    else if (reader.field === 2 || reader.field === 3) {
      const raw = reader.bytes();
      if (raw.length > 0) value = Buffer.from(raw).toString("latin1");
    } else reader.skip();
  }
  return { name, value };
}
