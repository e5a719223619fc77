import fc from "fast-check";
import { expect, test } from "vitest";
import { PeekBench } from "../../../../test/support/peek-bench.ts";
import { HttpInspectorFilter, LARGEST_LINE } from "./filter.ts";
import { httpInspector } from "./index.ts";

const open = (): PeekBench => PeekBench.of(httpInspector);
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function outcome({ client }: PeekBench): readonly unknown[] {
  return [client.place, client.info.applicationProtocols, client.chainBytes.toString("latin1")];
}

test.each([
  ["http/1.1", "GET / HTTP/1.1\r\nhost: a\r\n", "http11_found"],
  ["http/1.1", "x-my~verb /%20?a=b&c HTTP/1.1\r\n", "http11_found"],
  ["http/1.1", "\r\nPOST http://a/ HTTP/1.1\n", "http11_found"],
  ["http/1.1", "PRI * HTTP/1.1\r\n", "http11_found"],
  ["http/1.0", "GET /a HTTP/1.0\r\n", "http10_found"],
  ["h2c", `${PREFACE}\0\0\0`, "http2_found"],
])("%s: %j", (protocol, text, counter) => {
  for (const size of [1, 4, 1000]) {
    const bench = open().send(text, size);
    expect(outcome(bench)).toEqual(["chain", [protocol], text]);
    expect(bench.stat(`http_inspector.${counter}`)).toBe(1);
  }
});

test.each([
  "\x16\x03\x01\x00",
  " / HTTP/1.1\r\n",
  "GET / HTTP/2.0\r\n",
  "GET / HTTP/1.2\r\n",
  "GET / HTTP/1.11\r\n",
  "GET / http/1.1\r\n",
  "GET /\r\n",
  "GET  HTTP/1.1\r\n",
  "G\u00e9T / HTTP/1.1\r\n",
  "GET /\x01 HTTP/1.1\r\n",
  "EHLO mail.example.com\r\n",
  "*3\r\n$3\r\nSET\r\n",
  "\r\n\r\nGET / HTTP/1.1\r\n",
  "PRI * HTTP/2.0\r\nx",
])("no HTTP that we know: %j", (text) => {
  for (const size of [1, 1000]) {
    const bench = open().send(text, size);
    expect(outcome(bench)).toEqual(["chain", [], text]);
    expect(bench.stat("http_inspector.http_not_found")).toBe(1);
  }
});

test.each(["GET", "GET /", "GET / ", "GET / HTTP/1.", "GET / HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nSM", "\r"])(
  "%j may still become something",
  (text) => {
    expect(open().send(text).client.place).toBe("filters");
  },
);

test("a first line beyond its limit is none", () => {
  const bench = open().send(`GET /${"a".repeat(LARGEST_LINE)}`, 8192);
  expect(outcome(bench).slice(0, 2)).toEqual(["chain", []]);
  expect(bench.stat("http_inspector.http_not_found")).toBe(1);
});

test("what is known to be TLS is left alone", () => {
  const bench = new PeekBench({
    tls: { onAccept: (connection) => connection.setTransportProtocol("tls") },
    http: new HttpInspectorFilter({ counter: () => ({ inc() {} }) } as never),
  });
  expect(bench.client.place).toBe("chain");
});

test("any split gives the same", () => {
  const word = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.constantFrom("HTTP/1.1\r\n", "HTTP/1.0\n", "x\r\n"), fc.nat(9), (a, b, c, size) => {
      const text = `${a} ${b} ${c}`;
      expect(outcome(open().send(text, size + 1))).toEqual(outcome(open().send(text)));
    }),
  );
});
