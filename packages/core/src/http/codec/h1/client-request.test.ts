/** What a client codec writes: RFC 9112 sections 3 and 6. One write per message where it fits; no framing but the one that was promised. */
import { describe, expect, it } from "vitest";
import { HeaderMap } from "../../headers/header-map.ts";
import { ClientPeer, fieldsOf, requestHeaders } from "./scripted-peer.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("a request", () => {
  it("without body is its head", () => {
    const peer = new ClientPeer();
    peer.send(requestHeaders("GET", "/a?b", ["a", "1"], ["b", "2"], ["a", "3"]));
    expect(peer.connection.writes.map(String)).toEqual([
      "GET /a?b HTTP/1.1\r\nhost: example.com\r\na: 1\r\nb: 2\r\na: 3\r\n\r\n",
    ]);
  });

  it("with a small body is one write", () => {
    const peer = new ClientPeer();
    peer.turn(() => {
      const response = peer.send(requestHeaders("POST", "/", ["content-length", "5"], ["a", "b"]), false);
      response.encoder.sendData(bytes("hello"), true);
    });
    expect(peer.connection.writes.map(String)).toEqual([
      "POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 5\r\na: b\r\n\r\nhello",
    ]);
  });

  it("without length is chunked, with trailers where they are enabled", () => {
    for (const enableTrailers of [false, true]) {
      const peer = new ClientPeer({ enableTrailers });
      peer.turn(() => {
        const response = peer.send(requestHeaders("POST", "/"), false);
        response.encoder.sendData(bytes("hello"), false);
        response.encoder.sendTrailers(new HeaderMap(fieldsOf([["x", "y"]])));
      });
      expect(peer.connection.text).toBe(
        `POST / HTTP/1.1\r\nhost: example.com\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${enableTrailers ? "x: y\r\n" : ""}\r\n`,
      );
    }
  });

  it.each([
    ["POST", "content-length: 0\r\n"],
    ["PUT", "content-length: 0\r\n"],
    ["PATCH", "content-length: 0\r\n"],
    ["DELETE", ""],
  ])("%s without body says so where its method means to have one (RFC 9110 section 8.6)", (method, line) => {
    const peer = new ClientPeer();
    peer.send(requestHeaders(method, "/"));
    expect(peer.connection.text).toBe(`${method} / HTTP/1.1\r\nhost: example.com\r\n${line}\r\n`);
  });

  it("names TE in Connection", () => {
    const peer = new ClientPeer();
    peer.send(requestHeaders("GET", "/", ["te", "trailers"]));
    expect(peer.connection.text).toBe("GET / HTTP/1.1\r\nhost: example.com\r\nconnection: te\r\nte: trailers\r\n\r\n");
  });

  it("never carries fields of another hop, nor two lengths", () => {
    const peer = new ClientPeer();
    peer.turn(() => {
      const headers = requestHeaders(
        "POST",
        "/",
        ["connection", "close"],
        ["transfer-encoding", "gzip"],
        ["host", "evil"],
        ["keep-alive", "x"],
        ["content-length", "1"],
        ["content-length", "9"],
      );
      peer.send(headers, false).encoder.sendData(bytes("a"), true);
    });
    expect(peer.connection.text).toBe("POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 1\r\n\r\na");
  });

  it.each([
    ["longer", "hello!", false],
    ["shorter", "hell", true],
  ])("with a body %s than its length is cut, and the connection with it", (_name, body, end) => {
    const peer = new ClientPeer();
    const response = peer.send(requestHeaders("POST", "/", ["content-length", "5"]), false);
    peer.turn(() => response.encoder.sendData(bytes(body), end));
    expect(response.reset).toBe("local_reset http1.body_length_mismatch");
    expect(peer.ends).toEqual([false]);
    expect(peer.connection).toMatchObject({ closed: true, text: expect.not.stringContaining("hell") as string });
  });

  it("is not begun with a length that is no number", () => {
    const peer = new ClientPeer();
    const response = peer.send(requestHeaders("POST", "/", ["content-length", "five"]), false);
    expect(response.reset).toBe("local_reset http1.invalid_content_length");
    expect(peer.connection.text).toBe("");
  });

  it("goes on after the watermark tells", () => {
    const peer = new ClientPeer({}, { highWatermark: 1000 });
    peer.connection.stall();
    const response = peer.send(requestHeaders("POST", "/"), false);
    peer.turn(() => response.encoder.sendData(Buffer.alloc(5000), false));
    expect(response).toMatchObject({ highs: 1, lows: 0 });
    expect(response.encoder.aboveWatermark).toBe(true);
    peer.connection.drain();
    expect(response).toMatchObject({ highs: 1, lows: 1 });
  });
});
