/** What gRPC looks like in HTTP: content types, statuses, messages, paths (gRPC over HTTP/2; HTTP to gRPC status code mapping). */
import type { Headers, ResponseHeaders } from "@sluice/sdk";

const GRPC = "application/grpc";

/** `application/grpc`, alone or with a subtype or parameters. gRPC-Web is another type. */
export function isGrpcType(type: string | undefined): boolean {
  if (type === undefined || !type.startsWith(GRPC)) return false;
  const next = type.charCodeAt(GRPC.length);
  return Number.isNaN(next) || next === 0x2b || next === 0x3b;
}

/** Whether gRPC answers. `end`: nothing follows the headers, which then carry the status ("trailers-only"). */
export function isGrpcResponse(headers: ResponseHeaders, end: boolean): boolean {
  if (end) return headers.has("grpc-status");
  return headers.status === 200 && isGrpcType(headers.get("content-type"));
}

/** The value of `grpc-status`; -1 where there is none, or where it is none of the known ones. */
export function knownStatus(headers: Headers): number {
  const value = headers.get("grpc-status");
  if (value === undefined || value.length > 2 || !/^(?:0|[1-9][0-9]?)$/.test(value)) return -1;
  const status = Number(value);
  return status <= 16 ? status : -1;
}

/** The status of an answer that is not gRPC's. */
export function statusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Percent-encoding of a `grpc-message`: what is not printable ASCII, and `%`. */
export function messageOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return text.replace(
    /[^\x20-\x24\x26-\x7e]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

export interface GrpcMethodName {
  readonly service: string;
  readonly method: string;
}

/** Path without query. */
export function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at === -1 ? path : path.slice(0, at);
}

/** `/package.Service/Method`, and nothing else. */
export function isMethodPath(path: string): boolean {
  const slash = path.indexOf("/", 1);
  return path.charCodeAt(0) === 0x2f && slash > 1 && slash < path.length - 1 && path.indexOf("/", slash + 1) === -1;
}

/** Of a path for which {@link isMethodPath} holds. */
export function methodOf(path: string): GrpcMethodName {
  const slash = path.indexOf("/", 1);
  return { service: path.slice(1, slash), method: path.slice(slash + 1) };
}
