/** How gRPC is said in HTTP: types, statuses, messages (gRPC over HTTP/2; the mapping of HTTP statuses). */

const TYPE = "application/grpc";
const PLUS = 0x2b;
const SEMICOLON = 0x3b;

/** Whether a `content-type` is gRPC's: `application/grpc`, alone or with a format or parameters. gRPC-Web is another type. */
export function isGrpcType(type: string | undefined): boolean {
  if (type === undefined || !type.startsWith(TYPE)) return false;
  const next = type.charCodeAt(TYPE.length);
  return Number.isNaN(next) || next === PLUS || next === SEMICOLON;
}

/** The gRPC status that stands for an HTTP status which does not come from gRPC; 2 (UNKNOWN) for those that the mapping does not name, 200 among them. */
export function grpcStatusOfHttp(status: number): number {
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

/** Bytes of UTF-8 as a `grpc-message`: what is not printable ASCII, and `%`, in percent-encoding. */
export function grpcMessage(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
