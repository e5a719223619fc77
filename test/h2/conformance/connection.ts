// Preface, frames, streams, errors: RFC 9113 sections 3 to 5, and what h2spec calls generic.
import { PREFACE, Setting } from "../../../packages/core/src/http/codec/h2/frame.ts";
import {
  GET,
  POST,
  SETTINGS_ACK,
  block,
  data,
  frame,
  goaway,
  headers,
  ping,
  priority,
  rst,
  settings,
  u32,
  windowUpdate,
} from "../../../packages/core/src/http/codec/h2/scripted-wire.ts";
import { GREETING, PROTOCOL_ERROR, type Sections } from "./case.ts";

const BIG = Buffer.alloc(16_385);

export const CONNECTION: Sections = {
  "generic 1 to 5": [
    { name: "a client preface", send: [PREFACE, settings()], expect: [...GREETING, "SETTINGS ACK"], noGreeting: true },
    { name: "a GET", send: [headers(1, GET)], expect: [], requests: 1 },
    { name: "a HEAD", send: [headers(1, [[":method", "HEAD"], ...GET.slice(1)])], expect: [], requests: 1 },
    { name: "a POST with a body", send: [headers(1, POST, false), data(1, "x", true)], expect: [], requests: 1 },
    {
      name: "a POST with trailers",
      send: [headers(1, POST, false), data(1, "x"), headers(1, [["x-t", "1"]])],
      expect: [],
      requests: 1,
    },
    { name: "an idle stream's PRIORITY", send: [priority(1, 0), headers(1, GET)], expect: [], requests: 1 },
    {
      name: "HEADERS, a half-closed stream's WINDOW_UPDATE, RST_STREAM, PRIORITY",
      send: [headers(1, GET), windowUpdate(1, 1), priority(1, 0), rst(1, 8)],
      expect: [],
      requests: 1,
    },
    {
      name: "a closed stream's PRIORITY",
      send: [headers(1, GET), rst(1, 8), priority(1, 0)],
      expect: [],
      requests: 1,
    },
    {
      name: "HEADERS with PRIORITY fields",
      send: [frame(1, 0x25, 1, Buffer.concat([u32(0), Buffer.from([9]), block(...GET)]))],
      expect: [],
      requests: 1,
    },
    {
      name: "padded HEADERS",
      send: [frame(1, 0xd, 1, Buffer.concat([Buffer.from([1]), block(...GET), Buffer.alloc(1)]))],
      expect: [],
      requests: 1,
    },
    {
      name: "CONTINUATION",
      send: [headers(1, GET.slice(0, 2), true, 0), frame(9, 4, 1, block(...GET.slice(2)))],
      expect: [],
      requests: 1,
    },
    {
      name: "several CONTINUATION",
      send: [
        headers(1, GET.slice(0, 1), true, 0),
        frame(9, 0, 1, block(GET[1]!)),
        frame(9, 4, 1, block(...GET.slice(2))),
      ],
      expect: [],
      requests: 1,
    },
    {
      name: "SETTINGS of every kind",
      send: [settings([1, 8192], [2, 1], [3, 100], [4, 65_535], [5, 16_384], [6, 4096])],
      expect: ["SETTINGS ACK"],
    },
    { name: "PING", send: [ping("h2spec!!")], expect: ["PING ACK h2spec!!"] },
    { name: "GOAWAY", send: [goaway(0, 0)], expect: [] },
    { name: "the connection's WINDOW_UPDATE", send: [windowUpdate(0, 1)], expect: [] },
  ],
  "3.4 connection preface": [
    {
      name: "an invalid preface",
      send: ["INVALID CONNECTION PREFACE\r\n\r\n"],
      expect: [...GREETING, "GOAWAY 0 protocolError"],
      noGreeting: true,
    },
    {
      name: "something else than SETTINGS first",
      send: [PREFACE, headers(1, GET)],
      expect: [...GREETING, "GOAWAY 0 protocolError"],
      noGreeting: true,
    },
    {
      name: "an acknowledgement first",
      send: [PREFACE, SETTINGS_ACK],
      expect: [...GREETING, "GOAWAY 0 protocolError"],
      noGreeting: true,
    },
    {
      name: "HTTP/1",
      send: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
      expect: [...GREETING, "GOAWAY 0 protocolError"],
      noGreeting: true,
    },
  ],
  "4.1 frame format": [
    {
      name: "an unknown type is passed over",
      send: [frame(0x16, 0, 0, "12345678"), ping()],
      expect: ["PING ACK 12345678"],
    },
    { name: "an unknown type without payload", send: [frame(0xff, 0xff, 77), ping()], expect: ["PING ACK 12345678"] },
    { name: "undefined flags are passed over", send: [ping("12345678", 0x16)], expect: ["PING ACK 12345678"] },
    {
      name: "the reserved bit is passed over",
      send: [Buffer.concat([ping().subarray(0, 5), Buffer.from([0x80, 0, 0, 0]), Buffer.from("12345678")])],
      expect: ["PING ACK 12345678"],
    },
  ],
  "4.2 frame size": [
    {
      name: "DATA of 2^14 bytes",
      send: [headers(1, POST, false), data(1, Buffer.alloc(16_384), true)],
      expect: [],
      requests: 1,
    },
    {
      name: "larger DATA",
      send: [headers(1, POST, false), data(1, BIG, true)],
      expect: ["GOAWAY 1 frameSizeError"],
      requests: 1,
    },
    { name: "larger HEADERS", send: [frame(1, 5, 1, BIG)], expect: ["GOAWAY 0 frameSizeError"] },
    { name: "a larger unknown frame", send: [frame(0x20, 0, 0, BIG)], expect: ["GOAWAY 0 frameSizeError"] },
  ],
  "4.3 field section": [
    {
      name: "a block that cannot be decoded",
      send: [frame(1, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
      expect: ["GOAWAY 1 compressionError"],
    },
    {
      name: "another type between HEADERS and CONTINUATION",
      send: [headers(1, GET, true, 0), ping()],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "another stream's HEADERS between",
      send: [headers(1, GET, true, 0), headers(3, GET)],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "an unknown frame between",
      send: [headers(1, GET, true, 0), frame(0x16, 0, 1, "x")],
      expect: ["GOAWAY 0 protocolError"],
    },
  ],
  "5.1 stream states": [
    { name: "idle: DATA", send: [data(1, "x", true)], expect: ["GOAWAY 0 protocolError"] },
    { name: "idle: RST_STREAM", send: [rst(1, 8)], expect: ["GOAWAY 0 protocolError"] },
    { name: "idle: WINDOW_UPDATE", send: [windowUpdate(1, 100)], expect: ["GOAWAY 0 protocolError"] },
    { name: "idle: CONTINUATION", send: [frame(9, 4, 1, block(...GET))], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "half-closed: DATA",
      send: [headers(1, GET), data(1, "x", true)],
      expect: ["RST 1 streamClosed"],
      requests: 1,
    },
    {
      name: "half-closed: HEADERS",
      send: [headers(1, GET), headers(1, GET)],
      expect: ["RST 1 streamClosed"],
      requests: 1,
    },
    {
      name: "half-closed: CONTINUATION",
      send: [headers(1, GET), frame(9, 4, 1, block(...GET))],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
    {
      name: "closed by RST_STREAM: DATA",
      send: [headers(1, POST, false), rst(1, 8), data(1, "x", true)],
      expect: ["RST 1 streamClosed"],
      requests: 1,
    },
    {
      name: "closed by RST_STREAM: HEADERS",
      send: [headers(1, POST, false), rst(1, 8), headers(1, GET)],
      expect: ["RST 1 streamClosed"],
      requests: 1,
    },
    {
      name: "closed by RST_STREAM: CONTINUATION",
      send: [headers(1, POST, false), rst(1, 8), frame(9, 4, 1, block(...GET))],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
    {
      name: "closed by RST_STREAM: RST_STREAM, WINDOW_UPDATE",
      send: [headers(1, POST, false), rst(1, 8), rst(1, 8), windowUpdate(1, 1)],
      expect: [],
      requests: 1,
    },
  ],
  "5.1.1 stream identifiers": [
    { name: "an even id", send: [headers(2, GET)], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "an id below one before",
      send: [headers(5, GET), headers(3, GET)],
      expect: ["GOAWAY 5 protocolError"],
      requests: 1,
    },
    {
      name: "an id that was passed over: DATA",
      send: [headers(5, GET), data(3, "x")],
      expect: ["GOAWAY 5 protocolError"],
      requests: 1,
    },
    { name: "stream 0: HEADERS", send: [headers(0, GET)], expect: ["GOAWAY 0 protocolError"] },
  ],
  "5.1.2 concurrency": [
    {
      name: "more streams than allowed",
      send: [headers(1, GET), headers(3, GET), headers(5, GET)],
      expect: ["RST 5 refusedStream"],
      requests: 2,
      options: { maxConcurrentStreams: 2 },
    },
  ],
  "5.3 priority": [
    {
      name: "HEADERS that depends on itself",
      send: [frame(1, 0x25, 1, Buffer.concat([u32(1), Buffer.from([9]), block(...GET)]))],
      expect: PROTOCOL_ERROR(1),
    },
    {
      name: "PRIORITY that depends on itself",
      send: [headers(1, GET), priority(1, 1)],
      expect: PROTOCOL_ERROR(1),
      requests: 1,
    },
  ],
  "5.4.1 connection errors": [
    {
      name: "nothing is read after one",
      send: [frame(6, 0, 0, "short"), ping(), headers(1, GET)],
      expect: ["GOAWAY 0 frameSizeError"],
    },
  ],
  "5.5 extensions": [
    {
      name: "unknown SETTINGS are passed over",
      send: [settings([0xff, 1], [Setting.enableConnectProtocol, 1])],
      expect: ["SETTINGS ACK"],
    },
  ],
};
