// A reader of HTTP/1 that takes RFC 9112 at its word and shares nothing with the proxy's codec: what it accepts, every careful reader takes for the same message.
// It judges what reached an origin or a client, and says what the bytes that were sent mean. Latin1 text in, one character a byte.

export type Pair = readonly [name: string, value: string];

export interface Message {
  readonly startLine: string;
  readonly fields: readonly Pair[];
  readonly body: string;
  readonly trailers: readonly Pair[];
  /** It ends where the connection does. */
  readonly untilClose: boolean;
}

export type Reading =
  | { readonly kind: "whole"; readonly message: Message; readonly size: number }
  | { readonly kind: "partial" }
  | { readonly kind: "illegal"; readonly why: string };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ILLEGAL_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const PATH_CHARACTERS = /^[\x21\x22\x24-\x7e]+$/;
const HOST =
  /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\]|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\])(?::[0-9]*)?$/;
/** RFC 9110 section 6.5.1, as far as another reader might obey them. */
const NEVER_TRAILERS = new Set([
  "content-length",
  "transfer-encoding",
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "te",
  "trailer",
  "authorization",
  "content-type",
  "content-encoding",
  "cookie",
  "set-cookie",
]);

class Illegal extends Error {}

function refuse(why: string): never {
  throw new Illegal(why);
}

/** What `read` finds, its refusals as values. */
function reading(read: () => Reading): Reading {
  try {
    return read();
  } catch (error) {
    if (error instanceof Illegal) return { kind: "illegal", why: error.message };
    throw error;
  }
}

export function valuesOf(fields: readonly Pair[], name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** A legal host with an optional port, or nothing. */
export function isHost(text: string): boolean {
  if (!HOST.test(text) || text.startsWith(":")) return false;
  const port = /:([0-9]*)$/.exec(text.replace(/^\[.*\]/, ""))?.[1] ?? "";
  return Number(port) <= 65_535;
}

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** No control but HTAB, and no blank at either end. */
export function isValue(text: string): boolean {
  return !ILLEGAL_IN_VALUE.test(text) && text === text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** origin-form, absolute-form, authority-form or asterisk-form, as the method asks for. */
export function isTarget(method: string, target: string): boolean {
  if (!PATH_CHARACTERS.test(target)) return false;
  if (method === "CONNECT") return isHost(target) && /[^:]:[0-9]+$/.test(target);
  if (target.startsWith("/")) return true;
  if (target === "*") return method === "OPTIONS";
  const authority = /^https?:\/\/([^/?]+)/i.exec(target)?.[1];
  return authority !== undefined && isHost(authority);
}

/** The lines of a section from `at` on; null while its empty line has not come. */
function section(bytes: string, at: number): { lines: string[]; next: number } | null {
  const lines: string[] = [];
  let from = at;
  for (;;) {
    const stray = /\r(?!\n|$)|(?<!\r)\n/.exec(bytes.slice(from, nextLine(bytes, from)));
    if (stray !== null) refuse("a bare CR or LF in a head");
    const stop = bytes.indexOf("\r\n", from);
    if (stop === -1) return null;
    if (stop === from) return { lines, next: stop + 2 };
    lines.push(bytes.slice(from, stop));
    from = stop + 2;
  }
}

function nextLine(bytes: string, from: number): number {
  const stop = bytes.indexOf("\r\n", from);
  return stop === -1 ? bytes.length : stop + 2;
}

function fieldOf(line: string): Pair {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) refuse(`a line that is no field: ${JSON.stringify(line)}`);
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (ILLEGAL_IN_VALUE.test(value)) refuse(`a control in the value of ${name}`);
  return [name, value];
}

/** -1: chunked, -2: nothing says it, else how many bytes. */
function framing(fields: readonly Pair[]): number {
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) refuse("a length and a coding");
    if (codings.length > 1 || codings[0]!.toLowerCase() !== "chunked") refuse(`the codings ${JSON.stringify(codings)}`);
    return -1;
  }
  if (lengths.length === 0) return -2;
  const length = Number(lengths[0]);
  if (lengths.length > 1 || !/^[0-9]+$/.test(lengths[0]!) || !Number.isSafeInteger(length)) {
    refuse(`the lengths ${JSON.stringify(lengths)}`);
  }
  return length;
}

/** The rest of a message; `length` as {@link framing} has it, 0 where there is no body. */
function finish(bytes: string, at: number, startLine: string, fields: readonly Pair[], length: number): Reading {
  if (length >= 0) {
    const size = at + length;
    if (bytes.length < size) return { kind: "partial" };
    return { kind: "whole", message: message(startLine, fields, bytes.slice(at, size)), size };
  }
  let body = "";
  let from = at;
  for (;;) {
    const line =
      /^([0-9A-Fa-f]{1,16})((?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"))?)*)\r\n/.exec(
        bytes.slice(from, from + 8192),
      );
    if (line === null) {
      const rest = bytes.slice(from);
      if (
        rest.length > 8000 ||
        rest.includes("\n") ||
        !/^(?:[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?$/.test(rest)
      )
        refuse("a chunk's size");
      return { kind: "partial" };
    }
    const size = Number.parseInt(line[1]!, 16);
    if (!Number.isSafeInteger(size)) refuse("a chunk's size that overflows");
    from += line[0].length;
    if (size === 0) break;
    const end = bytes.slice(from + size, from + size + 2);
    if (!"\r\n".startsWith(end)) refuse("a chunk that does not end where it should");
    if (end.length < 2) return { kind: "partial" };
    body += bytes.slice(from, from + size);
    from += size + 2;
  }
  const trailer = section(bytes, from);
  if (trailer === null) return { kind: "partial" };
  const trailers = trailer.lines.map(fieldOf);
  for (const [name] of trailers) if (NEVER_TRAILERS.has(name.toLowerCase())) refuse(`the trailer ${name}`);
  return { kind: "whole", message: message(startLine, fields, body, trailers), size: trailer.next };
}

function message(
  startLine: string,
  fields: readonly Pair[],
  body: string,
  trailers: readonly Pair[] = [],
  untilClose = false,
): Message {
  return { startLine, fields, body, trailers, untilClose };
}

/** The first request of `bytes`. An empty line in front of it belongs to it (RFC 9112 section 2.2). */
export function readRequest(bytes: string, allowsBlank = false): Reading {
  return reading(() => {
    const start = allowsBlank && bytes.startsWith("\r\n") ? 2 : 0;
    const head = section(bytes, start);
    if (head === null) return { kind: "partial" };
    const [startLine = "", ...lines] = head.lines;
    const [, method = "", target = "", version = ""] = /^(\S+) (\S+) HTTP\/1\.([01])$/.exec(startLine) ?? [];
    if (!TOKEN.test(method) || !isTarget(method, target)) refuse(`the request line ${JSON.stringify(startLine)}`);
    const fields = lines.map(fieldOf);
    const hosts = valuesOf(fields, "host");
    if (hosts.length > 1 || (hosts.length === 0 && version === "1")) refuse(`${hosts.length} hosts`);
    if (hosts.length === 1 && !isHost(hosts[0]!)) refuse(`the host ${JSON.stringify(hosts[0])}`);
    const length = framing(fields);
    if (length === -1 && version === "0") refuse("a coding in HTTP/1.0");
    if (method === "CONNECT" && length !== -2 && length !== 0) refuse("a CONNECT with a body");
    return finish(bytes, head.next, startLine, fields, length === -2 ? 0 : length);
  });
}

/** The first response of `bytes`, to a request of this method. `closed`: no more will come. */
export function readResponse(bytes: string, method: string, closed: boolean): Reading {
  return reading(() => {
    const head = section(bytes, 0);
    if (head === null) return { kind: "partial" };
    const [startLine = "", ...lines] = head.lines;
    const [, version = "", code = "", reason = ""] =
      /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: (.*))?$/.exec(startLine) ?? [];
    if (code === "" || ILLEGAL_IN_VALUE.test(reason)) refuse(`the status line ${JSON.stringify(startLine)}`);
    const status = Number(code);
    const fields = lines.map(fieldOf);
    const length = framing(fields);
    const isBodiless = status < 200 || status === 204;
    if (isBodiless && (length === -1 || length > 0)) refuse(`a ${status} with a length or a coding`);
    if (length === -1 && version === "0") refuse("a coding in HTTP/1.0");
    if (isBodiless || status === 304 || method === "HEAD") return finish(bytes, head.next, startLine, fields, 0);
    if (length !== -2) return finish(bytes, head.next, startLine, fields, length);
    if (!closed) return { kind: "partial" };
    return {
      kind: "whole",
      message: message(startLine, fields, bytes.slice(head.next), [], true),
      size: bytes.length,
    };
  });
}

/** All messages of `bytes`, as far as they are legal; `why` is "" where all of it is, "partial" where the last one is not whole. */
export function readAll(bytes: string, read: (rest: string) => Reading): { messages: Message[]; why: string } {
  const messages: Message[] = [];
  let rest = bytes;
  while (rest !== "") {
    const next = read(rest);
    if (next.kind === "partial") return { messages, why: "partial" };
    if (next.kind === "illegal") return { messages, why: next.why };
    messages.push(next.message);
    rest = rest.slice(next.size);
  }
  return { messages, why: "" };
}
