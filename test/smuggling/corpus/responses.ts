// Origins that lie: what their responses must not become for the client of another request, over HTTP/1 and over HTTP/2.
import { CASE } from "../support/seen.ts";
import type { Pair } from "../support/strict-http1.ts";
import type { Http2Message } from "../support/strict-http2.ts";
import { LINE_ENDS, shown } from "./http1.ts";

export interface ResponseCase {
  readonly name: string;
  readonly method: "GET" | "HEAD";
  readonly bytes: string;
  readonly ends: boolean;
}

const ORIGIN = `x-origin: ${CASE}:main\r\n`;
const SMUGGLED = `HTTP/1.1 200 OK\r\nx-origin: ${CASE}:smuggled\r\ncontent-length: 3\r\n\r\nbad`;
const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";

const STATUS_LINES =
  "HTTP/1.1 200 OK|HTTP/1.1 200|HTTP/1.1 200 |HTTP/1.0 200 OK|HTTP/1.1  200 OK|HTTP/1.1\t200 OK|HTTP/1.1 20 OK|HTTP/1.1 2000 OK|HTTP/1.1 99 OK|HTTP/1.1 600 OK|HTTP/1.1 999 OK|HTTP/1.1 000 OK|HTTP/1.1 +20 OK|HTTP/1.1 2\xb20 OK|HTTP/2 200 OK|HTTP/2.0 200 OK|HTTP/1.2 200 OK|http/1.1 200 OK|HTTP/1.1 200 O\rK|HTTP/1.1 200 O\nK|HTTP/1.1 200 O\0K|HTTP/1.1 200\0OK|HTTP/1.1 101 Switching Protocols|HTTP/1.1 200 \xe9|ICY 200 OK|200 OK|HTTP/1.1 OK| HTTP/1.1 200 OK|HTTP/1.1 200OK|HTTP/1.1 304 Not Modified|HTTP/1.1 205 Reset".split(
    "|",
  );
const CODINGS =
  'chunked|Chunked|CHUNKED|identity|xchunked|chunked, identity|gzip, chunked|chunked, gzip|chunked, chunked|\x0bchunked|chunked\x0b|\xa0chunked|chunked\0|"chunked"|chunked;q=1|,chunked|chunked,||ch unked|\tchunked|chunked\r|\r\n chunked'.split(
    "|",
  );
const LENGTHS =
  "5|05|+5|-5|5, 5|5,6|0x5|5 5|5.0|five||0|99999999999999999999|9007199254740993|5\x0b|\xa05|5\0|5\r|\r\n 5|5;5".split(
    "|",
  );
const SIZES = '5|05|0x5|+5|-5| 5|5 |5;a|5; a|5;a="\r\n|g||5\0|ffffffffffffffff5|3|7|5\r|5\x0b|0'.split("|");
const LINES =
  "x|: x|x : y| x: y|\tx: y|x y: z|x\0: y|x: y\0|x: a\rb|x: a\nb|x: a\r\n b|x(): y|:status: 200|x: \x01|content-length : 3|Content_Length: 3|connection: content-length|connection: transfer-encoding|connection: close|connection: x-origin2|keep-alive: 5|upgrade: h2c|te: trailers|trailer: content-length|proxy-connection: keep-alive|host: b|set-cookie: a=b\r\nset-cookie: c=d".split(
    "|",
  );
const TRAILERS =
  "content-length: 5|transfer-encoding: chunked|host: b|connection: close|set-cookie: a=b|x: 1|x : 1| x: 1|x|x: a\rb|x: a\0b|:status: 200|te: trailers|upgrade: h2c".split(
    "|",
  );

export function http1Responses(): ResponseCase[] {
  const cases: ResponseCase[] = [];
  const add = (name: string, bytes: string, ends = false, method: "GET" | "HEAD" = "GET"): void => {
    cases.push({ name: `answer ${name}`, method, bytes, ends });
  };
  const ok = (fields: string, body: string): string => `HTTP/1.1 200 OK\r\n${ORIGIN}${fields}\r\n${body}`;
  for (const line of STATUS_LINES) {
    add(`line ${shown(line)}`, `${line}\r\n${ORIGIN}content-length: 5\r\n\r\nhello`);
    add(`line without a length ${shown(line)}`, `${line}\r\n${ORIGIN}\r\n${SMUGGLED}`, true);
  }
  for (const coding of CODINGS) {
    add(`coding ${shown(coding)}`, ok(`transfer-encoding: ${coding}\r\n`, `${CHUNKS}${SMUGGLED}`));
    add(`coding and end ${shown(coding)}`, ok(`transfer-encoding: ${coding}\r\n`, CHUNKS), true);
    add(
      `coding behind a length ${shown(coding)}`,
      ok(`content-length: 5\r\ntransfer-encoding: ${coding}\r\n`, `${CHUNKS}${SMUGGLED}`),
    );
    add(`coding to HEAD ${shown(coding)}`, ok(`transfer-encoding: ${coding}\r\n`, ""), false, "HEAD");
  }
  for (const length of LENGTHS) {
    add(`length ${shown(length)}`, ok(`content-length: ${length}\r\n`, `hello${SMUGGLED}`));
    add(`length and end ${shown(length)}`, ok(`content-length: ${length}\r\n`, "hello"), true);
    add(`length twice ${shown(length)}`, ok(`content-length: 5\r\ncontent-length: ${length}\r\n`, `hello${SMUGGLED}`));
    add(`length to HEAD ${shown(length)}`, ok(`content-length: ${length}\r\n`, SMUGGLED), false, "HEAD");
  }
  for (const size of SIZES) {
    add(`chunk ${shown(size)}`, ok("transfer-encoding: chunked\r\n", `${size}\r\nhello\r\n0\r\n\r\n${SMUGGLED}`), true);
    add(
      `last chunk ${shown(size)}`,
      ok("transfer-encoding: chunked\r\n", `3\r\nabc\r\n${size.replaceAll("5", "0")}\r\n\r\n`),
      true,
    );
  }
  for (const end of LINE_ENDS) {
    add(`end of the line ${shown(end)}`, `HTTP/1.1 200 OK${end}${ORIGIN}content-length: 5\r\n\r\nhello`, true);
    add(`end of a field ${shown(end)}`, ok(`x: 1${end}content-length: 5\r\n`, "hello"), true);
    add(`end of the head ${shown(end)}`, `HTTP/1.1 200 OK\r\n${ORIGIN}content-length: 5\r\n${end}hello`, true);
    add(`end of a chunk ${shown(end)}`, ok("transfer-encoding: chunked\r\n", `5\r\nhello${end}0\r\n\r\n`), true);
    add(`end of a size ${shown(end)}`, ok("transfer-encoding: chunked\r\n", `5${end}hello\r\n0\r\n\r\n`), true);
    add(`end of the body ${shown(end)}`, ok("transfer-encoding: chunked\r\n", `5\r\nhello\r\n0\r\n${end}`), true);
  }
  for (const line of LINES) {
    add(`field ${shown(line)}`, ok(`${line}\r\ncontent-length: 5\r\n`, "hello"));
    add(`first field ${shown(line)}`, `HTTP/1.1 200 OK\r\n${line}\r\n${ORIGIN}content-length: 5\r\n\r\nhello`);
  }
  for (const line of TRAILERS)
    add(`trailer ${shown(line)}`, ok("transfer-encoding: chunked\r\n", `5\r\nhello\r\n0\r\n${line}\r\n\r\n`), true);
  for (const status of [
    "204 No Content",
    "304 Not Modified",
    "100 Continue",
    "103 Early Hints",
    "199 Odd",
    "205 Reset",
  ]) {
    for (const [name, fields] of [
      ["a length", "content-length: 5\r\n"],
      ["a length of 0", "content-length: 0\r\n"],
      ["a coding", "transfer-encoding: chunked\r\n"],
      ["nothing", ""],
    ] as const) {
      add(`${status} with ${name}`, `HTTP/1.1 ${status}\r\n${ORIGIN}${fields}\r\n${SMUGGLED}`);
      add(`${status} with ${name} and a body`, `HTTP/1.1 ${status}\r\n${ORIGIN}${fields}\r\n${CHUNKS}`, true);
    }
  }
  const informational = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
  for (const count of [1, 2, 15, 16, 17, 100, 2000])
    add(`${count} informational`, informational.repeat(count) + ok("content-length: 5\r\n", "hello"));
  add("informational without end", informational.repeat(5000), true);
  add("informational alone", informational, true);
  add("nothing", "", true);
  for (const behind of [
    SMUGGLED,
    "\r\n",
    "x",
    "\0",
    `\r\n${SMUGGLED}`,
    "HTTP/1.1 100 Continue\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
  ]) {
    add(`behind a length ${shown(behind)}`, ok("content-length: 5\r\n", `hello${behind}`));
    add(`behind chunks ${shown(behind)}`, ok("transfer-encoding: chunked\r\n", `${CHUNKS}${behind}`));
    add(`behind no content ${shown(behind)}`, `HTTP/1.1 204 No Content\r\n${ORIGIN}\r\n${behind}`);
    add(`behind an answer to HEAD ${shown(behind)}`, ok("content-length: 5\r\n", `hello${behind}`), false, "HEAD");
    add(`in front ${shown(behind)}`, behind + ok("content-length: 5\r\n", "hello"), true);
  }
  return cases;
}

export interface Http2ResponseCase {
  readonly name: string;
  readonly message: Http2Message;
}

export function http2Responses(): Http2ResponseCase[] {
  const cases: Http2ResponseCase[] = [];
  const add = (
    name: string,
    fields: readonly Pair[],
    body = "hello",
    trailers: readonly Pair[] | null = null,
    status = "200",
  ): void => {
    const head: Pair[] = [[":status", status], ["x-origin", `${CASE}:main`], ...fields];
    cases.push({ name: `h2 answer ${name}`, message: { head, body, trailers } });
  };
  for (const odd of [
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\x0b",
    "\x7f",
    " ",
    "\t",
    `\r\n\r\n${SMUGGLED}`,
    "\r\ncontent-length: 0",
  ]) {
    add(`value ${shown(odd)}`, [["x-a", `a${odd}b`]]);
    add(`value, first ${shown(odd)}`, [["x-a", `${odd}b`]]);
    add(`value, last ${shown(odd)}`, [["x-a", `a${odd}`]]);
    add(`name ${shown(odd)}`, [[`a${odd}b`, "c"]]);
    add(`status ${shown(odd)}`, [], "hello", null, `200${odd}`);
    add(`trailer ${shown(odd)}`, [], "hello", [["x-t", `a${odd}b`]]);
    add(`name of a trailer ${shown(odd)}`, [], "hello", [[`a${odd}b`, "c"]]);
  }
  for (const length of LENGTHS) {
    add(`length ${shown(length)}`, [["content-length", length]]);
    add(`length twice ${shown(length)}`, [
      ["content-length", "5"],
      ["content-length", length],
    ]);
  }
  for (const [name, value] of [
    ["transfer-encoding", "chunked"],
    ["connection", "close"],
    ["connection", "content-length"],
    ["keep-alive", "5"],
    ["upgrade", "h2c"],
    ["proxy-connection", "close"],
    [":status", "204"],
    [":path", "/"],
    ["X-A", "b"],
    ["transfer-encoding:", "chunked"],
    ["te", "trailers"],
  ] as const) {
    add(`field ${name}: ${value}`, [[name, value]], CHUNKS);
    add(`trailer ${name}: ${value}`, [], "hello", [[name, value]]);
  }
  for (const status of ["", "20", "2000", "099", "600", "101", "100", "+20", "abc", "204", "304"]) {
    add(`status ${shown(status)}`, [], "", null, status);
    add(`status with a body ${shown(status)}`, [], SMUGGLED, null, status);
  }
  add("trailer content-length", [], "hello", [["content-length", "0"]]);
  return cases;
}
