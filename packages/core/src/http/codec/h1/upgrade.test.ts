/** RFC 9110 section 7.8: Upgrade. Section 9.3.6: CONNECT. Before a switch is agreed nothing of what came is passed on; without one it is never a request. */
import { describe, expect, it } from "vitest";
import { ClientPeer, ServerPeer, requestHeaders, responseHeaders } from "./scripted-peer.ts";

const UPGRADE =
  "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
const CONNECT = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

const ask = requestHeaders("GET", "/chat", ["sec-websocket-version", "13"]);
ask.upgrade = "websocket";

describe("an upgrade that a client asks for", () => {
  it("is a property, and leaves the request open", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    expect(peer.last.headers!.upgrade).toBe("websocket");
    expect(peer.last.fields).toEqual([["sec-websocket-version", "13"]]);
    expect(peer.last.isComplete).toBe(false);
  });

  it("makes both directions raw at 101", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() =>
      peer.last.encoder.sendHeaders(
        responseHeaders(101, ["upgrade", "websocket"], ["sec-websocket-accept", "k"]),
        false,
      ),
    );
    expect(peer.connection.takeText()).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: k\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    peer.connection.receive("GET / HTTP/1.1\r\n\r\n");
    peer.connection.receive("\0\r\n");
    expect(peer.last.body).toBe("GET / HTTP/1.1\r\n\r\n\0\r\n");
    peer.turn(() => {
      peer.last.encoder.sendData(bytes("a"), false);
      peer.last.encoder.sendData(bytes("b"), false);
    });
    expect(peer.connection.writes.map(String)).toEqual(["ab"]);
    expect(peer.requests).toHaveLength(1);
  });

  it("names the protocol that was asked for where the response names none", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    expect(peer.connection.text).toContain("upgrade: websocket\r\n");
  });

  it.each([
    ["the client first", true],
    ["the server first", false],
  ])("ends side by side, %s", (_name, clientFirst) => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    const client = (): void => {
      peer.connection.receiveEnd();
      peer.codec.onEnd();
    };
    const server = (): void => peer.turn(() => peer.last.encoder.sendData(bytes("bye"), true));
    if (clientFirst) {
      client();
      expect(peer.last).toMatchObject({ isComplete: true, isReset: false, flushed: 0 });
      server();
    } else {
      server();
      expect(peer.connection.closedBy).toBe("end");
      expect(peer.last).toMatchObject({ isComplete: false, isReset: false, flushed: 1 });
      peer.connection.receive("late");
      expect(peer.last.body).toBe("late");
      client();
    }
    expect(peer.connection.text).toMatch(/bye$/);
    expect(peer.last).toMatchObject({ isComplete: true, isReset: false, flushed: 1 });
    expect(peer.codec.activeStreams).toBe(0);
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("tells each end once, whatever is repeated", () => {
    const peer = new ServerPeer({}, { highWatermark: 5 });
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    peer.connection.stall();
    peer.turn(() => peer.last.encoder.sendData(bytes("0123456789"), true));
    peer.codec.flush();
    peer.connection.drain();
    expect(peer.last).toMatchObject({ flushed: 1, highs: 0, lows: 0 });
    peer.connection.receiveEnd();
    peer.codec.onEnd();
    expect(peer.last).toMatchObject({ isComplete: true, isReset: false });

    const other = new ClientPeer();
    const response = other.send(ask, false);
    other.connection.receive("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    other.connection.receiveEnd();
    other.codec.onEnd();
    expect(response).toMatchObject({ isComplete: true, isReset: false });
  });

  it("that is cut is cut with a reset", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    peer.turn(() => peer.last.encoder.reset("remote_reset"));
    expect(peer.connection.closedBy).toBe("abort");
  });

  it("holds what comes before the switch, and passes it on after", () => {
    const peer = new ServerPeer();
    peer.connection.receive(`${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(peer.last.body).toBe("");
    expect(peer.connection.paused).toBe(true);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    expect(peer.last.body).toBe("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(peer.connection.paused).toBe(false);
    expect(peer.requests).toHaveLength(1);
  });

  it("that is refused leaves an ordinary connection", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(403), true));
    expect(peer.last).toMatchObject({ isComplete: true, flushed: 1, isReset: false, body: "" });
    expect(peer.connection.closedBy).toBe("");
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(peer.requests).toHaveLength(2);
  });

  it("that is refused closes where something came before the answer: it is no request", () => {
    const peer = new ServerPeer();
    peer.connection.receive(`${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    peer.turn(() => {
      peer.last.encoder.sendHeaders(responseHeaders(200), false);
      peer.last.encoder.sendData(bytes("no"), true);
    });
    expect(peer.connection.text).toContain("connection: close\r\n");
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.requests).toHaveLength(1);
    expect(peer.last.body).toBe("");
  });

  it("that is refused closes where something came between the head and the end of the answer", () => {
    const peer = new ServerPeer();
    peer.connection.receive(UPGRADE);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200), false));
    peer.connection.receive("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.turn(() => peer.last.encoder.sendData(bytes("no"), true));
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.requests).toHaveLength(1);
    expect(peer.last).toMatchObject({ body: "", isComplete: true, flushed: 1, isReset: false });
  });

  it.each([
    ["without the connection option", "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"],
    ["without a protocol", "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\r\n"],
    [
      "to h2c",
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
    ],
    [
      "beside a body",
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\na",
    ],
    ["in HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ])("is passed over %s", (_name, text) => {
    const peer = new ServerPeer({ acceptHttp10: true });
    peer.connection.receive(text);
    expect(peer.errors).toEqual([]);
    expect(peer.last.headers!.upgrade).toBe("");
    expect(peer.last.isComplete).toBe(true);
    expect(peer.last.fields.filter(([name]) => name !== "content-length")).toEqual([]);
  });

  it("is refused where the protocol is none", () => {
    const peer = new ServerPeer();
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: web socket\r\n\r\n");
    expect(peer.errors).toEqual([{ status: 400, detail: "http1.invalid_upgrade" }]);
  });

  it("cannot be answered with 101 where nobody asked", () => {
    const peer = new ServerPeer();
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(101), false));
    expect(peer.connection).toMatchObject({ text: "", closedBy: "now" });
    expect(peer.last.reset).toBe("local_reset http1.unexpected_switch");
  });
});

describe("CONNECT from a client", () => {
  it("makes both directions raw at 2xx, without framing fields", () => {
    const peer = new ServerPeer();
    peer.connection.receive(`${CONNECT}early`);
    expect(peer.last).toMatchObject({ line: "CONNECT a:443 ", isComplete: false, body: "" });
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(200, ["content-length", "5"], ["a", "b"]), false));
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\na: b\r\n\r\n");
    expect(peer.last.body).toBe("early");
  });

  it("that is refused closes where something came before the answer", () => {
    const peer = new ServerPeer();
    peer.connection.receive(`${CONNECT}early`);
    peer.turn(() => peer.last.encoder.sendHeaders(responseHeaders(403), true));
    expect(peer.connection.text).toBe("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    expect(peer.last.body).toBe("");
  });
});

describe("a switch on an upstream", () => {
  it("is asked for by Connection and Upgrade", () => {
    const peer = new ClientPeer();
    peer.send(ask, false);
    expect(peer.connection.text).toBe(
      "GET /chat HTTP/1.1\r\nhost: example.com\r\nsec-websocket-version: 13\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
  });

  it("promises no body", () => {
    const peer = new ClientPeer();
    const headers = requestHeaders("GET", "/", ["content-length", "5"]);
    headers.upgrade = "websocket";
    peer.send(headers, false);
    expect(peer.connection.text).toBe(
      "GET / HTTP/1.1\r\nhost: example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
  });

  it("makes both directions raw, and the connection serves nothing else", () => {
    const peer = new ClientPeer();
    const response = peer.send(ask, false);
    peer.connection.receive(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\nHTTP/1.1 ",
    );
    expect(response).toMatchObject({ status: 101, body: "HTTP/1.1 ", isComplete: false });
    expect(response.fields).toEqual([
      ["a", "b"],
      ["upgrade", "websocket"],
    ]);
    peer.connection.takeText();
    peer.turn(() => response.encoder.sendData(bytes("hi"), false));
    expect(peer.connection.text).toBe("hi");
    peer.connection.receiveEnd();
    expect(response.isComplete).toBe(true);
    expect(peer.ends).toEqual([]);
    peer.turn(() => response.encoder.sendData(bytes("bye"), true));
    expect(peer.connection.text).toBe("hibye");
    expect(peer.ends).toEqual([false]);
    expect(peer.connection.closed).toBe(true);
  });

  it("that is refused leaves an ordinary response on a connection that may serve again", () => {
    const peer = new ClientPeer();
    const response = peer.send(ask, false);
    peer.connection.receive("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    expect(response).toMatchObject({ status: 403, body: "no", isComplete: true });
    expect(peer.ends).toEqual([true]);
  });

  it("sends nothing before it is agreed", () => {
    const peer = new ClientPeer();
    const response = peer.send(ask, false);
    peer.connection.takeText();
    peer.turn(() => response.encoder.sendData(bytes("GET / HTTP/1.1\r\n\r\n"), false));
    expect(peer.connection).toMatchObject({ text: "", closed: true });
    expect(response.reset).toBe("local_reset http1.data_before_switch");
    expect(peer.ends).toEqual([false]);
  });

  it("is not believed where nobody asked", () => {
    const peer = new ClientPeer();
    const response = peer.get();
    peer.connection.receive("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    expect(response.reset).toBe("protocol_error http1.unexpected_switch");
    expect(peer.ends).toEqual([false]);
  });

  it("by CONNECT passes over the framing of the answer", () => {
    const peer = new ClientPeer();
    const connect = requestHeaders("CONNECT", "");
    connect.authority = "a:443";
    const response = peer.send(connect, false);
    expect(peer.connection.takeText()).toBe("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n");
    peer.connection.receive("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef");
    expect(response).toMatchObject({ status: 200, fields: [], body: "abcdef", isComplete: false });
    peer.turn(() => response.encoder.sendData(bytes("x"), true));
    expect(peer.connection).toMatchObject({ text: "x", closedBy: "end" });
    peer.connection.receiveEnd();
    expect(peer.ends).toEqual([false]);
  });

  it("by CONNECT that is refused has an ordinary body", () => {
    const peer = new ClientPeer();
    const connect = requestHeaders("CONNECT", "");
    connect.authority = "a:443";
    const response = peer.send(connect, false);
    peer.connection.receive("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nabc");
    expect(response).toMatchObject({ status: 407, body: "abc", isComplete: true });
    expect(peer.ends).toEqual([true]);
  });
});
