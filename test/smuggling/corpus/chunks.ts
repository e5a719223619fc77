// The chunked coding: sizes, extensions, the ends of lines, chunks that are longer or shorter than they say, and trailers that want to be more.
import { type Corpus, LINE_ENDS, SMUGGLED, post } from "./http1.ts";

const SIZES = [
  ..."5|05|0005|5 | 5|5\t|\t5|+5|-5|0x5|0X5|5x|5h|5.|5,|5_|5L|'5'|\"5\"|g|zz||  |5 5|\x00005|5\0|\x0b5|5\x0b|5\x0c|5\xa0|\xa05|5\r|\r5".split(
    "|",
  ),
  ..."ffffffffffffffff5|10000000000000005|fffffffffffffff5|00000000000000005|000000000000000000000005|8000000000000005|7fffffffffffffff|1fffffffffffff|100000005".split(
    "|",
  ),
];

const EXTENSIONS = [
  ...'; ;; ;a ;a=b ;a;b ;a=b;c=d ;= ;a= ;=b ;a=b=c ;a="b" ;a="b ;a="b\\"c" ;a="b\\ ;a=b" ;a=\x7f ;\xe9 ;a="\xe9" ,a :a'.split(
    " ",
  ),
  ...' ;a|; a|;a =b|;a= b|;a\0b|;a="\0"|;a="\r"|;a="\n"|;\ra|;a\rb|;a\n|;a\nb|;a="b"c|;a="b";|;a="\t;"|;\t'.split("|"),
];

const LAST = "00|000|0;x|-0|+0| 0|0 |0x0|0\t|\t0|0\x0b|0;|0\0|0,|0.0|0\xa0|00000000000000000".split("|");

const BODIES: Readonly<Record<string, string>> = {
  "data longer than its size": "3\r\nhello\r\n0\r\n\r\n",
  "data longer by one": "4\r\nhello\r\n0\r\n\r\n",
  "data shorter than its size": "7\r\nhello\r\n0\r\n\r\n",
  "data shorter by two": "9\r\nhello\r\n0\r\n\r\n",
  "data behind the last chunk": "0\r\nhello\r\n0\r\n\r\n",
  "a length behind the last chunk": "0\r\n5\r\nhello\r\n",
  "no last chunk": "5\r\nhello\r\n",
  "no data": "5\r\n\r\n0\r\n\r\n",
  "no empty line": "5\r\nhello\r\n0\r\n",
  "an empty line before": "\r\n5\r\nhello\r\n0\r\n\r\n",
  "an empty line between": "5\r\nhello\r\n\r\n0\r\n\r\n",
  "two ends": "5\r\nhello\r\n0\r\n\r\n0\r\n\r\n",
  "the smuggled request in a chunk": `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  "the smuggled request as an extension": `5;${SMUGGLED}\r\nhello\r\n0\r\n\r\n`,
  "the smuggled request as a quoted extension": `5;a="\r\n${SMUGGLED}"\r\nhello\r\n0\r\n\r\n`,
  "an extension of 16 kB": `5;${"x".repeat(16_384)}\r\nhello\r\n0\r\n\r\n`,
  "many extensions": `5${";a=b".repeat(3000)}\r\nhello\r\n0\r\n\r\n`,
};

const TRAILERS = [
  ..."content-length: 5|Content-Length: 5|CONTENT-LENGTH: 0|transfer-encoding: chunked|Transfer-Encoding: identity|host: b.example|Host: a.example".split(
    "|",
  ),
  ..."connection: close|connection: content-length|keep-alive: 1|proxy-connection: close|te: trailers|trailer: x|upgrade: h2c|upgrade: websocket".split(
    "|",
  ),
  ..."authorization: x|cookie: a=b|set-cookie: a=b|content-type: x|content-encoding: gzip|x-forwarded-for: 1.1.1.1|x-envoy-original-path: /x".split(
    "|",
  ),
  ..."expect: 100-continue|http2-settings: x|:path: /x|:method: GET|:authority: b|x-ok: 1|x: |content_length: 5|x-request-id: 1|forwarded: for=x".split(
    "|",
  ),
  ..."content-length : 5|x : 1| x: 1|\tx: 1|x|: x|x: a\rb|x: a\0b|x\0: 1|x: 1\r\n 2|x: a\nb: c|x y: 1|x: \x01|\xe9: 1|GET /smuggled HTTP/1.1".split(
    "|",
  ),
];

const chunked = (body: string): string => post("transfer-encoding: chunked\r\n", body);

export function chunks(corpus: Corpus): void {
  for (const group of ["size", "extension"] as const) {
    const odd = group === "size" ? SIZES : EXTENSIONS.map((extension) => `5${extension}`);
    corpus.each(`chunk ${group}`, odd, (line) => chunked(`${line}\r\nhello\r\n0\r\n\r\n`));
    corpus.each(`chunk ${group}, second`, odd, (line) => chunked(`3\r\nabc\r\n${line}\r\nhello\r\n0\r\n\r\n`));
  }
  corpus.each("last chunk", LAST, (line) => chunked(`5\r\nhello\r\n${line}\r\n\r\n`));
  corpus.each("last chunk's extension", EXTENSIONS, (extension) => chunked(`5\r\nhello\r\n0${extension}\r\n\r\n`));
  corpus.each("end of a size", LINE_ENDS, (end) => chunked(`5${end}hello\r\n0\r\n\r\n`));
  corpus.each("end of data", LINE_ENDS, (end) => chunked(`5\r\nhello${end}0\r\n\r\n`));
  corpus.each("end of the last size", LINE_ENDS, (end) => chunked(`5\r\nhello\r\n0${end}\r\n`));
  corpus.each("end of the body", LINE_ENDS, (end) => chunked(`5\r\nhello\r\n0\r\n${end}`));
  corpus.each("end of a trailer", LINE_ENDS, (end) => chunked(`0\r\nx: 1${end}\r\n`));
  for (const [name, body] of Object.entries(BODIES)) corpus.add(`chunked body: ${name}`, chunked(body));
  corpus.each("trailer", TRAILERS, (line) => chunked(`5\r\nhello\r\n0\r\n${line}\r\n\r\n`));
}
