// The client codec: requests out, responses in, and how a connection that drains or breaks treats its streams.
import { describe, expect, it } from "vitest";
import { Setting } from "./frame.ts";
import { ClientPeer, RecordedResponse, request, response } from "./scripted-peer.ts";
import { OK, data, frame, goaway, headers, ping, rst, settings, u32, windowUpdate } from "./scripted-wire.ts";

const REQUEST = ":method=GET :scheme=http :path=/ :authority=example.com";

describe("a connection begins", () => {
  it("with the preface, SETTINGS that forbid pushing, and the window", () => {
    const peer = new ClientPeer();
    const sent = peer.sentFrames();
    expect(sent.map(({ type }) => type)).toEqual([4, 8]);
    expect(sent[0]!.payload.subarray(0, 6).toString("hex")).toBe("000200000000");
  });

  it("and its first requests need not wait for the server's SETTINGS", () => {
    const peer = new ClientPeer();
    peer.sent();
    peer.get();
    peer.get();
    expect(peer.sent()).toEqual([`HEADERS 1 ${REQUEST} END`, `HEADERS 3 ${REQUEST} END`]);
    expect(peer.codec.activeStreams).toBe(2);
  });
});

describe("a request", () => {
  it("with a body, fields and trailers, without what belongs to one connection", () => {
    const peer = new ClientPeer().greet();
    const { encoder } = peer.send(
      request("POST", "/up", ["content-length", "5"], ["te", "trailers"], ["connection", "x"], ["a", "b"]),
      false,
    );
    peer.turn(() => {
      encoder.sendData(Buffer.from("hello"), false);
      encoder.sendTrailers(response(200, ["sum", "5"]));
    });
    expect(peer.sent()).toEqual([
      "HEADERS 1 :method=POST :scheme=http :path=/up :authority=example.com content-length=5 te=trailers a=b",
      "DATA 1 5",
      "HEADERS 1 sum=5 END",
    ]);
  });

  it("of a tunnel has neither scheme nor path", () => {
    const peer = new ClientPeer().greet();
    peer.send(request("CONNECT", ""), false);
    expect(peer.sent()).toEqual(["HEADERS 1 :method=CONNECT :authority=example.com"]);
  });

  it("that breaks its own promise is reset, and its owner told", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.send(request("POST", "/", ["content-length", "5"]), false);
    peer.turn(() => sent.encoder.sendData(Buffer.from("hello!"), true));
    expect(peer.sent().at(-1)).toBe("RST 1 internalError");
    expect(sent.reset).toBe("local_reset http2.body_length_mismatch");
    expect(peer.ends).toEqual([true]);
  });

  it("without an authority is not sent", () => {
    const peer = new ClientPeer().greet();
    const headers = request("GET", "/");
    headers.authority = "";
    const sent = peer.send(headers, true);
    expect(peer.sent()).toEqual([]);
    expect(sent.reset).toBe("local_reset http2.invalid_request");
  });

  it("waits for windows, with watermarks", () => {
    const peer = new ClientPeer({ streamBufferBytes: 100 }).greet([Setting.initialWindowSize, 10]);
    const sent = peer.send(request("POST", "/"), false);
    peer.turn(() => sent.encoder.sendData(Buffer.alloc(200), true));
    expect(sent.highs).toBe(1);
    expect(peer.sent().slice(1)).toEqual(["DATA 1 10"]);
    peer.receive(windowUpdate(1, 1000));
    expect(sent.lows).toBe(1);
    expect(peer.sent()).toEqual(["DATA 1 190 END"]);
  });

  it("that its owner gives up is cancelled; nothing more is heard of it", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.get();
    peer.turn(() => sent.encoder.reset());
    expect(peer.sent().slice(1)).toEqual(["RST 1 cancel"]);
    expect(peer.ends).toEqual([true]);
    peer.receive(headers(1, OK, false), data(1, "late", true));
    expect(sent.hasHeaders).toBe(false);
    expect(peer.sent()).toEqual([]);
  });

  it("given up before its headers were sent leaves no trace", () => {
    const peer = new ClientPeer().greet();
    const recorded = new RecordedResponse();
    peer.turn(() => peer.codec.openStream(recorded).reset());
    expect(peer.sent()).toEqual([]);
    expect(peer.ends).toEqual([true]);
    expect(peer.codec.activeStreams).toBe(0);
  });
});

describe("a response", () => {
  it("with informational ones, a body and trailers", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.get();
    peer.receive(headers(1, [[":status", "103"]], false), headers(1, [...OK, ["a", "b"]], false), data(1, "hello"));
    peer.receive(headers(1, [["grpc-status", "0"]]));
    expect(sent.informational).toEqual([103]);
    expect([sent.status, sent.fields, sent.body, sent.trailers]).toEqual([
      200,
      [["a", "b"]],
      "hello",
      [["grpc-status", "0"]],
    ]);
    expect(peer.ends).toEqual([true]);
    expect(peer.stats.streamsActive.value).toBe(0);
  });

  it("that is whole before the request leaves the stream open until the request is", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.send(request("POST", "/"), false);
    peer.receive(headers(1, OK));
    expect(sent.isComplete).toBe(true);
    expect(peer.ends).toEqual([]);
    peer.turn(() => sent.encoder.sendData(Buffer.from("x"), true));
    expect(peer.ends).toEqual([true]);
  });

  it("that is whole, and a server that wants no more of the request, is no failure", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.send(request("POST", "/"), false);
    peer.receive(headers(1, [[":status", "413"]]), rst(1, 0));
    expect(sent.isComplete).toBe(true);
    expect(sent.isReset).toBe(false);
    expect(peer.ends).toEqual([true]);
  });

  it.each([
    ["HEAD", [...OK, ["content-length", "5"] as const]],
    ["GET", [[":status", "304"] as const, ["content-length", "5"] as const]],
  ])("to %s may promise a length without a body", (method, fields) => {
    const peer = new ClientPeer().greet();
    const sent = peer.get(method);
    peer.receive(headers(1, fields));
    expect(sent.isComplete).toBe(true);
  });

  it("that is paused is held, and room is given back when it goes on", () => {
    const peer = new ClientPeer({ initialStreamWindowSize: 65_535 }).greet();
    const sent = peer.get();
    peer.sent();
    sent.encoder.pauseResponse();
    peer.receive(headers(1, OK, false), ...Array.from({ length: 6 }, () => data(1, Buffer.alloc(10_000, 97))));
    expect([sent.status, sent.body, peer.sent()]).toEqual([200, "", []]);
    peer.turn(() => sent.encoder.resumeResponse());
    expect(sent.body).toHaveLength(60_000);
    expect(peer.sent()).toEqual(["WINDOW 1 40000"]);
  });
});

describe("tunnels", () => {
  it("an upgrade is an extended CONNECT outside, and its 200 is 101 inside", () => {
    const peer = new ClientPeer().greet([Setting.enableConnectProtocol, 1]);
    const map = request("GET", "/chat");
    map.upgrade = "websocket";
    const sent = peer.send(map, true);
    expect(peer.sent()).toEqual([
      "HEADERS 1 :method=CONNECT :protocol=websocket :scheme=http :path=/chat :authority=example.com",
    ]);
    peer.receive(headers(1, [...OK, ["x", "y"]], false), data(1, "frame"));
    expect(sent.status).toBe(101);
    expect(sent.fields).toEqual([
      ["x", "y"],
      ["upgrade", "websocket"],
    ]);
    peer.turn(() => sent.encoder.sendData(Buffer.from("bye"), true));
    peer.receive(data(1, "", true));
    expect([sent.body, sent.isComplete, peer.ends]).toEqual(["frame", true, [true]]);
  });

  it("an upgrade that the configuration does not allow fails, though the server offers it", () => {
    const peer = new ClientPeer({ allowConnect: false }).greet([Setting.enableConnectProtocol, 1]);
    const map = request("GET", "/");
    map.upgrade = "websocket";
    const sent = peer.send(map, true);
    expect(sent.reset).toBe("local_reset http2.extended_connect_not_enabled");
  });

  it("an upgrade that the server has not offered fails, and says why", () => {
    const peer = new ClientPeer().greet();
    const map = request("GET", "/");
    map.upgrade = "websocket";
    const sent = peer.send(map, true);
    expect(sent.reset).toBe("local_reset http2.extended_connect_not_enabled");
    expect(peer.sent()).toEqual([]);
    expect([peer.ends, peer.codec.activeStreams]).toEqual([[true], 0]);
  });

  it("that is refused sends its end", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.send(request("CONNECT", ""), false);
    peer.receive(headers(1, [[":status", "403"]], false), data(1, "no", true));
    expect(peer.sent().slice(1)).toEqual(["DATA 1 0 END"]);
    expect([sent.status, sent.body, peer.ends]).toEqual([403, "no", [true]]);
  });
});

describe("what is not legal in a response", () => {
  const STATUS_100 = [":status", "100"] as const;
  it.each([
    ["no status", [headers(1, [["a", "b"]])]],
    ["a status of two digits", [headers(1, [[":status", "20"]])]],
    ["a status twice", [headers(1, [...OK, ...OK])]],
    ["a request's pseudo-header", [headers(1, [...OK, [":path", "/"]])]],
    ["a pseudo-header behind a field", [headers(1, [["a", "b"], ...OK])]],
    ["101", [headers(1, [[":status", "101"]], false)]],
    ["an informational one that ends the stream", [headers(1, [STATUS_100])]],
    ["17 informational ones", Array.from({ length: 17 }, () => headers(1, [STATUS_100], false))],
    ["a body before the headers", [data(1, "x")]],
    ["connection", [headers(1, [...OK, ["connection", "close"]])]],
    ["an upper-case name", [headers(1, [...OK, ["X", "y"]])]],
    ["CR LF in a value", [headers(1, [...OK, ["x", "a\r\nset-cookie: b"]])]],
    ["more body than promised", [headers(1, [...OK, ["content-length", "1"]], false), data(1, "xy")]],
    ["less body than promised", [headers(1, [...OK, ["content-length", "3"]], false), data(1, "xy", true)]],
    ["no body but a promise", [headers(1, [...OK, ["content-length", "3"]])]],
    ["204 with a body", [headers(1, [[":status", "204"]], false), data(1, "x")]],
    [
      "204 with a length",
      [
        headers(1, [
          [":status", "204"],
          ["content-length", "3"],
        ]),
      ],
    ],
    ["trailers that do not end the stream", [headers(1, OK, false), headers(1, [["a", "b"]], false)]],
    ["a status in trailers", [headers(1, OK, false), headers(1, OK)]],
  ])("%s: the stream's error, or the connection's, as configured", (_name, frames) => {
    const peer = new ClientPeer({ streamErrorOnInvalidHttpMessage: true }).greet();
    const sent = peer.get();
    peer.sent();
    peer.receive(...frames);
    expect(peer.sent()).toEqual(["RST 1 protocolError"]);
    expect(sent.reset).toMatch(/^protocol_error http2\./);
    expect([peer.ends, peer.connection.closedBy]).toEqual([[true], ""]);
    const strict = new ClientPeer().greet();
    strict.get();
    strict.sent();
    strict.receive(...frames);
    expect(strict.sent()).toEqual(["GOAWAY 0 protocolError"]);
    expect([strict.ends, strict.drainings, strict.connection.closedBy]).toEqual([[false], 1, "flush"]);
  });

  it("a body to HEAD", () => {
    const peer = new ClientPeer({ streamErrorOnInvalidHttpMessage: true }).greet();
    peer.get("HEAD");
    peer.receive(headers(1, OK, false), data(1, "x", true));
    expect(peer.sent().at(-1)).toBe("RST 1 protocolError");
  });

  it("a head that is too large", () => {
    const peer = new ClientPeer({ maxHeaderListBytes: 100 }).greet();
    const sent = peer.get();
    peer.receive(headers(1, [...OK, ["x", "v".repeat(100)]]));
    expect(sent.reset).toBe("protocol_error http2.too_many_headers");
    expect(peer.stats.headerOverflow.value).toBe(1);
    expect(peer.connection.closedBy).toBe("");
  });
});

describe("what is not legal on a connection", () => {
  it.each([
    ["something else than SETTINGS first", [ping()], "protocolError"],
    ["a pushed stream", [settings(), headers(2, OK)], "protocolError"],
    ["a stream that we have not opened", [settings(), headers(3, OK)], "protocolError"],
    ["DATA on a stream that we have not opened", [settings(), data(3, "x")], "protocolError"],
    ["PUSH_PROMISE", [settings(), frame(5, 4, 1, u32(2))], "protocolError"],
    ["ENABLE_PUSH", [settings([2, 1])], "protocolError"],
    ["GOAWAY that takes back a lower one", [settings(), goaway(1, 0), goaway(3, 0)], "protocolError"],
    ["HEADERS behind the end", [settings(), headers(1, OK), headers(1, OK)], "streamClosed"],
    ["DATA behind the end", [settings(), headers(1, OK), data(1, "x")], "streamClosed"],
  ])("%s", (_name, frames, code) => {
    const peer = new ClientPeer();
    peer.get();
    peer.sent();
    peer.receive(...frames);
    expect(peer.sent().at(-1)).toBe(`GOAWAY 0 ${code}`);
    expect(peer.drainings).toBe(1);
    expect(peer.codec.activeStreams).toBe(0);
    expect(peer.time.timers.size).toBe(0);
  });
});

describe("how many streams", () => {
  it("the server's limit and ours decide", () => {
    const peer = new ClientPeer({ maxConcurrentStreams: 3 });
    expect(peer.codec.availableStreams).toBe(3);
    peer.greet([Setting.maxConcurrentStreams, 2]);
    peer.get();
    expect(peer.codec.availableStreams).toBe(1);
    peer.get();
    expect(peer.codec.availableStreams).toBe(0);
    expect(() => peer.codec.openStream(new RecordedResponse())).toThrow("takes no new stream");
    peer.receive(headers(1, OK));
    expect(peer.codec.availableStreams).toBe(1);
  });
});

describe("resets by the server", () => {
  it("REFUSED_STREAM says that the request may be sent again", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.get();
    peer.receive(rst(1, 7));
    expect(sent.reset).toBe("remote_reset http2.remote_refuse");
    expect(peer.stats.streamRefusedErrors.value).toBe(1);
    expect(peer.ends).toEqual([true]);
  });

  it("any other does not", () => {
    const peer = new ClientPeer().greet();
    const sent = peer.get();
    peer.receive(headers(1, OK, false), data(1, "half"), rst(1, 2));
    expect([sent.body, sent.reset]).toEqual(["half", "remote_reset http2.remote_reset"]);
  });
});

describe("GOAWAY", () => {
  it("finishes what the server serves, hands back what it does not, and closes", () => {
    const peer = new ClientPeer().greet();
    const [first, second, third] = [peer.get(), peer.get(), peer.get()];
    peer.receive(goaway(3, 0));
    expect([first.isReset, second.isReset, third.reset]).toEqual([false, false, "remote_reset http2.remote_refuse"]);
    expect([peer.drainings, peer.codec.availableStreams]).toEqual([1, 0]);
    peer.receive(headers(1, OK), headers(3, OK));
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(peer.ends).toEqual([false, false, false]);
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("in two steps", () => {
    const peer = new ClientPeer().greet();
    const first = peer.get();
    peer.receive(goaway(0x7fff_ffff, 0));
    expect([peer.drainings, first.isReset, peer.connection.closedBy]).toEqual([1, false, ""]);
    peer.receive(goaway(1, 0), headers(1, OK));
    expect([first.status, peer.connection.closedBy]).toEqual([200, "flush"]);
  });

  it("a stream that was opened before and used after is refused", () => {
    const peer = new ClientPeer().greet();
    peer.get();
    const late = new RecordedResponse();
    const encoder = peer.codec.openStream(late);
    peer.receive(goaway(1, 0));
    peer.turn(() => encoder.sendHeaders(request("GET", "/"), true));
    expect(late.reset).toBe("local_reset http2.remote_refuse");
    peer.receive(headers(1, OK));
    expect(peer.connection.closedBy).toBe("flush");
  });
});

describe("a connection that is gone", () => {
  it.each([
    ["by its end", (peer: ClientPeer): void => peer.connection.receiveEnd(), "upstream_remote_disconnect"],
    ["by an error", (peer: ClientPeer): void => peer.connection.receiveClose("ECONNRESET"), "ECONNRESET"],
  ])("%s tells every stream, also one that has not begun", async (_name, end, detail) => {
    const peer = new ClientPeer().greet();
    const begun = peer.get();
    const unsent = new RecordedResponse();
    peer.codec.openStream(unsent);
    end(peer);
    await Promise.resolve();
    expect([begun.reset, unsent.reset]).toEqual([
      `connection_termination ${detail}`,
      `connection_termination ${detail}`,
    ]);
    expect([peer.ends, peer.drainings, peer.codec.activeStreams]).toEqual([[false, false], 1, 0]);
    expect(peer.time.timers.size).toBe(0);
  });
});

it("asks a connection that has rested before it is used", () => {
  const connectionKeepalive = {
    intervalMs: 0,
    timeoutMs: 500,
    intervalJitterPercent: 0,
    connectionIdleIntervalMs: 1000,
  };
  const peer = new ClientPeer({ connectionKeepalive }).greet();
  peer.time.advance(2000);
  const sent = peer.get();
  expect(peer.sent()).toEqual(["PING", `HEADERS 1 ${REQUEST} END`]);
  peer.time.advance(600);
  expect(sent.reset).toBe("connection_termination http2.keepalive_timeout");
});
