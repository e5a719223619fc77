/** What HTTP/1 options change about messages: a length beside chunks, and the spelling of names. */
import { describe, expect, it } from "vitest";
import { ClientPeer, ServerPeer, requestHeaders, responseHeaders } from "./scripted-peer.ts";

const BOTH = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";

describe("a length beside chunks", () => {
  const lax = { allowChunkedLength: true };

  it("is dropped where that is allowed: the chunks are the body, and nothing behind them is read", () => {
    const peer = new ServerPeer(lax).answerAll();
    const next = "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n";
    peer.connection.receive(`POST / HTTP/1.1\r\nHost: x\r\n${BOTH}A: b\r\n\r\n${CHUNKS}${next}`);
    expect(peer.errors).toEqual([]);
    expect(peer.requests.map(({ line }) => line)).toEqual(["POST x /"]);
    expect(peer.connection.text).toContain("connection: close\r\n");
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.requests[0]!.body).toBe("hello");
    expect(peer.requests[0]!.fields).toEqual([["a", "b"]]);
  });

  it.each([
    ["without the option", {}, BOTH, 400],
    ["with another coding", lax, "Content-Length: 3\r\nTransfer-Encoding: gzip, chunked\r\n", 400],
    ["with two lengths", lax, `Content-Length: 4\r\n${BOTH}`, 400],
  ])("is refused %s", (_, options, lines, status) => {
    const peer = new ServerPeer(options);
    peer.connection.receive(`POST / HTTP/1.1\r\nHost: x\r\n${lines}\r\n${CHUNKS}`);
    expect(peer.errors).toMatchObject([{ status }]);
    expect(peer.requests).toEqual([]);
  });

  it("is refused in HTTP/1.0, which has no chunks", () => {
    const peer = new ServerPeer({ ...lax, acceptHttp10: true });
    peer.connection.receive(`POST / HTTP/1.0\r\nHost: x\r\n${BOTH}\r\n${CHUNKS}`);
    expect(peer.errors).toMatchObject([{ status: 400 }]);
  });

  it("of a response is treated alike", () => {
    for (const [options, fields] of [
      [lax, [["a", "b"]]],
      [{}, null],
    ] as const) {
      const peer = new ClientPeer(options);
      const response = peer.get();
      peer.connection.receive(`HTTP/1.1 200 OK\r\n${BOTH}A: b\r\n\r\n${CHUNKS}`);
      if (fields === null) expect(response.isReset).toBe(true);
      else expect([response.fields, response.body]).toEqual([fields, "hello"]);
      expect(peer.ends).toEqual([false]);
    }
  });
});

describe("the spelling of names", () => {
  const keep = { headerCase: { style: "lower", preserves: true } } as const;
  const proper = { headerCase: { style: "proper", preserves: false } } as const;

  it("goes with a request to whoever sends it on, and with no other", () => {
    const peer = new ServerPeer(keep);
    peer.connection.receive("GET / HTTP/1.1\r\nHOST: x\r\nX-One: 1\r\nx-TWO: 2\r\nX-ONE: 3\r\n\r\n");
    const headers = peer.last.headers!;
    headers.set("X-New", "4");
    const upstream = new ClientPeer();
    upstream.send(headers.clone());
    expect(upstream.connection.text).toBe(
      "GET / HTTP/1.1\r\nHOST: x\r\nX-One: 1\r\nx-TWO: 2\r\nX-One: 3\r\nx-new: 4\r\n\r\n",
    );
    expect([...headers].map(([name]) => name)).toEqual(["x-one", "x-two", "x-one", "x-new"]);
  });

  it("is made with capitals towards who wants it, in heads, trailers and what the codec adds", () => {
    const peer = new ServerPeer({ ...proper, enableTrailers: true });
    peer.connection.receive("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    peer.turn(() => {
      const { encoder } = peer.last;
      encoder.sendInformational(responseHeaders(103, ["x-early_hint", "1"]));
      encoder.sendHeaders(responseHeaders(200, ["x-a1b-c", "Keep: this"], ["etag", "e"]), false);
      encoder.sendData(Buffer.from("x-body: 1\r\nx-body: 2"), false);
      encoder.sendTrailers(responseHeaders(200, ["x-sum", "1"]));
    });
    expect(peer.connection.text).toBe(
      "HTTP/1.1 103 Early Hints\r\nX-Early_Hint: 1\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nX-A1b-C: Keep: this\r\nEtag: e\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
        "14\r\nx-body: 1\r\nx-body: 2\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
  });

  it("of one message is not that of the next", () => {
    const upstream = new ClientPeer(keep);
    const answer = (text: string) => upstream.connection.receive(text);
    const first = upstream.send(requestHeaders("GET", "/"));
    answer("HTTP/1.1 204 No Content\r\nX-FIRST: 1\r\n\r\n");
    const second = upstream.send(requestHeaders("GET", "/"));
    answer("HTTP/1.1 204 No Content\r\nx-first: 1\r\n\r\n");
    expect([first.fields, second.fields]).toEqual([[["x-first", "1"]], [["x-first", "1"]]]);
    expect(first.isComplete && second.isComplete).toBe(true);
  });
});
