// Reads whole HTTP/1 messages out of bytes, for raw clients and raw origins. On purpose not the proxy's codec: small, slow, and without opinions.

export interface HttpMessage {
  /** As in `HTTP/1.1 200 OK` or `GET / HTTP/1.1`. */
  readonly startLine: string;
  /** As they came, names in their case. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
  readonly trailers: ReadonlyArray<readonly [name: string, value: string]>;
  /** Everything up to the empty line, without it. */
  readonly head: string;
}

/** What is known of the body besides its headers. */
export type BodyRule = "framed" | "none" | "until-close";

export interface TakenMessage {
  readonly message: HttpMessage;
  readonly size: number;
}

/** The first message of `bytes`; null while it is not whole. `closed`: no more will come. */
export function takeMessage(bytes: Buffer, rule: BodyRule, closed: boolean): TakenMessage | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = bytes.toString("latin1", 0, headEnd);
  const [startLine = "", ...lines] = head.split("\r\n");
  const headers = lines.map(field);
  const start = headEnd + 4;
  const done = (body: Buffer, size: number, trailers: HttpMessage["trailers"] = []): TakenMessage => ({
    message: { startLine, headers, body, trailers, head },
    size,
  });
  if (rule === "none" || /^HTTP\/1\.[01] (1\d\d|204|304)/.test(startLine)) return done(Buffer.alloc(0), start);
  const length = header({ headers }, "content-length");
  if (header({ headers }, "transfer-encoding") === "chunked") return takeChunked(bytes, start, done);
  if (length !== undefined) {
    const end = start + Number(length);
    return bytes.length < end ? null : done(bytes.subarray(start, end), end);
  }
  if (rule === "until-close" || startLine.startsWith("HTTP/"))
    return closed ? done(bytes.subarray(start), bytes.length) : null;
  return done(Buffer.alloc(0), start);
}

/** The first value of a header, whatever its case. */
export function header(message: Pick<HttpMessage, "headers">, name: string): string | undefined {
  return message.headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

export function statusOf(message: HttpMessage): number {
  return Number(message.startLine.split(" ")[1]);
}

function takeChunked(
  bytes: Buffer,
  start: number,
  done: (body: Buffer, size: number, trailers: HttpMessage["trailers"]) => TakenMessage,
): TakenMessage | null {
  const chunks: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return null;
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  const trailers: [string, string][] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const line = bytes.toString("latin1", at, lineEnd);
    at = lineEnd + 2;
    if (line === "") return done(Buffer.concat(chunks), at, trailers);
    trailers.push(field(line));
  }
}

function field(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
