/** RFC 9112 section 9: the life of a client's connection. Persistence, pipelining, early responses, back-pressure, draining. */
import { describe, expect, it } from "vitest";
import { ServerPeer, responseHeaders } from "./scripted-peer.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("persistence", () => {
  it("goes on after a response, request by request", () => {
    const peer = new ServerPeer().answerAll("a");
    for (let i = 0; i < 3; i++) {
      peer.connection.receive(get(`/${i}`));
      expect(peer.connection.takeText()).toBe("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
    }
    expect(peer.requests.map(({ line }) => line)).toEqual(["GET x /0", "GET x /1", "GET x /2"]);
    expect(peer.begins).toBe(3);
    expect(peer.codec.readingHead).toBe(false);
    expect(peer.connection.closedBy).toBe("");
  });

  it.each(["close", "Close", "keep-alive, close", "x, CLOSE"])("ends where the client says %j", (option) => {
    const peer = new ServerPeer().answerAll("a");
    peer.connection.receive(`GET / HTTP/1.1\r\nHost: x\r\nConnection: ${option}\r\n\r\n`);
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na");
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("ends where the client says so to a proxy", () => {
    const peer = new ServerPeer().answerAll("a");
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\nProxy-Connection: Close\r\n\r\n");
    expect(peer.connection.closedBy).toBe("flush");
  });

  it.each([
    ["the engine asks for it", (peer: ServerPeer) => peer.last.encoder.closeAfterResponse()],
    ["the listener drains", (peer: ServerPeer) => peer.codec.shutdown()],
  ])("ends where %s", (_name, ask) => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200), true);
      ask(peer);
    });
    expect(peer.connection.text).toContain("connection: close\r\n");
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("ends where the response of the upstream's filter says close", () => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200, ["connection", "close"]), true));
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  it("passes over what comes behind the last request", () => {
    const peer = new ServerPeer({}, { closesItself: false }).answerAll("a");
    peer.connection.receive(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n${GET}`);
    expect(peer.requests).toHaveLength(1);
    expect(peer.connection.paused).toBe(false);
  });

  it("with an empty line before every request", () => {
    const peer = new ServerPeer().answerAll("a");
    for (let i = 0; i < 3; i++) peer.connection.receive(`\r\n${GET}`);
    expect(peer.requests).toHaveLength(3);
    expect(peer.errors).toEqual([]);
  });

  it("after an empty line of a client that sends one too many", () => {
    const peer = new ServerPeer().answerAll("a");
    peer.connection.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na\r\n");
    expect(peer.codec.readingHead).toBe(false);
    expect(peer.begins).toBe(1);
    peer.connection.receive(GET);
    expect(peer.requests).toHaveLength(2);
    expect(peer.errors).toEqual([]);
  });
});

describe("pipelining", () => {
  it("answers in order, one request at a time, with reading paused meanwhile", () => {
    const peer = new ServerPeer();
    peer.connection.receive(get("/1") + get("/2") + get("/3"));
    expect(peer.requests).toHaveLength(1);
    expect(peer.connection.paused).toBe(true);
    for (let i = 0; i < 3; i++) {
      expect(peer.requests).toHaveLength(i + 1);
      peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200 + i), true));
    }
    expect(peer.requests.map(({ line }) => line)).toEqual(["GET x /1", "GET x /2", "GET x /3"]);
    expect(peer.connection.text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 201", "HTTP/1.1 202"]);
    expect(peer.connection).toMatchObject({ paused: false, pauses: 1, unpauses: 1 });
  });

  it("of thousands of requests answered at once uses no stack", () => {
    const peer = new ServerPeer().answerAll("");
    peer.connection.receive(GET.repeat(5000));
    expect(peer.requests).toHaveLength(5000);
    expect(peer.connection.paused).toBe(false);
  });

  it("keeps bodies and requests apart", () => {
    const peer = new ServerPeer().answerAll("");
    const chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n";
    const measured = "POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\nGET / HTTP/1.1\r\nHost: y\r\n\r\n.";
    peer.connection.receive(chunked + measured + get("/g"));
    expect(peer.requests.map(({ line, body }) => [line, body])).toEqual([
      ["POST x /c", "GET"],
      ["POST x /l", "GET / HTTP/1.1\r\nHost: y\r\n\r\n."],
      ["GET x /g", ""],
    ]);
  });

  it("waits with half a request behind a complete one", () => {
    const peer = new ServerPeer();
    peer.connection.receive(`${get("/1")}GET /2 HTTP`);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200), true));
    expect(peer.codec.readingHead).toBe(true);
    expect(peer.connection.paused).toBe(false);
    peer.connection.receive("/1.1\r\nHost: x\r\n\r\n");
    expect(peer.last.line).toBe("GET x /2");
  });

  it("keeps what a connection brings although it is paused, and cuts one that does not stop", () => {
    const peer = new ServerPeer();
    peer.connection.receive(get("/1") + get("/2"));
    peer.connection.receive("GET /3");
    peer.connection.receive(" HTTP/1.1\r\nHost: x\r\n\r\n");
    for (let i = 0; i < 3; i++) peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200), true));
    expect(peer.requests.map(({ line }) => line)).toEqual(["GET x /1", "GET x /2", "GET x /3"]);
    peer.connection.receive(get("/4"));
    for (let i = 0; i < 30; i++) peer.connection.receive(Buffer.alloc(65_536));
    expect(peer.connection.closedBy).toBe("now");
    expect(peer.last.reset).toBe("overflow http1.unexpected_data");
  });

  it("refuses a bad request behind a good one after the good one's answer", () => {
    const peer = new ServerPeer().answerAll("a");
    peer.connection.receive(`${GET}BAD\r\n\r\n`);
    expect(peer.connection.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

describe("a response before its request is complete", () => {
  const HALF = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello";

  it("closes the connection, and says so where the head still waits", () => {
    const peer = new ServerPeer();
    peer.connection.receive(HALF);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(413), true));
    expect(peer.connection.text).toBe(
      "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.last).toMatchObject({
      flushed: 1,
      reset: "local_reset response_before_request_complete",
      isComplete: false,
    });
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("keeps the connection where the rest came in the same turn", () => {
    const peer = new ServerPeer();
    peer.onHeaders = ({ encoder }) => encoder.sendHeaders(responseHeaders(413), true);
    peer.connection.receive(`${HALF}world`);
    expect(peer.connection.text).toBe("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n");
    expect(peer.last).toMatchObject({ flushed: 1, isReset: false, isComplete: true });
    peer.connection.receive(GET);
    expect(peer.requests).toHaveLength(2);
  });

  it("throws the rest away", () => {
    const peer = new ServerPeer({}, { closesItself: false });
    peer.connection.receive(HALF);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(413), true));
    peer.codec.onData(bytes("world"));
    peer.codec.onData(bytes(GET));
    expect(peer.requests).toHaveLength(1);
    expect(peer.last.body).toBe("hello");
  });
});

describe("bad input behind the headers", () => {
  const BAD = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";

  it("is answered with 400 where the response has not begun", () => {
    const peer = new ServerPeer();
    peer.connection.receive(BAD);
    expect(peer.last.reset).toBe("protocol_error http1.codec_error");
    expect(peer.errors).toEqual([{ status: 400, detail: "http1.codec_error" }]);
    expect(peer.connection.text).toMatch(/^HTTP\/1\.1 400 /);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200), true));
    expect(peer.connection.text).not.toContain("200");
  });

  it("cuts the connection where it has", () => {
    const peer = new ServerPeer();
    peer.onHeaders = ({ encoder }) => encoder.sendHeaders(responseHeaders(200), false);
    peer.connection.receive(BAD);
    expect(peer.last.reset).toBe("protocol_error http1.codec_error");
    expect(peer.errors).toEqual([]);
    expect(peer.connection).toMatchObject({ closedBy: "now", text: "" });
  });

  it("lets a response that is whole go out, and closes behind it", () => {
    const peer = new ServerPeer();
    peer.onHeaders = ({ encoder }) => encoder.sendHeaders(responseHeaders(403), true);
    peer.connection.receive(BAD);
    expect(peer.errors).toEqual([]);
    expect(peer.connection.text).toBe("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.last).toMatchObject({ flushed: 1, isReset: true });
  });
});

describe("back-pressure", () => {
  it("stops and restarts reading once each, however often it is asked", () => {
    const peer = new ServerPeer();
    peer.connection.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    const { encoder } = peer.last;
    encoder.pauseRequest();
    encoder.pauseRequest();
    expect(peer.connection).toMatchObject({ pauses: 1, unpauses: 0 });
    encoder.resumeRequest();
    encoder.resumeRequest();
    expect(peer.connection).toMatchObject({ pauses: 1, unpauses: 1 });
  });

  it("restarts reading where a paused stream ends", () => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.turn(() => {
      peer.last.encoder.pauseRequest();
      peer.last.encoder.sendHeaders(responseHeaders(200), true);
    });
    expect(peer.connection.paused).toBe(false);
  });

  it("tells the stream when the way out is full and free again", () => {
    const peer = new ServerPeer({}, { highWatermark: 1000 });
    peer.connection.receive(GET);
    peer.connection.stall();
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200), false));
    peer.turn(() => peer.last.encoder.sendData(Buffer.alloc(5000), false));
    expect(peer.last).toMatchObject({ highs: 1, lows: 0 });
    expect(peer.last.encoder.aboveWatermark).toBe(true);
    peer.connection.drain();
    expect(peer.last).toMatchObject({ highs: 1, lows: 1 });
    expect(peer.last.encoder.aboveWatermark).toBe(false);
  });

  it("tells it once, where it happens inside of its first call", () => {
    const peer = new ServerPeer({}, { highWatermark: 1000 });
    peer.connection.stall();
    peer.onHeaders = ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendData(Buffer.alloc(5000), false);
    };
    peer.connection.receive(GET);
    expect(peer.last).toMatchObject({ highs: 1, lows: 0 });
  });

  it("tells the next stream that it begins above the watermark", () => {
    const peer = new ServerPeer({}, { highWatermark: 1000 });
    peer.connection.receive(GET);
    peer.connection.stall();
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200, ["content-length", "5000"]), false);
      peer.last.encoder.sendData(Buffer.alloc(5000), true);
    });
    expect(peer.last).toMatchObject({ highs: 1, lows: 0, flushed: 1 });
    peer.connection.receive(GET);
    expect(peer.last).toMatchObject({ highs: 1, lows: 0 });
    peer.connection.drain();
    expect(peer.requests.map(({ lows }) => lows)).toEqual([0, 1]);
  });

  it("hands on views only while a turn lasts", () => {
    const peer = new ServerPeer();
    let kept: Uint8Array = new Uint8Array(0);
    peer.onHeaders = (request) => {
      request.onRequestData = (data) => {
        kept = data;
      };
    };
    peer.connection.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    expect(Buffer.from(kept).toString()).toBe("!!!!!");
  });
});
