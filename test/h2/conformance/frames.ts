// Each frame: RFC 9113 sections 6 and 7.
import {
  GET,
  POST,
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
import { PROTOCOL_ERROR, type Sections } from "./case.ts";

export const FRAMES: Sections = {
  "6.1 DATA": [
    { name: "on stream 0", send: [data(0, "x")], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "on a stream that is not open",
      send: [headers(1, GET), data(1, "x")],
      expect: ["RST 1 streamClosed"],
      requests: 1,
    },
    {
      name: "with more padding than payload",
      send: [headers(1, POST, false), frame(0, 0x9, 1, "\x06Test")],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
    {
      name: "padded without room for the length",
      send: [headers(1, POST, false), frame(0, 0x9, 1)],
      expect: ["GOAWAY 1 frameSizeError"],
      requests: 1,
    },
  ],
  "6.2 HEADERS": [
    {
      name: "with more padding than payload",
      send: [frame(1, 0xd, 1, Buffer.concat([Buffer.from([200]), block(...GET)]))],
      expect: ["GOAWAY 0 protocolError"],
    },
    { name: "with PRIORITY and no room for it", send: [frame(1, 0x25, 1, "abc")], expect: ["GOAWAY 0 frameSizeError"] },
    { name: "padded without payload", send: [frame(1, 0xd, 1)], expect: ["GOAWAY 0 frameSizeError"] },
  ],
  "6.3 PRIORITY": [
    { name: "on stream 0", send: [priority(0, 1)], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "of another length",
      send: [headers(1, GET), frame(2, 0, 1, "abcd"), ping()],
      expect: ["RST 1 frameSizeError", "PING ACK 12345678"],
      requests: 1,
    },
    {
      name: "without payload",
      send: [headers(1, GET), frame(2, 0, 1), ping()],
      expect: ["RST 1 frameSizeError", "PING ACK 12345678"],
      requests: 1,
    },
  ],
  "6.4 RST_STREAM": [
    { name: "on stream 0", send: [rst(0, 8)], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "of another length",
      send: [headers(1, GET), frame(3, 0, 1, "abc")],
      expect: ["GOAWAY 1 frameSizeError"],
      requests: 1,
    },
  ],
  "6.5 SETTINGS": [
    { name: "an acknowledgement with payload", send: [frame(4, 1, 0, "abcdef")], expect: ["GOAWAY 0 frameSizeError"] },
    {
      name: "on a stream",
      send: [frame(4, 0, 1, Buffer.from([0, 3, 0, 0, 0, 100]))],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "of a length that is no multiple of 6",
      send: [frame(4, 0, 0, "abc")],
      expect: ["GOAWAY 0 frameSizeError"],
    },
    { name: "ENABLE_PUSH other than 0 and 1", send: [settings([2, 2])], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "INITIAL_WINDOW_SIZE above 2^31-1",
      send: [settings([4, 0x8000_0000])],
      expect: ["GOAWAY 0 flowControlError"],
    },
    { name: "MAX_FRAME_SIZE below 2^14", send: [settings([5, 16_383])], expect: ["GOAWAY 0 protocolError"] },
    { name: "MAX_FRAME_SIZE above 2^24-1", send: [settings([5, 0x100_0000])], expect: ["GOAWAY 0 protocolError"] },
    {
      name: "ENABLE_CONNECT_PROTOCOL other than 0 and 1",
      send: [settings([8, 2])],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "ENABLE_CONNECT_PROTOCOL taken back",
      send: [settings([8, 1], [8, 0])],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "several values of one: the last one counts",
      send: [settings([4, 100], [4, 1])],
      expect: ["SETTINGS ACK"],
    },
    { name: "each is acknowledged", send: [settings(), settings()], expect: ["SETTINGS ACK", "SETTINGS ACK"] },
  ],
  "6.6 PUSH_PROMISE": [
    {
      name: "from a client",
      send: [headers(1, POST, false), frame(5, 4, 1, Buffer.concat([u32(2), block(...GET)]))],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
  ],
  "6.7 PING": [
    {
      name: "an answer that nobody asked for",
      send: [ping("invalid!", 1), ping("h2spec!!")],
      expect: ["PING ACK h2spec!!"],
    },
    { name: "on a stream", send: [frame(6, 0, 1, "12345678")], expect: ["GOAWAY 0 protocolError"] },
    { name: "of another length", send: [frame(6, 0, 0, "123456")], expect: ["GOAWAY 0 frameSizeError"] },
  ],
  "6.8 GOAWAY": [
    { name: "on a stream", send: [frame(7, 0, 1, u32(0, 0))], expect: ["GOAWAY 0 protocolError"] },
    { name: "too short", send: [frame(7, 0, 0, u32(0))], expect: ["GOAWAY 0 frameSizeError"] },
    {
      name: "with more data than numbers",
      send: [frame(7, 0, 0, Buffer.concat([u32(0, 0), Buffer.from("bye")])), headers(1, GET)],
      expect: [],
      requests: 1,
    },
  ],
  "6.9 WINDOW_UPDATE": [
    { name: "of 0 on the connection", send: [windowUpdate(0, 0)], expect: ["GOAWAY 0 protocolError"] },
    { name: "of 0 on a stream", send: [headers(1, GET), windowUpdate(1, 0)], expect: PROTOCOL_ERROR(1), requests: 1 },
    { name: "of another length", send: [frame(8, 0, 0, "abc")], expect: ["GOAWAY 0 frameSizeError"] },
    {
      name: "beyond 2^31-1 on the connection",
      send: [windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 0x7fff_ffff)],
      expect: ["GOAWAY 0 flowControlError"],
    },
    {
      name: "beyond 2^31-1 on a stream",
      send: [headers(1, GET), windowUpdate(1, 0x7fff_ffff), windowUpdate(1, 0x7fff_ffff)],
      expect: ["RST 1 flowControlError"],
      requests: 1,
    },
    {
      name: "a window of 1 byte",
      send: [settings([4, 1]), headers(1, GET)],
      expect: ["SETTINGS ACK", "HEADERS 1 :status=200", "DATA 1 1"],
      requests: 1,
      answers: true,
    },
    {
      name: "a window that shrinks below what was sent, and grows again",
      send: [settings([4, 3]), headers(1, GET), settings([4, 2]), windowUpdate(1, 2)],
      expect: ["SETTINGS ACK", "HEADERS 1 :status=200", "DATA 1 3", "SETTINGS ACK", "DATA 1 1"],
      requests: 1,
      answers: true,
    },
    {
      name: "SETTINGS that lift a stream beyond 2^31-1",
      send: [headers(1, GET), windowUpdate(1, 0x7fff_0000), settings([4, 0x7fff_ffff])],
      expect: ["GOAWAY 1 flowControlError"],
      requests: 1,
    },
  ],
  "6.9.1 what we let a client send": [
    {
      name: "more than the stream's window",
      pauses: true,
      send: [headers(1, POST, false), ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384)))],
      expect: ["RST 1 flowControlError"],
      requests: 1,
      options: { initialStreamWindowSize: 65_535 },
    },
    {
      name: "more than the connection's",
      pauses: true,
      send: [headers(1, POST, false), ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384)))],
      expect: ["GOAWAY 1 flowControlError"],
      requests: 1,
      options: { initialConnectionWindowSize: 65_535 },
    },
  ],
  "6.10 CONTINUATION": [
    {
      name: "behind the block's end",
      send: [headers(1, GET), frame(9, 4, 1, block(["x", "y"]))],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
    {
      name: "on stream 0",
      send: [headers(1, GET, true, 0), frame(9, 4, 0, block(["x", "y"]))],
      expect: ["GOAWAY 0 protocolError"],
    },
    {
      name: "behind DATA",
      send: [headers(1, POST, false), data(1, "x"), frame(9, 4, 1, block(["x", "y"]))],
      expect: ["GOAWAY 1 protocolError"],
      requests: 1,
    },
    {
      name: "on another stream",
      send: [headers(1, GET, true, 0), frame(9, 4, 3, block(["x", "y"]))],
      expect: ["GOAWAY 0 protocolError"],
    },
  ],
  "7 error codes": [
    { name: "an unknown one in GOAWAY", send: [goaway(0, 0xff), ping()], expect: ["PING ACK 12345678"] },
    {
      name: "an unknown one in RST_STREAM",
      send: [headers(1, GET), rst(1, 0xff), ping()],
      expect: ["PING ACK 12345678"],
      requests: 1,
    },
  ],
};
