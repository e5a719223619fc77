// Requests over HTTP/2 that carry what HTTP/1 would read as the end of a line, of a field or of a message, or that say one thing in two places.
import { CASE } from "../support/seen.ts";
import type { Pair } from "../support/strict-http1.ts";
import type { Http2Message } from "../support/strict-http2.ts";
import { SMUGGLED, shown } from "./http1.ts";

export interface Http2Case {
  readonly name: string;
  readonly message: Http2Message;
}

const BASE: readonly Pair[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/main"],
  [":authority", "a.example"],
  ["x-case", CASE],
  ["x-part", "main"],
];

/** Each pseudo-header with another value; null: without it. */
const withPseudo = (name: string, value: string | null): Pair[] =>
  BASE.flatMap(([each, old]): Pair[] => (each !== name ? [[each, old]] : value === null ? [] : [[each, value]]));

const INJECTED = `\r\ntransfer-encoding: chunked\r\nx: y`;
const ODD = [
  "\r",
  "\n",
  "\r\n",
  "\0",
  "\x01",
  "\x0b",
  "\x0c",
  "\x1f",
  "\x7f",
  "\t",
  " ",
  ":",
  INJECTED,
  `\r\n\r\n${SMUGGLED}`,
  "\r\n folded",
];

const LENGTHS = "5|4|6|0|+5|-5|05|5, 5|5,6|0x5| 5|5 |5\r\nx: y|five||99999999999999999999|5\0|5.0|5;5|\xb5".split("|");
const PATHS =
  "/|//|*||x|?x|#|/a#f|/a b|/a\tb|/\xe9|/\\|http://a.example/|//b.example/|/%0d%0a|/%00|/a HTTP/1.1\r\nx: y|/a HTTP/1.1|/..|/../x|a.example:80|/a\x85|/a\xa0".split(
    "|",
  );
const AUTHORITIES =
  '|u@a.example|u:p@a.example|a b|a/b|a?b|a#b|a:99999|a:x|a:|a:80|a,b|a, b|:80|[::1]|[::1|::1|\xe9|a\\b|a\r\nx: y|*|a@b:80|A.EXAMPLE|a%00|%61|"a"|http://a'.split(
    "|",
  );
const SCHEMES = "|http|https|HTTP|ftp|http |javascript|http://x|http:|h\r\nx: y|*|ws|http\0|file".split("|");
const METHODS =
  `|GET|get|GET |G ET|GET / HTTP/1.1|GET /smuggled HTTP/1.1\r\nhost: a.example\r\nx: y|GE\rT|GE\nT|GE\0T|\xe9|(GET)|GET,|GET:|CONNECT|TRACE|HEAD|PRI|${"X".repeat(100)}`.split(
    "|",
  );

const CONNECTION_SPECIFIC: readonly Pair[] = [
  ...["close", "keep-alive", "upgrade", "te", "x-api-key", "content-length", ""].map(
    (value): Pair => ["connection", value],
  ),
  ...["chunked", "identity", "", "trailers", "gzip, chunked", "CHUNKED"].map(
    (value): Pair => ["transfer-encoding", value],
  ),
  ...["h2c", "websocket", "", "HTTP/1.1"].map((value): Pair => ["upgrade", value]),
  ...["trailers", "chunked", "trailers, chunked", "gzip", "Trailers", "trailers;q=1", ""].map(
    (value): Pair => ["te", value],
  ),
  ["keep-alive", "timeout=5"],
  ["proxy-connection", "keep-alive"],
  ["http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"],
  ["trailer", "content-length"],
  ["transfer_encoding", "chunked"],
  ["content_length", "0"],
  ["transfer-encoding ", "chunked"],
  ["transfer-encoding:", "chunked"],
  ["transfer-encoding: chunked\r\nx", "y"],
  ["expect", "100-continue"],
  ["expect", "200-ok"],
];

export function http2Requests(): Http2Case[] {
  const cases: Http2Case[] = [];
  const add = (name: string, head: readonly Pair[], body = "hello", trailers: readonly Pair[] | null = null): void => {
    cases.push({ name: `h2 ${name}`, message: { head, body, trailers } });
  };
  add("plain", BASE);
  add("plain without a body", BASE, "");
  add("plain with trailers", BASE, "hello", [["x-sum", "1"]]);
  for (const odd of ODD) {
    for (const [where, value] of [
      ["first", `${odd}b`],
      ["inside", `a${odd}b`],
      ["last", `a${odd}`],
    ] as const) {
      add(`value, ${where}: ${shown(odd)}`, [...BASE, ["x-a", value]]);
      add(`name, ${where}: ${shown(odd)}`, [...BASE, [value, "c"]]);
      for (const name of [":path", ":authority", ":method", ":scheme"])
        add(`${name}, ${where}: ${shown(odd)}`, withPseudo(name, name === ":path" ? `/${value}` : value));
    }
    add(`cookie: ${shown(odd)}`, [...BASE, ["cookie", "a=b"], ["cookie", `c=${odd}d`]]);
    add(`host: ${shown(odd)}`, [...withPseudo(":authority", null), ["host", `a${odd}b`]]);
    add(`value of a trailer: ${shown(odd)}`, BASE, "hello", [["x-t", `a${odd}b`]]);
    add(`name of a trailer: ${shown(odd)}`, BASE, "hello", [[`a${odd}b`, "c"]]);
  }
  for (const length of LENGTHS) {
    add(`length: ${shown(length)}`, [...BASE, ["content-length", length]]);
    add(`length of nothing: ${shown(length)}`, [...BASE, ["content-length", length]], "");
    add(`length of the smuggled: ${shown(length)}`, [...BASE, ["content-length", length]], `hello${SMUGGLED}`);
    add(`length, twice: ${shown(length)}`, [...BASE, ["content-length", "5"], ["content-length", length]]);
    add(`length before trailers: ${shown(length)}`, [...BASE, ["content-length", length]], "hello", [["x-sum", "1"]]);
  }
  for (const path of PATHS) add(`path: ${shown(path)}`, withPseudo(":path", path));
  add("path * of OPTIONS", [[":method", "OPTIONS"], ...withPseudo(":path", "*").slice(1)], "");
  for (const authority of AUTHORITIES) {
    add(`authority: ${shown(authority)}`, withPseudo(":authority", authority));
    add(`host alone: ${shown(authority)}`, [...withPseudo(":authority", null), ["host", authority]]);
    add(`host beside: ${shown(authority)}`, [...BASE, ["host", authority]]);
  }
  add("two hosts", [...BASE, ["host", "a.example"], ["host", "a.example"]]);
  for (const scheme of SCHEMES) add(`scheme: ${shown(scheme)}`, withPseudo(":scheme", scheme));
  for (const method of METHODS) add(`method: ${shown(method)}`, withPseudo(":method", method), "");
  for (const name of [":method", ":scheme", ":path", ":authority"]) {
    const value = BASE.find(([each]) => each === name)![1];
    add(`without ${name}`, withPseudo(name, null));
    add(`${name} twice`, [[name, value], ...BASE]);
    add(`${name} twice, differing`, [[name, `${value}x`], ...BASE]);
    add(`${name} behind a field`, [...withPseudo(name, null), [name, value]]);
    add(`${name} in trailers`, BASE, "hello", [[name, value]]);
    add(`${name} in capitals`, withPseudo(name, null).concat([[name.toUpperCase(), value]]));
  }
  for (const name of [":", "::path", ":status", ":foo", ":protocol", ":Path", ": path", ":path:", ":host"]) {
    add(`pseudo ${shown(name)}`, [[name, "200"], ...BASE]);
    add(`pseudo ${shown(name)} in trailers`, BASE, "hello", [[name, "200"]]);
  }
  for (const name of [
    "X-A",
    "Content-Length",
    "Transfer-Encoding",
    "TE",
    "Host",
    "",
    " ",
    "a b",
    "a(b",
    "\xe9",
    "a\x85",
  ])
    add(`name ${shown(name)}`, [...BASE, [name, "5"]]);
  for (const pair of CONNECTION_SPECIFIC) {
    add(`field ${shown(pair.join(": "))}`, [...BASE, pair], `0\r\n\r\n${SMUGGLED}`);
    add(`trailer ${shown(pair.join(": "))}`, BASE, "hello", [pair]);
  }
  for (const pair of [
    ["content-length", "5"],
    ["host", "a.example"],
    ["authorization", "x"],
    ["cookie", "a=b"],
  ] as const)
    add(`trailer ${shown(pair.join(": "))}`, BASE, "hello", [pair]);
  return cases;
}
