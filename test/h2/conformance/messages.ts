// Messages and their fields: RFC 9113 sections 8 and 10.5, RFC 7541.
import {
  GET,
  POST,
  type Pair,
  block,
  data,
  frame,
  headers,
  u32,
} from "../../../packages/core/src/http/codec/h2/scripted-wire.ts";
import { PROTOCOL_ERROR, withField, without, type Sections } from "./case.ts";

export const MESSAGES: Sections = {
  "8.1 exchanges": [
    {
      name: "a second HEADERS without END_STREAM",
      send: [headers(1, POST, false), headers(1, [["x", "y"]], false)],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    {
      name: "HEADERS after an informational head's time: pseudo-headers in trailers",
      send: [headers(1, POST, false), headers(1, [[":method", "GET"]])],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
  ],
  "8.2 fields": [
    { name: "an upper-case name", send: [headers(1, withField("X-Test", "ok"))], expect: PROTOCOL_ERROR(1) },
    { name: "an empty name", send: [headers(1, withField("", "ok"))], expect: PROTOCOL_ERROR(1) },
    { name: "a name with a space", send: [headers(1, withField("x y", "ok"))], expect: PROTOCOL_ERROR(1) },
    { name: "a name with a colon within", send: [headers(1, withField("x:y", "ok"))], expect: PROTOCOL_ERROR(1) },
    { name: "a value with CR LF", send: [headers(1, withField("x", "a\r\nb: c"))], expect: PROTOCOL_ERROR(1) },
    { name: "a value with NUL", send: [headers(1, withField("x", "a\0b"))], expect: PROTOCOL_ERROR(1) },
    { name: "a value with a space in front", send: [headers(1, withField("x", " a"))], expect: PROTOCOL_ERROR(1) },
    { name: "a value with a tab behind", send: [headers(1, withField("x", "a\t"))], expect: PROTOCOL_ERROR(1) },
    {
      name: "a path with CR LF",
      send: [headers(1, [...GET.slice(0, 2), [":path", "/ HTTP/1.1\r\nx: y"], GET[3]!])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "an authority with CR LF",
      send: [headers(1, [...GET.slice(0, 3), [":authority", "a\r\nb: c"]])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "a method with a space",
      send: [headers(1, [[":method", "GET /x"], ...GET.slice(1)])],
      expect: PROTOCOL_ERROR(1),
    },
    { name: "connection", send: [headers(1, withField("connection", "keep-alive"))], expect: PROTOCOL_ERROR(1) },
    { name: "keep-alive", send: [headers(1, withField("keep-alive", "1"))], expect: PROTOCOL_ERROR(1) },
    { name: "proxy-connection", send: [headers(1, withField("proxy-connection", "x"))], expect: PROTOCOL_ERROR(1) },
    {
      name: "transfer-encoding",
      send: [headers(1, withField("transfer-encoding", "chunked"))],
      expect: PROTOCOL_ERROR(1),
    },
    { name: "upgrade", send: [headers(1, withField("upgrade", "websocket"))], expect: PROTOCOL_ERROR(1) },
    {
      name: "te other than trailers",
      send: [headers(1, withField("te", "trailers, deflate"))],
      expect: PROTOCOL_ERROR(1),
    },
    { name: "te: trailers", send: [headers(1, withField("te", "trailers"))], expect: [], requests: 1 },
    {
      name: "transfer-encoding in trailers",
      send: [headers(1, POST, false), headers(1, [["transfer-encoding", "chunked"]])],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    {
      name: "content-length in trailers",
      send: [headers(1, POST, false), headers(1, [["content-length", "3"]])],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
  ],
  "8.3 control data": [
    { name: "an unknown pseudo-header", send: [headers(1, [...GET, [":test", "ok"]])], expect: PROTOCOL_ERROR(1) },
    { name: "a response's pseudo-header", send: [headers(1, [...GET, [":status", "200"]])], expect: PROTOCOL_ERROR(1) },
    {
      name: "a pseudo-header in trailers",
      send: [headers(1, POST, false), headers(1, [[":path", "/"]])],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    { name: "a pseudo-header behind a field", send: [headers(1, [["x", "y"], ...GET])], expect: PROTOCOL_ERROR(1) },
    {
      name: "an empty :path",
      send: [headers(1, [...GET.slice(0, 2), [":path", ""], GET[3]!])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "a :path without a slash",
      send: [headers(1, [...GET.slice(0, 2), [":path", "x"], GET[3]!])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "an asterisk for GET",
      send: [headers(1, [...GET.slice(0, 2), [":path", "*"], GET[3]!])],
      expect: PROTOCOL_ERROR(1),
    },
    ...[":method", ":scheme", ":path"].map((name) => ({
      name: `no ${name}`,
      send: [headers(1, without(name))],
      expect: PROTOCOL_ERROR(1),
    })),
    ...GET.map((pair) => ({ name: `${pair[0]} twice`, send: [headers(1, [pair, ...GET])], expect: PROTOCOL_ERROR(1) })),
    { name: "neither :authority nor host", send: [headers(1, without(":authority"))], expect: PROTOCOL_ERROR(1) },
    {
      name: "host that differs from :authority",
      send: [headers(1, withField("host", "evil.example"))],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "host that equals :authority",
      send: [headers(1, withField("host", "EXAMPLE.com"))],
      expect: [],
      requests: 1,
    },
    {
      name: "host twice",
      send: [headers(1, [...GET, ["host", "example.com"], ["host", "example.com"]])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "an authority with a user",
      send: [headers(1, [...GET.slice(0, 3), [":authority", "me@example.com"]])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "another scheme",
      send: [headers(1, [GET[0]!, [":scheme", "ftp"], ...GET.slice(2)])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "CONNECT with :path",
      send: [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":path", "/"],
            [":authority", "a:1"],
          ],
          false,
        ),
      ],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "CONNECT with :scheme",
      send: [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":scheme", "http"],
            [":authority", "a:1"],
          ],
          false,
        ),
      ],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "CONNECT without a port",
      send: [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "a"],
          ],
          false,
        ),
      ],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: ":protocol without CONNECT",
      send: [headers(1, [...GET, [":protocol", "websocket"]])],
      expect: PROTOCOL_ERROR(1),
      options: { allowConnect: true },
    },
  ],
  "8.1.1 content-length": [
    {
      name: "more than the body",
      send: [headers(1, [...POST, ["content-length", "2"]], false), data(1, "x", true)],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    {
      name: "less than the body, in several frames",
      send: [headers(1, [...POST, ["content-length", "1"]], false), data(1, "x"), data(1, "y", true)],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    {
      name: "less than the body before trailers",
      send: [headers(1, [...POST, ["content-length", "3"]], false), data(1, "x"), headers(1, [["a", "b"]])],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
    { name: "without a body", send: [headers(1, [...POST, ["content-length", "1"]])], expect: PROTOCOL_ERROR(1) },
    { name: "not a number", send: [headers(1, [...POST, ["content-length", "1a"]], false)], expect: PROTOCOL_ERROR(1) },
    {
      name: "twice",
      send: [headers(1, [...POST, ["content-length", "0"], ["content-length", "0"]])],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "equal to the body",
      send: [headers(1, [...POST, ["content-length", "3"]], false), data(1, "x"), data(1, "yz"), data(1, "", true)],
      expect: [],
      requests: 1,
    },
  ],
  "8.4 server push": [
    {
      name: "PUSH_PROMISE on stream 0",
      send: [frame(5, 4, 0, Buffer.concat([u32(2), block(...GET)]))],
      expect: ["GOAWAY 0 protocolError"],
    },
  ],
  "10.5.1 limits on the field section": [
    {
      name: "too long: 431",
      send: [headers(1, withField("x", "v".repeat(2000)))],
      expect: ["HEADERS 1 :status=431 END"],
      options: { maxHeaderListBytes: 1000 },
    },
    {
      name: "too long with a body to come",
      send: [headers(1, withField("x", "v".repeat(2000)), false)],
      expect: ["HEADERS 1 :status=431 END", "RST 1 noError"],
      options: { maxHeaderListBytes: 1000 },
    },
    {
      name: "too many",
      send: [headers(1, [...GET, ["a", "1"], ["b", "2"]])],
      expect: ["HEADERS 1 :status=431 END"],
      options: { maxHeaders: 5 },
    },
    {
      name: "too much of a cookie in crumbs",
      send: [headers(1, [...GET, ...Array.from({ length: 200 }, (): Pair => ["cookie", "a=b"])])],
      expect: ["HEADERS 1 :status=431 END"],
      options: { maxHeaderListBytes: 5000 },
    },
    {
      name: "trailers too many",
      send: [
        headers(1, POST, false),
        headers(1, [
          ["a", "1"],
          ["b", "2"],
          ["c", "3"],
          ["d", "4"],
          ["e", "5"],
          ["f", "6"],
        ]),
      ],
      expect: ["RST 1 enhanceYourCalm"],
      requests: 1,
      options: { maxHeaders: 5 },
    },
  ],
  "HPACK 2.3.3, 4.2, 5.2, 6.1, 6.3": [
    {
      name: "an index beyond the tables",
      send: [frame(1, 5, 1, Buffer.concat([block(...GET), Buffer.from([0xc6])]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "a literal with an index beyond the tables",
      send: [frame(1, 5, 1, Buffer.concat([block(...GET), Buffer.from([0x7f, 0x20, 1, 97])]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "index 0",
      send: [frame(1, 5, 1, Buffer.concat([block(...GET), Buffer.from([0x80])]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "a table size update behind a field",
      send: [frame(1, 5, 1, Buffer.concat([block(...GET), Buffer.from([0x20])]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "a table size update above our SETTINGS",
      send: [frame(1, 5, 1, Buffer.concat([Buffer.from([0x3f, 0xe2, 0x1f]), block(...GET)]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "a table size update in front",
      send: [frame(1, 5, 1, Buffer.concat([Buffer.from([0x20]), block(...GET)]))],
      expect: [],
      requests: 1,
    },
    {
      name: "Huffman padding of more than 7 bits",
      send: [
        frame(
          1,
          5,
          1,
          Buffer.concat([
            block(...GET),
            Buffer.from([0, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x84, 0x49, 0x50, 0x9f, 0xff]),
          ]),
        ),
      ],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "Huffman padding of zeros",
      send: [
        frame(
          1,
          5,
          1,
          Buffer.concat([block(...GET), Buffer.from([0, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x83, 0x49, 0x50, 0x90])]),
        ),
      ],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "EOS within Huffman",
      send: [
        frame(
          1,
          5,
          1,
          Buffer.concat([
            block(...GET),
            Buffer.from([0, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x87, 0x49, 0x51, 0xff, 0xff, 0xff, 0xfa, 0x7f]),
          ]),
        ),
      ],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "trailers that cannot be decoded",
      send: [headers(1, POST, false), frame(1, 5, 1, Buffer.from([0x80]))],
      expect: ["GOAWAY 1 compressionError"],
      requests: 1,
    },
  ],
};
