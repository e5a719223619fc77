/** A client that goes away, or an engine that gives up, at every stage: the other side hears of it once, and nothing happens after it. */
import { describe, expect, it } from "vitest";
import { type RecordedRequest, ServerPeer, responseHeaders } from "./scripted-peer.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("a client that goes away", () => {
  const stages: ReadonlyArray<readonly [string, string, ((request: RecordedRequest) => void) | null]> = [
    ["in the middle of a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhel", null],
    ["in the middle of a chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", null],
    ["in the middle of trailers", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", null],
    ["while it waits for the response", GET, null],
    ["in the middle of the response", GET, ({ encoder }) => encoder.sendHeaders(responseHeaders(200), false)],
    ["with a pipelined request behind", GET + GET, null],
    [
      "before an upgrade is answered",
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
      null,
    ],
    ["before CONNECT is answered", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", null],
  ];

  it.each(stages)("%s: the stream is reset, once", (_name, text, run) => {
    for (const kind of ["end", "close", "reset"] as const) {
      const peer = new ServerPeer();
      peer.connection.receive(text);
      const [request] = peer.requests;
      if (run !== null) peer.turn(() => run(request!));
      if (kind === "end") peer.connection.receiveEnd();
      else peer.connection.receiveClose(kind === "reset" ? "ECONNRESET" : "");
      expect(request!.reset).toBe(
        kind === "reset" ? "connection_termination ECONNRESET" : "connection_termination downstream_remote_disconnect",
      );
      expect(peer.codec.activeStreams).toBe(0);
      expect(peer.connection.paused).toBe(false);
      if (kind === "end") expect(peer.connection.closed).toBe(true);
      // After the end nothing happens.
      const { length } = peer.connection.writes;
      peer.codec.onData(bytes(GET));
      peer.codec.onEnd();
      peer.codec.onClose("");
      peer.codec.onWriteHigh();
      peer.turn(() => {
        request!.encoder.sendHeaders(responseHeaders(200), true);
        request!.encoder.reset("local_reset");
        request!.encoder.pauseRequest();
        request!.encoder.resumeRequest();
        request!.encoder.closeAfterResponse();
      });
      expect(peer.connection.writes).toHaveLength(length);
      expect(peer.requests).toHaveLength(1);
      expect(peer.connection.paused).toBe(false);
    }
  });

  it("in the middle of a head leaves nothing behind", () => {
    const peer = new ServerPeer();
    peer.connection.receive("GET / HT");
    expect(peer.codec.readingHead).toBe(true);
    peer.connection.receiveEnd();
    expect(peer).toMatchObject({ requests: [], errors: [] });
    expect(peer.codec.readingHead).toBe(false);
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("while it is idle leaves nothing behind", () => {
    const peer = new ServerPeer().answerAll();
    peer.connection.receive(GET);
    peer.connection.receiveEnd();
    expect(peer.connection.closedBy).toBe("flush");
    peer.connection.receiveClose();
    expect(peer.last.isReset).toBe(false);
  });

  it("when the whole response was given and waits for its turn's end: the response counts as flushed", () => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200), true);
      peer.codec.onClose("");
    });
    expect(peer.last).toMatchObject({ flushed: 1, isReset: false });
  });
});

describe("an engine that resets", () => {
  it("after the response's end changes nothing", () => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200), true);
      peer.last.encoder.reset("local_reset");
    });
    expect(peer.connection).toMatchObject({ closedBy: "", text: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" });
  });

  it("cuts the connection and hears nothing more", () => {
    const peer = new ServerPeer();
    peer.connection.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhel");
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200), false);
      peer.last.encoder.reset("local_reset");
    });
    expect(peer.connection).toMatchObject({ closedBy: "now", text: "" });
    peer.codec.onData(bytes("lo"));
    peer.codec.onClose("");
    expect(peer.last).toMatchObject({ isReset: false, body: "hel", flushed: 0 });
  });

  it("may do so inside of any call", () => {
    for (const at of ["onRequestHeaders", "onRequestData"] as const) {
      const peer = new ServerPeer();
      peer.onHeaders = (request) => {
        if (at === "onRequestHeaders") request.encoder.reset("local_reset");
        else request.onRequestData = () => request.encoder.reset("local_reset");
      };
      peer.connection.receive(
        `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n${GET}`,
      );
      expect(peer.requests).toHaveLength(1);
      expect(peer.connection.closedBy).toBe("now");
      expect(peer.connection.paused).toBe(false);
    }
  });
});
