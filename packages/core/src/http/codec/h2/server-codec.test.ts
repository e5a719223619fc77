// The server codec doing what it is for: requests in, responses out, many at a time.
import { describe, expect, it } from "vitest";
import { PREFACE, Setting } from "./frame.ts";
import { ServerPeer, response } from "./scripted-peer.ts";
import { GET, POST, SETTINGS_ACK, block, data, frame, headers, ping, settings, windowUpdate } from "./scripted-wire.ts";

describe("a connection begins", () => {
  it("with our SETTINGS and the connection's window, and acknowledges the client's", () => {
    const peer = new ServerPeer();
    peer.turn(() => undefined);
    expect(peer.sent()).toEqual(["SETTINGS", `WINDOW 0 ${24 * 1024 * 1024 - 65_535}`]);
    peer.receive(PREFACE, settings([Setting.initialWindowSize, 1000]));
    expect(peer.sent()).toEqual(["SETTINGS ACK"]);
  });

  it("with everything in one write", () => {
    const peer = new ServerPeer().answerAll();
    peer.receive(PREFACE, settings(), headers(1, GET), headers(3, GET));
    expect(peer.connection.writes).toHaveLength(1);
    expect(peer.sent()).toEqual([
      "SETTINGS",
      `WINDOW 0 ${24 * 1024 * 1024 - 65_535}`,
      "SETTINGS ACK",
      "HEADERS 1 :status=200",
      "DATA 1 2 END",
      "HEADERS 3 :status=200",
      "DATA 3 2 END",
    ]);
  });
});

describe("a request", () => {
  it("without a body comes with its pseudo-headers as properties", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, [...GET, ["accept", "*/*"], ["x-a", "1"], ["x-a", "2"]]));
    const { last } = peer;
    expect(last.line).toBe("GET example.com /");
    expect(last.headers!.scheme).toBe("http");
    expect(last.fields).toEqual([
      ["accept", "*/*"],
      ["x-a", "1"],
      ["x-a", "2"],
    ]);
    expect(last.isComplete).toBe(true);
    expect(last.encoder.protocol).toBe("HTTP/2");
  });

  it("with a body and trailers", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, [...POST, ["te", "trailers"]], false), data(1, "ab"), data(1, "cd"));
    expect(peer.last.body).toBe("abcd");
    expect(peer.last.isComplete).toBe(false);
    peer.receive(headers(1, [["x-sum", "4"]]));
    expect(peer.last.trailers).toEqual([["x-sum", "4"]]);
    expect(peer.stats.trailers.value).toBe(1);
  });

  it("whose cookie came in crumbs has one", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, [...GET, ["cookie", "a=1"], ["x", "y"], ["cookie", "b=2"], ["cookie", "c=3"]]));
    expect(peer.last.fields).toEqual([
      ["cookie", "a=1; b=2; c=3"],
      ["x", "y"],
    ]);
  });

  it("may have a cookie in more crumbs than it may have fields", () => {
    const peer = new ServerPeer({ maxHeaders: 6 }).greet();
    peer.receive(headers(1, [...GET, ...Array.from({ length: 20 }, (_, i) => ["cookie", `c${i}=1`] as const)]));
    expect(peer.last.fields).toHaveLength(1);
  });

  it("with host in place of :authority", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, [...GET.slice(0, 3), ["host", "other.example"]]));
    expect(peer.last.line).toBe("GET other.example /");
    expect(peer.last.fields).toEqual([]);
  });

  it("whose head comes in several frames, padded, with a priority", () => {
    const peer = new ServerPeer().greet();
    const whole = block(...GET, ["x-long", "v".repeat(300)]);
    const first = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 15]), whole.subarray(0, 10), Buffer.alloc(3)]);
    peer.receive(frame(1, 0x8 | 0x20 | 0x1, 1, first), frame(9, 0, 1, whole.subarray(10, 200)));
    expect(peer.requests).toHaveLength(0);
    expect(peer.codec.readingHead).toBe(true);
    peer.receive(frame(9, 0x4, 1, whole.subarray(200)));
    expect(peer.last.fields).toEqual([["x-long", "v".repeat(300)]]);
    expect(peer.last.isComplete).toBe(true);
    expect(peer.codec.readingHead).toBe(false);
  });

  it("whose DATA is padded", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, POST, false), frame(0, 0x8, 1, "\x02ab\0\0"), frame(0, 0x9, 1, "\x01\0"));
    expect(peer.last.body).toBe("ab");
    expect(peer.last.isComplete).toBe(true);
  });

  it("with an asterisk for a path is OPTIONS", () => {
    const peer = new ServerPeer().greet();
    peer.receive(
      headers(1, [
        [":method", "OPTIONS"],
        [":scheme", "http"],
        [":path", "*"],
        [":authority", "a"],
      ]),
    );
    expect(peer.last.line).toBe("OPTIONS a *");
  });
});

describe("a response", () => {
  it("with a body, an informational one before and trailers behind", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    const { encoder } = peer.last;
    peer.turn(() => {
      encoder.sendInformational(response(103, ["link", "</a>"]));
      encoder.sendHeaders(response(200, ["content-type", "text/plain"]), false);
      encoder.sendData(Buffer.from("hello"), false);
      encoder.sendTrailers(response(200, ["x-sum", "5"]));
    });
    expect(peer.sent()).toEqual([
      "HEADERS 1 :status=103 link=</a>",
      "HEADERS 1 :status=200 content-type=text/plain",
      "DATA 1 5",
      "HEADERS 1 x-sum=5 END",
    ]);
    expect(peer.last.flushed).toBe(1);
    expect(peer.codec.activeStreams).toBe(0);
    expect(peer.stats.streamsActive.value).toBe(0);
  });

  it("never carries what belongs to one connection", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() =>
      peer.last.encoder.sendHeaders(
        response(
          200,
          ["connection", "close"],
          ["keep-alive", "1"],
          ["proxy-connection", "x"],
          ["transfer-encoding", "chunked"],
          ["upgrade", "h2c"],
          ["content-length", "0"],
          ["content-length", "0"],
          ["x", "y"],
        ),
        true,
      ),
    );
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 content-length=0 x=y END"]);
  });

  it.each([
    ["HEAD", 200],
    ["GET", 304],
    ["GET", 204],
  ])("to %s with %i has no body, whatever is given", (method, status) => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, [[":method", method], ...GET.slice(1)]));
    peer.turn(() => {
      peer.last.encoder.sendHeaders(response(status, ["content-length", "5"]), false);
      peer.last.encoder.sendData(Buffer.from("hello"), true);
    });
    const length = status === 204 ? "" : " content-length=5";
    expect(peer.sent()).toEqual([`HEADERS 1 :status=${status}${length}`, "DATA 1 0 END"]);
    expect(peer.last.flushed).toBe(1);
  });

  it.each([
    ["more", "hello!", true],
    ["less", "hell", true],
  ])("with %s than its length promised is reset", (_what, body, end) => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() => {
      peer.last.encoder.sendHeaders(response(200, ["content-length", "5"]), false);
      peer.last.encoder.sendData(Buffer.from(body), end);
    });
    expect(peer.sent().at(-1)).toBe("RST 1 internalError");
    expect(peer.last.reset).toBe("local_reset http2.body_length_mismatch");
  });

  it("larger than a frame goes out in frames of the peer's size", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() => {
      peer.last.encoder.sendHeaders(response(200), false);
      peer.last.encoder.sendData(Buffer.alloc(40_000, 1), true);
    });
    expect(peer.sent().slice(1)).toEqual(["DATA 1 16384", "DATA 1 16384", "DATA 1 7232 END"]);
    peer.receive(settings([Setting.maxFrameSize, 30_000]), headers(3, GET));
    peer.turn(() => {
      peer.last.encoder.sendHeaders(response(200), false);
      peer.last.encoder.sendData(Buffer.alloc(25_000, 1), true);
    });
    expect(peer.sent().slice(2)).toEqual(["DATA 3 25000 END"]);
  });

  it("whose head is larger than a frame is continued", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    // Bytes that Huffman does not shorten.
    peer.turn(() => peer.last.encoder.sendHeaders(response(200, ["x-a", "~".repeat(40_000)]), true));
    const sent = peer.sentFrames();
    expect(sent.map(({ type, flags }) => [type, flags])).toEqual([
      [1, 0x1],
      [9, 0],
      [9, 0x4],
    ]);
    expect(sent[0]!.payload).toHaveLength(16_384);
  });

  it("before the request's end asks the client to stop", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, POST, false));
    peer.turn(() => peer.last.encoder.sendHeaders(response(413), true));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=413 END", "RST 1 noError"]);
    expect(peer.last.flushed).toBe(1);
    expect(peer.last.reset).toBe("local_reset response_before_request_complete");
    // What the client sent before it knew is no fault.
    peer.receive(data(1, "late"), headers(1, [["x", "late"]]));
    expect(peer.sent()).toEqual([]);
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("in the turn of the request's end needs no reset", () => {
    const peer = new ServerPeer().greet();
    peer.onHeaders = ({ encoder }) => encoder.sendHeaders(response(200), true);
    peer.receive(headers(1, POST, false), data(1, "x", true));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 END"]);
    expect(peer.last.isReset).toBe(false);
  });
});

describe("tunnels", () => {
  const CONNECT = [
    [":method", "CONNECT"],
    [":authority", "db.example:5432"],
  ] as const;
  const WEBSOCKET = [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":path", "/chat"],
    [":authority", "example.com"],
  ] as const;

  it("CONNECT carries bytes both ways, and each side ends its own", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, CONNECT, false));
    const { last } = peer;
    expect(last.headers!.method).toBe("CONNECT");
    expect(last.headers!.authority).toBe("db.example:5432");
    peer.turn(() => last.encoder.sendHeaders(response(200, ["content-length", "9"]), false));
    peer.receive(data(1, "ping"));
    peer.turn(() => last.encoder.sendData(Buffer.from("pong"), true));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200", "DATA 1 4 END"]);
    expect(last.flushed).toBe(1);
    peer.receive(data(1, "more"), data(1, "", true));
    expect(last.body).toBe("pingmore");
    expect(last.isComplete).toBe(true);
    expect(peer.codec.activeStreams).toBe(0);
    expect(last.isReset).toBe(false);
  });

  it("extended CONNECT is an upgrade inside, and 101 is 200 outside", () => {
    const peer = new ServerPeer({ allowConnect: true });
    peer.turn(() => undefined);
    const sent = peer.sentFrames();
    expect(sent[0]!.payload.toString("hex")).toContain("000800000001");
    peer.greet();
    peer.receive(headers(1, WEBSOCKET, false));
    const { last } = peer;
    expect([last.headers!.method, last.headers!.upgrade, last.headers!.path]).toEqual(["GET", "websocket", "/chat"]);
    peer.turn(() => last.encoder.sendHeaders(response(101, ["upgrade", "websocket"], ["x", "y"]), false));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 x=y"]);
    peer.receive(data(1, "frame", true));
    expect(last.body).toBe("frame");
    peer.turn(() => last.encoder.sendData(Buffer.from("bye"), true));
    expect(peer.sent()).toEqual(["DATA 1 3 END"]);
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("that is refused ends its request", () => {
    const peer = new ServerPeer({ allowConnect: true }).greet();
    peer.receive(headers(1, WEBSOCKET, false));
    peer.turn(() => peer.last.encoder.sendHeaders(response(403), true));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=403 END", "RST 1 noError"]);
    expect(peer.last.isComplete).toBe(true);
    expect(peer.last.flushed).toBe(1);
  });

  it("extended CONNECT that was not offered is malformed", () => {
    const peer = new ServerPeer({ streamErrorOnInvalidHttpMessage: true }).greet();
    peer.receive(headers(1, WEBSOCKET, false));
    expect(peer.sent()).toEqual(["RST 1 protocolError"]);
  });
});

describe("a connection", () => {
  it("answers PING", () => {
    const peer = new ServerPeer().greet();
    peer.receive(ping("abcdefgh"));
    expect(peer.sent()).toEqual(["PING ACK abcdefgh"]);
  });

  it("that the client ends takes its streams with it", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET), headers(3, POST, false));
    peer.connection.receiveEnd();
    expect(peer.requests.map(({ reset }) => reset)).toEqual([
      "connection_termination downstream_remote_disconnect",
      "connection_termination downstream_remote_disconnect",
    ]);
    expect(peer.stats.streamsActive.value).toBe(0);
    expect(peer.time.timers.size).toBe(0);
  });

  it("that is gone tells the system's word, once", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.connection.receiveClose("ECONNRESET");
    expect(peer.last.reset).toBe("connection_termination ECONNRESET");
    expect(() => peer.last.encoder.sendHeaders(response(200), true)).not.toThrow();
  });

  it("keeps its compression right across requests", () => {
    const peer = new ServerPeer().greet();
    peer.onComplete = ({ encoder }) => encoder.sendHeaders(response(200, ["x-same", "value"], ["date", "now"]), true);
    const lengths: number[] = [];
    for (let id = 1; id < 20; id += 2) {
      peer.receive(headers(id, GET));
      const bytes = Buffer.concat(peer.connection.writes);
      lengths.push(bytes.length);
      expect(peer.sent()).toEqual([`HEADERS ${id} :status=200 x-same=value date=now END`]);
    }
    expect(lengths.at(-1)).toBeLessThan(lengths[0]!);
  });

  it("gives room back as the engine takes what comes", () => {
    const peer = new ServerPeer({ initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535 }).greet();
    peer.receive(headers(1, POST, false));
    for (let i = 0; i < 10; i++) peer.receive(data(1, Buffer.alloc(10_000, 97)));
    expect(peer.sent()).toEqual(["WINDOW 1 40000", "WINDOW 0 40000", "WINDOW 1 40000", "WINDOW 0 40000"]);
    expect(peer.last.body).toHaveLength(100_000);
  });

  it("is not confused by a window update for a stream that is over", () => {
    const peer = new ServerPeer().greet().answerAll();
    peer.receive(headers(1, GET));
    peer.sent();
    peer.receive(windowUpdate(1, 10), frame(3, 0, 1, Buffer.from([0, 0, 0, 8])));
    expect(peer.sent()).toEqual([]);
    expect(peer.connection.closedBy).toBe("");
  });
});

describe("a connection without streams", () => {
  it("is ended politely", () => {
    const peer = new ServerPeer().greet().answerAll();
    peer.receive(headers(1, GET));
    peer.sent();
    peer.codec.closeIdle();
    expect(peer.sent()).toEqual(["GOAWAY 1 noError"]);
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.errors).toEqual([]);
  });

  it("is not while there is one", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.codec.closeIdle();
    expect(peer.connection.closedBy).toBe("");
  });
});

describe("an acknowledgement", () => {
  it("of SETTINGS that was never asked for is passed over", () => {
    const peer = new ServerPeer().greet();
    peer.receive(SETTINGS_ACK, SETTINGS_ACK);
    expect(peer.sent()).toEqual([]);
    expect(peer.requests).toEqual([]);
  });
});
