/**
 * Whether a request is traced, as its x-request-id tells it from proxy to proxy: one digit of the UUID. Also the number that makes equal ids be sampled alike.
 * Envoy: UUIDRequestIDExtension.
 */
import { KNOWN } from "../headers/field.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";

export const TraceReason = { none: 0, sampled: 1, client: 2, forced: 3 } as const;
export type TraceReason = (typeof TraceReason)[keyof typeof TraceReason];

/** Index of the digit in the text: the version, which is 4 where nothing is packed into it. */
const AT = 14;
const LENGTH = 36;
/** By reason. */
const DIGITS = ["4", "b", "a", "9"] as const;

export function packedReason(id: string): TraceReason {
  if (id.length !== LENGTH) return TraceReason.none;
  switch (id[AT]) {
    case "9":
      return TraceReason.forced;
    case "a":
      return TraceReason.client;
    case "b":
      return TraceReason.sampled;
    default:
      return TraceReason.none;
  }
}

/** The id with the reason in it; what is no UUID stays as it is. */
export function packReason(id: string, reason: TraceReason): string {
  return id.length === LENGTH ? id.slice(0, AT) + DIGITS[reason] + id.slice(AT + 1) : id;
}

export function traceReasonOf(headers: RequestHeaderMap): TraceReason {
  const id = headers.findKnown(KNOWN.xRequestId);
  return id === null ? TraceReason.none : packedReason(id.value);
}

/** The first eight digits of the request's id as a number; -1 where it has none that is a UUID. */
export function requestIdNumber(headers: RequestHeaderMap): number {
  const id = headers.findKnown(KNOWN.xRequestId);
  return id === null ? -1 : idNumber(id.value);
}

export function idNumber(id: string): number {
  if (id.length !== LENGTH) return -1;
  const first = id.slice(0, 8);
  return /^[0-9a-f]{8}$/i.test(first) ? Number.parseInt(first, 16) : -1;
}
