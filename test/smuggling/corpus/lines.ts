// The request line and the ends of lines: versions, targets, methods, what stands between them, and what stands in front.
import { type Corpus, HOST, IDENTITY, LINE_ENDS, SMUGGLED, get, post } from "./http1.ts";

const VERSIONS =
  "HTTP/1.1|HTTP/1.0|HTTP/1.10|HTTP/2.0|HTTP/1.2|HTTP/1.9|HTTP/0.9|HTTP/3.0|http/1.1|Http/1.1|HTTP/1.1 |HTTP/1.1\t|HTTP/1.1 x|HTTP /1.1|HTTP/ 1.1|HTTP/1 .1|HTTP/1.|HTTP/.1|HTTP/1|HTTP/11|HTTP/1,1|HTTP/01.1|HTTP/1.01|HTTP/+1.1|HTTP/1.1\0|HTTP/1.1\x0b|HTP/1.1|HTTPS/1.1|ICY/1.1|HTTP/2|HTTP/3||HTTP/1.1 HTTP/1.1|HTTP\\1.1|\tHTTP/1.1|HTTP/1.1;|HTTP/1.1,|HTTP/-1.1|HTTP/A.1|HTTP/1.\xb1".split(
    "|",
  );

const TARGETS = [
  ...'/|//|//b.example/x|/a b|/a\tb|/a\x0bb|/a\x0cb|/a\0b|/a\x01|/a\x7f|/a\xe9|/a\xa0b|/a#f|#|#/a|/a?b#c|a||*|?x|;x|/..|/../s|/./|/a\\b|\\a|/a|b|/a"b|/{x}|/<x>|/^`'.split(
    "|",
  ),
  ..."/a%0d%0aX:%20y|/a%00|/%|/%zz|/%2e%2e/s|/a%20HTTP/1.1|/a%23f|/a;b=c|/a?b=c d|/a?\xff|/a?http://b/".split("|"),
  ..."http://a.example/x|HTTP://a.example/x|http://b.example/x|http://A.EXAMPLE/x|http://a.example|http://a.example?x|http://a.example#f|http://a.example:80/|http://a.example:/|http://a.example:99999/|http://a.example:x/|http://a.example:-1/".split(
    "|",
  ),
  ..."http://u@a.example/|http://u:p@a.example/|http:///x|http://|http:/x|http:x|http:|https://a.example/|ftp://a.example/|ws://a.example/|javascript:x|://a.example/|http//a.example/|http://a example/".split(
    "|",
  ),
  ..."http://[::1]/|http://[::1/|http://::1/|http://a.example\\@b/|http://a.example%0d/|http://a.example,b/|http://:80/|http://a.example/ /b|http://a.example/\0|a.example:80|a.example|http://a.example/a#f".split(
    "|",
  ),
  ..."/x HTTP/1.1\r\nx: y|/x HTTP/1.1\nx: y|/x\r\nx: y|/x\rx".split("|"),
];

const METHODS =
  'get|Get|G ET|GET\t|\tGET|GE\0T|G\xc9T|GET,|(GET)||TRACE|CONNECT|M-SEARCH|GET\x0b|"GET"|GET:|@|HEAD|OPTIONS|PATCH|DELETE|PROPFIND|GET/|GET\\|GET\x7f|GET;|=|PRI|X'.split(
    "|",
  );

const BETWEEN = [
  "  ",
  "\t",
  " \t",
  "\t ",
  "\x0b",
  "\x0c",
  "\xa0",
  "\0",
  "",
  "\r",
  "\r ",
  "\r\n ",
  "\n",
  "\x85",
  "%20",
  "+",
];

const IN_FRONT = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\n\n",
  "\r",
  "\r\r\n",
  " ",
  "\t",
  "\0",
  "\xef\xbb\xbf",
  "\r\n\n",
  "\r\n ",
  ";",
  "\x16\x03\x01",
  "\x0b",
  "0\r\n\r\n",
  "x\r\n",
];

const line = (method: string, target: string, version: string): string =>
  `${method} ${target} ${version}\r\n${HOST}${IDENTITY}\r\n`;

export function lines(corpus: Corpus): void {
  corpus.each("version", VERSIONS, (version) => `${line("GET", "/main", version)}${SMUGGLED}`);
  corpus.each(
    "version with a body",
    VERSIONS,
    (version) => `POST /main ${version}\r\n${HOST}${IDENTITY}content-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  );
  corpus.each("target", TARGETS, (target) => line("GET", target, "HTTP/1.1"));
  corpus.each("target of OPTIONS", ["*", "**", "* ", "/*", "http://a.example", "http://a.example/*", "*?x"], (target) =>
    line("OPTIONS", target, "HTTP/1.1"),
  );
  corpus.each(
    "target of CONNECT",
    [
      "a.example:80",
      "a.example",
      "/",
      "*",
      "http://a.example:80/",
      "a.example:",
      ":80",
      "u@a:80",
      "a b:80",
      "[::1]:80",
    ],
    (target) => `${line("CONNECT", target, "HTTP/1.1")}${SMUGGLED}`,
  );
  corpus.add("target of 70 kB", line("GET", `/${"a".repeat(70_000)}`, "HTTP/1.1"));
  corpus.each("method", METHODS, (method) => line(method, "/main", "HTTP/1.1"));
  corpus.each(
    "method with a body",
    METHODS,
    (method) => `${method} /main HTTP/1.1\r\n${HOST}${IDENTITY}content-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  );
  corpus.each(
    "between method and target",
    BETWEEN,
    (between) => `GET${between}/main HTTP/1.1\r\n${HOST}${IDENTITY}\r\n`,
  );
  corpus.each(
    "between target and version",
    BETWEEN,
    (between) => `GET /main${between}HTTP/1.1\r\n${HOST}${IDENTITY}\r\n`,
  );
  corpus.each("in front", IN_FRONT, (text) => text + get(""));
  corpus.each("end of the request line", LINE_ENDS, (end) => `GET /main HTTP/1.1${end}${HOST}${IDENTITY}\r\n`);
  corpus.each("end of a field", LINE_ENDS, (end) => get(`x: 1${end}y: 2\r\n`));
  corpus.each("end before a length", LINE_ENDS, (end) =>
    post(`x: 1${end}content-length: ${SMUGGLED.length}\r\n`, SMUGGLED),
  );
  corpus.each("end of a coding", LINE_ENDS, (end) =>
    post(`transfer-encoding: chunked${end}x: 1\r\n`, `0\r\n\r\n${SMUGGLED}`),
  );
  corpus.each("end of the head", LINE_ENDS, (end) => `GET /main HTTP/1.1\r\n${HOST}${IDENTITY}${end}`);
}
