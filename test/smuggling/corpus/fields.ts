// Fields: lines that are none, hosts, what Connection names, what belongs to one hop, Expect, Upgrade.
import { type Corpus, HOST, IDENTITY, SMUGGLED, get, post } from "./http1.ts";

const LINES = [
  ...'x|:|: x|x y: z|x\0: y|x: y\0|x: \x01|x: \x1b[0m|x: \x7f|x: a\rb|x: a\nb|x: a\r b|x: a\n b|x: a\r\n b|x: a\r\n\tb|x:\r\n b|\x80: x|x;y: z|x(): z|"x": y|x,y: z|x=y: z|x/y: z'.split(
    "|",
  ),
  ..."x@y: z|[x]: y|{x}: y|x\\: y|x?: y|<x>: y|\x7f: y| x: y|\tx: y|x : y|x\t: y|x\x0b: y|:path: /smuggled|:method: GET|:authority: b.example|:scheme: https|GET /smuggled HTTP/1.1|HTTP/1.1 200 OK".split(
    "|",
  ),
  `x: ${"y".repeat(70_000)}`,
  `${"x".repeat(70_000)}: y`,
  "x: y\r\n".repeat(300).slice(0, -2),
];

const HOSTS =
  'a b|a\tb|a/b|a/../b|a?b|a#b|a@b|u:p@a.example|a.example:|a.example:80|a.example:080|a:99999|a:-1|a:+80|a:80:80|a:x|a,b|a, b|[::1]|[::1|::1|[::1]x|[::1]:80|[::1%25eth0]|[::1]:x|a\0|a\x0b|a\x01|a\\b|a%00|a%0d%0ax|%61|*|-|_|\xe9|a\xa0|\xa0a|"a"|<a>|{a}|a|a^b|a`b|.|..|:80|:|a..b|a.|http://a|http://a/|a;b|a=b|(a)|a&b|a\'b| |'.split(
    "|",
  );

const NOMINATED =
  'host|content-length|transfer-encoding|connection|close|keep-alive|te|trailer|upgrade|authorization|cookie|x-forwarded-for|x-forwarded-proto|x-request-id|x-envoy-foo|x-api-key|via|forwarded|expect|date|:path|,|close, close|keep-alive, close|"close"|x y|a;b|proxy-authorization|content-type|http2-settings|sec-websocket-key|close\x0b|\xa0close|Content-Length|CONTENT-LENGTH , close|transfer-encoding,te|x,host|a,b,c,d,e,f,g,h,i,j,k,l|close\0|*|'.split(
    "|",
  );

const OF_ONE_HOP = [
  ..."keep-alive: timeout=5|keep-alive: x\r\nkeep-alive: y|proxy-connection: keep-alive|proxy-connection: close|proxy-connection: content-length|proxy-authorization: x|trailer: content-length|trailer: transfer-encoding, host|trailer: x".split(
    "|",
  ),
  ..."te: trailers|te: gzip|te: trailers, gzip|te: chunked|te: trailers;q=1|te: \xa0trailers|te: trailers\r\nte: trailers|TE: Trailers|te: |te: gzip;q=0.5\r\nte: trailers|http2-settings: AAMAAABkAAQAoAAAAAIAAAAA".split(
    "|",
  ),
];

const EXPECTATIONS =
  '100-continue|100-Continue|100-continue, x|x, 100-continue|200-ok||100|100-continue;q=1|"100-continue"|100-continue\xa0|\x0b100-continue|100 continue|y 100-continue|100-continue\r\nexpect: 100-continue|100-continue\r\nexpect: x|100-continue\0'.split(
    "|",
  );

const UPGRADES = [
  ..."h2c|H2C|h2|h2c/1|h2c, websocket|websocket, h2c|h2c,h2c|h2c\r\nupgrade: h2c|h2c\r\nupgrade: websocket|websocket\r\nupgrade: h2c|HTTP/2.0|HTTP/1.1|TLS/1.0, HTTP/1.1|connect-udp".split(
    "|",
  ),
  ...'websocket|WebSocket|websocket |websocket, websocket|websocket,|,websocket|"websocket"|websocket/13|web socket|websocket\0|websocket\x0b|\xa0websocket|websocket;x|'.split(
    "|",
  ),
];
const SETTINGS = "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
const KEY = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

export function fields(corpus: Corpus): void {
  const hidden = `content-length: ${SMUGGLED.length}\r\n`;
  corpus.each("line", LINES, (line) => get(`${line}\r\n`));
  corpus.each("line before a length", LINES, (line) => post(`${line}\r\n${hidden}`, SMUGGLED));
  corpus.each("line behind a length", LINES, (line) => post(`${hidden}${line}\r\n`, SMUGGLED));
  corpus.each("first line", LINES, (line) => `GET /main HTTP/1.1\r\n${line}\r\n${HOST}${IDENTITY}\r\n`);

  const hosted = (target: string, host: string, version = "1.1"): string =>
    `GET ${target} HTTP/${version}\r\n${IDENTITY}${host}\r\n`;
  corpus.each("host", HOSTS, (host) => hosted("/main", `host: ${host}\r\n`));
  corpus.each("host beside a target", ["a.example", "b.example", "", "a b", "a@b", "a:x", "A.Example"], (host) =>
    hosted("http://a.example/main", `host: ${host}\r\n`),
  );
  corpus.each("second host", HOSTS, (host) => hosted("/main", `${HOST}host: ${host}\r\n`));
  for (const version of ["1.1", "1.0"]) {
    for (const target of ["/main", "http://a.example/main"]) {
      corpus.add(`no host: ${target} HTTP/${version}`, hosted(target, "", version));
      corpus.add(`two hosts: ${target} HTTP/${version}`, hosted(target, `${HOST}${HOST}`, version));
      corpus.add(`folded host: ${target} HTTP/${version}`, hosted(target, "host:\r\n a.example\r\n", version));
    }
  }

  corpus.each("nominated", NOMINATED, (option) => post(`connection: ${option}\r\n${hidden}`, SMUGGLED));
  corpus.each("nominated beside a coding", NOMINATED, (option) =>
    post(`transfer-encoding: chunked\r\nConnection: keep-alive\r\nConnection: ${option}\r\n`, `0\r\n\r\n${SMUGGLED}`),
  );
  corpus.each("of one hop", OF_ONE_HOP, (line) => post(`${line}\r\n${hidden}`, SMUGGLED));
  corpus.each("of one hop, nominated", OF_ONE_HOP, (line) => get(`connection: ${line.split(":")[0]}\r\n${line}\r\n`));

  corpus.each("expectation", EXPECTATIONS, (value) => post(`expect: ${value}\r\n${hidden}`, SMUGGLED));
  corpus.each("expectation of chunks", EXPECTATIONS, (value) =>
    post(`expect: ${value}\r\ntransfer-encoding: chunked\r\n`, `0\r\n\r\n${SMUGGLED}`),
  );
  corpus.each("expectation of nothing", EXPECTATIONS, (value) => get(`expect: ${value}\r\n`));

  for (const listener of ["plain", "upgrades"] as const) {
    const upgrade = (value: string, connection: string): string =>
      `connection: ${connection}\r\nupgrade: ${value}\r\n${SETTINGS}${KEY}`;
    corpus.each(`upgrade, ${listener}`, UPGRADES, (value) => get(upgrade(value, "upgrade, http2-settings")), listener);
    corpus.each(
      `upgrade with a body, ${listener}`,
      UPGRADES,
      (value) => post(`${upgrade(value, "upgrade")}${hidden}`, SMUGGLED),
      listener,
    );
    corpus.each(
      `upgrade that Connection does not name, ${listener}`,
      ["h2c", "websocket"],
      (value) => get(upgrade(value, "keep-alive")),
      listener,
    );
  }
}
