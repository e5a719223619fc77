/** Arbitrary HTTP/1 bytes: messages from parts that are mostly legal, then mutated where smuggling happens, then cut anywhere. */
import fc from "fast-check";
import { EVIL, EVIL_LINES, EXTENSIONS, SIZES } from "./evil.ts";

const name = fc.constantFrom(
  "A",
  "Accept",
  "X-Custom",
  "x-custom",
  "User-Agent",
  "Cookie",
  "Cache-Control",
  "ETag",
  "X_Y",
  "Content-Type",
  "Set-Cookie",
);
const value = fc.oneof(
  fc.constantFrom("", "a", "a, b", "text/plain; charset=utf-8", "0", "caf\xe9", "a\tb", '"q"', "chunked", "close"),
  fc.string({ unit: fc.constantFrom(..."abcXYZ019 -=;:,/\"'()<>@[]{}?\t\xe9"), maxLength: 20 }),
);
const plainLine = fc
  .tuple(name, fc.constantFrom(": ", ":", ":\t ", ":  "), value, fc.constantFrom("", "", " ", "\t"))
  .map((parts) => parts.join(""));
const line = fc.oneof({ weight: 12, arbitrary: plainLine }, { weight: 1, arbitrary: fc.constantFrom(...EVIL_LINES) });

const text = fc.oneof(
  fc.constantFrom("", "a", "hello", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: evil\r\n\r\n", "\r\n", "\0\xff"),
  fc.string({ unit: fc.constantFrom(..."ab\r\n0 "), maxLength: 40 }),
);

const size = (data: string): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom(
        data.length.toString(16),
        data.length.toString(16).toUpperCase(),
        `00${data.length.toString(16)}`,
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom(...SIZES).map((prefix) => prefix + data.length.toString(16)) },
  );
const extension = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom(...EXTENSIONS) },
);
const chunk = text
  .filter((data) => data !== "")
  .chain((data) => fc.tuple(size(data), extension).map(([digits, ext]) => `${digits}${ext}\r\n${data}\r\n`));
const trailers = fc.array(line, { maxLength: 2 }).map((lines) => lines.map((one) => `${one}\r\n`).join(""));
const chunked = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom("0", "0", "00", "000", "0;x"), trailers)
  .map(([chunks, last, rest]) => `${chunks.join("")}${last}\r\n${rest}\r\n`);

/** Framing lines and the body that goes with them. */
const framed = fc.oneof(
  { weight: 3, arbitrary: fc.constant(["", ""] as const) },
  { weight: 3, arbitrary: text.map((data) => [`Content-Length: ${data.length}\r\n`, data] as const) },
  { weight: 5, arbitrary: chunked.map((data) => ["Transfer-Encoding: chunked\r\n", data] as const) },
  {
    weight: 1,
    arbitrary: chunked.map(
      (data) => [`Content-Length: ${data.length}\r\nTransfer-Encoding: chunked\r\n`, data] as const,
    ),
  },
);

const oddRequestLine = fc
  .tuple(
    fc.constantFrom(
      "GET",
      "GET",
      "POST",
      "POST",
      "HEAD",
      "PUT",
      "DELETE",
      "OPTIONS",
      "PATCH",
      "CONNECT",
      "TRACE",
      "PROPFIND",
      "get",
      "FOO",
      "G ET",
    ),
    fc.constantFrom(" ", " ", " ", " ", " ", "  ", "\t", ""),
    fc.constantFrom(
      "/",
      "/",
      "/a/b?c=d",
      "/%00",
      "*",
      "http://a",
      "http://a/b?c",
      "HTTP://a:80/",
      "https://a/",
      "a:443",
      "/a b",
      "/\xe9",
      "//a",
      "/a#b",
      "ftp://a/",
      "http://u@a/",
      "",
      '/<>"{}|\\^`',
      "?a",
      "/a?b?c",
      "http:///",
      "http://[::1]:80/",
    ),
    fc.constantFrom(" ", " ", " ", " ", " ", "  ", "\t", ""),
    fc.constantFrom(
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.0",
      "HTTP/2.0",
      "HTTP/0.9",
      "HTTP/1.2",
      "http/1.1",
      "HTTP/1.1 ",
      "HTTP/11",
      "",
    ),
  )
  .map((parts) => parts.join(""));
const oddStatusLine = fc
  .tuple(
    fc.constantFrom(
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.1",
      "HTTP/1.0",
      "HTTP/2.0",
      "HTTP/0.9",
      "http/1.1",
      "ICY",
    ),
    fc.constantFrom(" ", " ", " ", " ", "  ", "\t", ""),
    fc.constantFrom(
      "200",
      "200",
      "200",
      "204",
      "304",
      "404",
      "500",
      "100",
      "103",
      "101",
      "599",
      "600",
      "999",
      "099",
      "20",
      "2000",
      "+20",
      "2 0",
    ),
    fc.constantFrom(" OK", " OK", " OK", "", " ", "  OK", "\tOK", " caf\xe9", " a\rb", " a\0b", "OK"),
  )
  .map((parts) => parts.join(""));
const statusLine = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK",
      "HTTP/1.1 404 Not Found",
      "HTTP/1.1 204",
      "HTTP/1.1 304 ",
      "HTTP/1.0 200 OK",
      "HTTP/1.1 103 Early Hints",
    ),
  },
  { weight: 1, arbitrary: oddStatusLine },
);
const requestLine = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "GET / HTTP/1.1",
      "POST /a?b HTTP/1.1",
      "PUT http://a/b HTTP/1.1",
      "HEAD / HTTP/1.0",
      "OPTIONS * HTTP/1.1",
      "DELETE /a HTTP/1.1",
    ),
  },
  { weight: 1, arbitrary: oddRequestLine },
);

function message(startLine: fc.Arbitrary<string>, hosts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      startLine,
      fc.constantFrom(...hosts),
      fc.array(line, { maxLength: 5 }),
      framed,
      fc.array(line, { maxLength: 2 }),
    )
    .map(([start, host, before, [framing, body], after]) => {
      const lines = [...before, ...after].map((one) => `${one}\r\n`);
      return `${start}\r\n${host}${lines.slice(0, before.length).join("")}${framing}${lines.slice(before.length).join("")}\r\n${body}`;
    });
}

/** One edit; positions are fractions of the text, so that they shrink with it. */
interface Edit {
  readonly kind: "insert" | "delete" | "repeat" | "lf" | "cr" | "swap";
  readonly at: number;
  readonly length: number;
  readonly what: string;
}
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("insert", "insert", "insert", "delete", "repeat", "lf", "cr", "swap"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 6 }),
  what: fc.constantFrom(...EVIL),
});

function apply(input: string, { kind, at, length, what }: Edit): string {
  const index = Math.floor(at * (input.length + 1));
  const before = input.slice(0, index);
  const rest = input.slice(index);
  switch (kind) {
    case "insert":
      return before + what + rest;
    case "delete":
      return before + rest.slice(length);
    case "repeat":
      return before + rest.slice(0, length) + rest;
    case "lf":
      return before + rest.replace("\r\n", "\n");
    case "cr":
      return before + rest.replace("\r\n", "\r");
    default:
      return before + rest.charAt(1) + rest.charAt(0) + rest.slice(2);
  }
}

function mutated(messages: fc.Arbitrary<string>, max: number): fc.Arbitrary<string> {
  const edits = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(edit, { maxLength: 3 }) },
  );
  return fc
    .tuple(fc.array(messages, { minLength: 1, maxLength: max }), edits)
    .map(([parts, changes]) => changes.reduce(apply, parts.join("")));
}

const HOSTS = [
  "Host: a\r\n",
  "Host: a\r\n",
  "Host: a\r\n",
  "Host: a\r\n",
  "Host: a:8080\r\n",
  "Host:\r\n",
  "Host: [::1]\r\n",
  "host: A\r\n",
  "",
];

/** One to three requests on one connection. */
export const requestBytes: fc.Arbitrary<string> = mutated(message(requestLine, HOSTS), 3);

/** A response with what may stand before and behind it. */
export const responseBytes: fc.Arbitrary<string> = mutated(message(statusLine, [""]), 2);

/** Where the bytes are cut, as fractions. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 });

export function pieces(input: string, at: readonly number[]): string[] {
  const positions = at.map((fraction) => Math.floor(fraction * input.length)).sort((a, b) => a - b);
  const out: string[] = [];
  let from = 0;
  for (const position of [...positions, input.length]) {
    if (position > from) out.push(input.slice(from, position));
    from = position;
  }
  return out;
}

/** Deterministic unless told otherwise: `SLUICE_FUZZ_RUNS` and `SLUICE_FUZZ_SEED` search elsewhere and longer. */
export function runs(count: number): { numRuns: number; seed: number; endOnFailure: boolean } {
  return {
    numRuns: Number(process.env["SLUICE_FUZZ_RUNS"] ?? count),
    seed: Number(process.env["SLUICE_FUZZ_SEED"] ?? 20_261_121),
    endOnFailure: false,
  };
}
