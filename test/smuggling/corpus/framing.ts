// How long a request is: every way to write Transfer-Encoding and Content-Length, alone, together and twice, and names that look like theirs.
import { CHUNKS, type Corpus, HOST, IDENTITY, SMUGGLED, get, post, shown } from "./http1.ts";

const CODINGS = [
  ..."chunked Chunked CHUNKED cHuNkEd identity xchunked chunkedx chunke chunk deflate compress x-gzip trailers null 0 cow".split(
    " ",
  ),
  ..." |\t|  |\x0b|\x0c|\xa0|\x85|\0|\x1f|\r|\x7f|, |;|'|\"|(c)|=".split("|").map((before) => `${before}chunked`),
  ..." |\t|\x0b|\x0c|\xa0|\0|,| ,|;| ;|;q=1|;q=0|; foo=bar|.|\r|\\|(c)|\xe9"
    .split("|")
    .map((after) => `chunked${after}`),
  ..."chunked, identity|identity, chunked|chunked,chunked|chunked, chunked|gzip, chunked|chunked, gzip|,chunked|,chunked,|,| , ".split(
    "|",
  ),
  ..."ch unked|chun\tked|\"chunked\"|'chunked'|%63hunked|=?utf-8?q?chunked?=|chun\xeaed|chunked HTTP/1.1|\x63\x68\0unked".split(
    "|",
  ),
  "",
];

const LENGTHS = [
  ..."5 05 0005 +5 -5 0x5 0X5 5,5 5,6 5;5 5.0 5e0 0b101 0o5 '5' \"5\" (5) 5(c) five 0 00 -0 +0 5- 1_0 NaN Infinity null %35 ,5 5, , \xb5".split(
    " ",
  ),
  ..."5 5|5, 5|5, 6| 5|5 |  5  |\t5|5\t|\x0b5|5\x0b|\x0c5|\xa05|5\xa0|5\0|\x005|5\r|\r5|- 5| |\x85".split("|"),
  ..."99999999999999999999 18446744073709551621 4294967301 9007199254740993 2147483653 9223372036854775812".split(" "),
  "",
  `${"0".repeat(300)}5`,
];

const TWO_CODINGS = [
  "chunked|chunked",
  "chunked|identity",
  "identity|chunked",
  "chunked|",
  "|chunked",
  "chunked|x",
  "gzip|chunked",
  "x|chunked",
];
const TWO_LENGTHS = ["5|5", "5|6", "6|5", "0|5", "5|0", "5|05", "5|", "|5", "5|+5", "5|5, 5", "5|-5", "0|0"];

const look_alikes = (name: string): string[] => {
  const underscored = name.replace("-", "_");
  const nameless = name.replace("-", "");
  return [
    ...[" ", "\t", "\x0b", "\x0c", "\0", "\xa0", ";", ":", ".", "\x7f", "\r", "\n", "\r\n"].map(
      (after) => `${name}${after}`,
    ),
    ...[" ", "\t", "\x0b", "\0", ":", "\xef\xbb\xbf", '"', "x: 1\r", "x: 1\n", "x: 1\r\n ", "x: 1\r\n\t", "\x80"].map(
      (before) => `${before}${name}`,
    ),
    ...["\xe2\x80\x90", " ", "\xad", "--", ".", "\0", "\t", "\xe2\x80\x93"].map((dash) => name.replace("-", dash)),
    `"${name}"`,
    `(${name})`,
    name.slice(0, -1),
    nameless,
    underscored,
  ];
};

export function framing(corpus: Corpus): void {
  const chunked = `0\r\n\r\n${SMUGGLED}`;
  corpus.each("coding", CODINGS, (coding) => post(`Transfer-Encoding:${coding}\r\n`, chunked));
  corpus.each("coding behind a blank", CODINGS, (coding) =>
    post(`transfer-encoding: ${coding}\r\n`, `${CHUNKS}${SMUGGLED}`),
  );
  corpus.each("coding before a length", CODINGS, (coding) =>
    post(`transfer-encoding: ${coding}\r\ncontent-length: ${5 + SMUGGLED.length}\r\n`, chunked),
  );
  corpus.each("length before a coding", CODINGS, (coding) =>
    post(`content-length: 4\r\ntransfer-encoding: ${coding}\r\n`, chunked),
  );
  corpus.each("length", LENGTHS, (length) => post(`Content-Length:${length}\r\n`, `hello${SMUGGLED}`));
  corpus.each("length of a GET", LENGTHS, (length) => get(`content-length: ${length}\r\n`) + SMUGGLED);
  for (const two of TWO_CODINGS) {
    const [first = "", second = ""] = two.split("|");
    corpus.add(
      `two codings: ${shown(two)}`,
      post(`transfer-encoding: ${first}\r\nTransfer-Encoding: ${second}\r\n`, chunked),
    );
  }
  for (const two of TWO_LENGTHS) {
    const [first = "", second = ""] = two.split("|");
    corpus.add(
      `two lengths: ${shown(two)}`,
      post(`content-length: ${first}\r\nx: y\r\nContent-Length: ${second}\r\n`, `hello${SMUGGLED}`),
    );
    corpus.add(
      `two lengths of a GET: ${shown(two)}`,
      get(`content-length: ${first}\r\ncontent-length: ${second}\r\n`) + SMUGGLED,
    );
  }
  corpus.each(
    "folded coding",
    [
      "\r\n chunked",
      "\r\n\tchunked",
      " chunked\r\n , identity",
      " chunked\r\n ",
      " \r\n\r\n chunked",
      " x\r\n chunked",
    ],
    (coding) => post(`transfer-encoding:${coding}\r\n`, chunked),
  );
  corpus.each("folded length", ["\r\n 5", "\r\n\t5", " 5\r\n 6", " 5\r\n ", " 0\r\n5"], (length) =>
    post(`content-length:${length}\r\n`, `hello${SMUGGLED}`),
  );
  corpus.each(
    "coding in HTTP/1.0",
    ["chunked", "identity", "x"],
    (coding) =>
      `POST /main HTTP/1.0\r\n${HOST}${IDENTITY}transfer-encoding: ${coding}\r\nconnection: keep-alive\r\n\r\n${chunked}`,
  );
  for (const listener of ["plain", "edge"] as const) {
    const names = (name: string): string[] =>
      look_alikes(name).filter((each) => listener === "plain" || each.includes("_"));
    corpus.each(
      `coding that looks alike, ${listener}`,
      names("Transfer-Encoding"),
      (name) => post(`${name}: chunked\r\n`, chunked),
      listener,
    );
    corpus.each(
      `length that looks alike, ${listener}`,
      names("Content-Length"),
      (name) => post(`${name}: 5\r\n`, `hello${SMUGGLED}`),
      listener,
    );
    corpus.each(
      `length beside one that looks alike, ${listener}`,
      names("Content-Length"),
      (name) => post(`content-length: 5\r\n${name}: ${5 + SMUGGLED.length}\r\n`, `hello${SMUGGLED}`),
      listener,
    );
  }
}
