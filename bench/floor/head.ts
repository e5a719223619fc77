// Hot path. Reads and writes HTTP/1 heads: one latin1 string in, a list of fields, one latin1 string out.
// It knows framing and nothing else: no validation, no limits. That absence is what the floor measures.

export const Framing = { none: 0, length: 1, chunked: 2, close: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** One message head; a connection reuses its own for every message. */
export class Head {
  startLine = "";
  /** Name, value, name, value …; the first `count` entries are of this message. Hop-by-hop fields are left out. */
  readonly fields: string[] = [];
  count = 0;
  framing: Framing = Framing.none;
  contentLength = 0;
  isKeepAlive = true;
}

const SPACE = 32;
const TAB = 9;

/** Reads `text`, which starts with a head that ends at `end` (the index of its empty line). False: not a head. */
export function readHead(head: Head, text: string, end: number): boolean {
  let at = text.indexOf("\r\n");
  head.startLine = text.slice(0, at);
  head.framing = Framing.none;
  head.contentLength = 0;
  head.isKeepAlive = true;
  at += 2;
  const fields = head.fields;
  let count = 0;
  while (at < end) {
    const colon = text.indexOf(":", at);
    const eol = text.indexOf("\r\n", colon);
    if (colon === -1 || eol === -1) return false;
    const name = text.slice(at, colon).toLowerCase();
    let start = colon + 1;
    let stop = eol;
    while (isSpace(text.charCodeAt(start))) start++;
    while (stop > start && isSpace(text.charCodeAt(stop - 1))) stop--;
    const value = text.slice(start, stop);
    at = eol + 2;
    if (isFraming(head, name, value)) continue;
    fields[count] = name;
    fields[count + 1] = value;
    count += 2;
  }
  head.count = count;
  return true;
}

/** Notes what frames the message. True: a hop-by-hop field, which is not forwarded. */
function isFraming(head: Head, name: string, value: string): boolean {
  switch (name.length) {
    case 10:
      if (name === "connection") {
        if (value.toLowerCase() === "close") head.isKeepAlive = false;
        return true;
      }
      return name === "keep-alive";
    case 14:
      if (name === "content-length" && head.framing !== Framing.chunked) {
        head.framing = Framing.length;
        head.contentLength = Number(value);
      }
      return false;
    case 17:
      if (name === "transfer-encoding") head.framing = Framing.chunked;
      return false;
    default:
      return false;
  }
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The head as it goes out, with its empty line. */
export function writeHead(head: Head, isLast: boolean): string {
  const fields = head.fields;
  const count = head.count;
  let text = `${head.startLine}\r\n`;
  for (let i = 0; i < count; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return isLast ? `${text}connection: close\r\n\r\n` : `${text}\r\n`;
}

/** The status code of a response's start line. */
export function statusOf(startLine: string): number {
  return (startLine.charCodeAt(9) - 48) * 100 + (startLine.charCodeAt(10) - 48) * 10 + (startLine.charCodeAt(11) - 48);
}

/** Where the head that `text` starts with ends (the index of the CRLF before its empty line, plus 2), or -1. */
export function endOfHead(text: string): number {
  const end = text.indexOf("\r\n\r\n");
  return end === -1 ? -1 : end + 2;
}
