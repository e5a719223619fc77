/** What filters ask of gRPC in HTTP: who answers, with which status, which method (gRPC over HTTP/2). The words themselves are the sdk's. */
import { type Headers, type ResponseHeaders, isGrpcType } from "@sluice/sdk";

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
