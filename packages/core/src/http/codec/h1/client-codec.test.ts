/** The upstream side: how responses are framed (RFC 9112 sections 4, 6.3, 9), and which connections may carry another request. */
import { describe, expect, it } from "vitest";
import { ClientPeer, type RecordedResponse, requestHeaders } from "./scripted-peer.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function exchange(answer: string, method = "GET", options = {}): { peer: ClientPeer; response: RecordedResponse } {
  const peer = new ClientPeer(options);
  const response = peer.get(method);
  peer.connection.receive(answer);
  return { peer, response };
}

describe("a response", () => {
  it("of a length leaves the connection to the next", () => {
    const { peer, response } = exchange(
      "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nhello",
    );
    expect(response).toMatchObject({ status: 200, body: "hello", isComplete: true });
    expect(response.fields).toEqual([
      ["a", "1"],
      ["content-length", "5"],
      ["set-cookie", "a"],
      ["set-cookie", "b"],
    ]);
    expect(peer.ends).toEqual([true]);
    const next = peer.get();
    peer.connection.receive(OK);
    expect(next.body).toBe("ok");
    expect(peer.ends).toEqual([true, true]);
  });

  it("in chunks, with trailers where they are enabled", () => {
    for (const enableTrailers of [false, true]) {
      const { peer, response } = exchange(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\nVia: evil\r\n\r\n",
        "GET",
        { enableTrailers },
      );
      expect(response).toMatchObject({
        body: "hello",
        isComplete: true,
        trailers: enableTrailers ? [["x", "y"]] : null,
      });
      expect(response.fields).toEqual(enableTrailers ? [["trailer", "x"]] : []);
      expect(peer.ends).toEqual([true]);
    }
  });

  it("without length goes on to the connection's end", () => {
    const { peer, response } = exchange("HTTP/1.1 200 OK\r\n\r\nhel");
    peer.connection.receive("lo");
    expect(response).toMatchObject({ body: "hello", isComplete: false });
    expect(peer.drainings).toBe(1);
    peer.connection.receiveEnd();
    expect(response.isComplete).toBe(true);
    expect(peer.ends).toEqual([false]);
    expect(peer.connection.closed).toBe(true);
  });

  it("without length that ends in an error is not whole", () => {
    const { peer, response } = exchange("HTTP/1.1 200 OK\r\n\r\nhel");
    peer.connection.receiveClose("ECONNRESET");
    expect(response).toMatchObject({ isComplete: false, reset: "connection_termination ECONNRESET" });
    expect(peer.ends).toEqual([false]);
  });

  it.each([
    ["HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["HEAD with chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["HEAD with neither", "HEAD", "HTTP/1.1 200 OK\r\n\r\n"],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["204 with a length of 0", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
    ["304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
    ["304 with chunks", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a length of 0", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ])("to %s has no body", (_name, method, answer) => {
    const { peer, response } = exchange(answer, method);
    expect(response).toMatchObject({ isComplete: true, body: "", pieces: 0 });
    expect(peer.ends).toEqual([true]);
  });

  it("may leave its reason out", () => {
    for (const line of ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 Sure \xe4\t!"]) {
      expect(exchange(`${line}\r\nContent-Length: 0\r\n\r\n`).response.status).toBe(200);
    }
  });

  it.each([
    ["a version of its own", "HTTP/2.0 200 OK\r\n\r\n", "http1.codec_error"],
    ["no version", "200 OK\r\n\r\n", "http1.codec_error"],
    ["a version in lower case", "http/1.1 200 OK\r\n\r\n", "http1.codec_error"],
    ["two digits", "HTTP/1.1 20 OK\r\n\r\n", "http1.codec_error"],
    ["four digits", "HTTP/1.1 2000 OK\r\n\r\n", "http1.codec_error"],
    ["a status of 600", "HTTP/1.1 600 OK\r\n\r\n", "http1.codec_error"],
    ["a status of 099", "HTTP/1.1 099 OK\r\n\r\n", "http1.codec_error"],
    ["two spaces", "HTTP/1.1  200 OK\r\n\r\n", "http1.codec_error"],
    ["a sign", "HTTP/1.1 +20 OK\r\n\r\n", "http1.codec_error"],
    ["a control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", "http1.invalid_characters"],
    ["a bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", "http1.invalid_characters"],
    ["a bare LF", "HTTP/1.1 200 OK\nA: b\r\n\r\n", "http1.codec_error"],
    ["an empty line before it", "\r\nHTTP/1.1 200 OK\r\n\r\n", "http1.codec_error"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "http1.codec_error"],
    ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "http1.codec_error"],
    ["a NUL", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "http1.invalid_characters"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "http1.content_length_and_chunked_not_allowed",
    ],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
      "http1.invalid_content_length",
    ],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", "http1.invalid_content_length"],
    [
      "another coding",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "http1.invalid_transfer_encoding",
    ],
    [
      "chunks in HTTP/1.0",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "http1.transfer_encoding_not_allowed",
    ],
    ["chunks in 204", "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.transfer_encoding_not_allowed"],
    ["a body in 204", "HTTP/1.1 204 OK\r\nContent-Length: 3\r\n\r\nabc", "http1.content_length_not_allowed"],
    ["chunks in 100", "HTTP/1.1 100 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.transfer_encoding_not_allowed"],
    ["a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "http1.codec_error"],
    ["a head that is too large", `HTTP/1.1 200 OK\r\nA: ${"a".repeat(61_440)}\r\n\r\n`, "response_headers_too_large"],
    ["too many headers", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(101)}\r\n`, "too_many_headers"],
  ])("is refused with %s", (_name, answer, detail) => {
    const { peer, response } = exchange(answer);
    expect(response.reset).toBe(`protocol_error ${detail}`);
    expect(peer.ends).toEqual([false]);
    expect(peer.connection.closed).toBe(true);
    expect(peer.codec.activeStreams).toBe(0);
  });
});

describe("informational responses", () => {
  it("come before the final one", () => {
    const { peer, response } = exchange(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`,
    );
    expect(response).toMatchObject({ informational: [100, 103], status: 200, body: "ok" });
    expect(peer.ends).toEqual([true]);
  });

  it("are counted: a server may not send them for ever", () => {
    const { peer, response } = exchange("HTTP/1.1 102 Processing\r\n\r\n".repeat(17));
    expect(response.informational).toHaveLength(16);
    expect(response.reset).toBe("protocol_error http1.too_many_informational");
    expect(peer.ends).toEqual([false]);
  });
});

describe("a connection is not used again", () => {
  it.each([
    ["where the server closes", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["where an informational response says close", `HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${OK}`],
    ["in HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["where something stands behind the response", `${OK}x`],
    ["where another response stands behind the response", OK + OK],
  ])("%s", (_name, answer) => {
    const { peer, response } = exchange(answer);
    expect(response.isComplete).toBe(true);
    expect(peer.ends).toEqual([false]);
    expect(peer.drainings).toBe(1);
    expect(peer.connection.closed).toBe(true);
    expect(() => peer.get()).toThrow("one stream at a time");
  });

  it("but is in HTTP/1.0 where the server keeps it alive", () => {
    expect(exchange("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").peer.ends).toEqual([
      true,
    ]);
  });

  it("where it speaks while it is idle", () => {
    const { peer } = exchange(OK);
    peer.connection.receive(OK);
    expect(peer.drainings).toBe(1);
    expect(peer.connection.closed).toBe(true);
    expect(peer.ends).toEqual([true]);
  });

  it("where it ends while it is idle", () => {
    const { peer } = exchange(OK);
    peer.connection.receiveEnd();
    expect(peer.drainings).toBe(1);
    expect(peer.connection.closed).toBe(true);
  });

  it("where it answers before it was asked", () => {
    const peer = new ClientPeer();
    const response = { value: null as RecordedResponse | null };
    peer.turn(() => {
      response.value = peer.get();
      peer.codec.onData(bytes(OK));
    });
    expect(response.value!.reset).toBe("protocol_error http1.unexpected_data");
    expect(peer.connection.text).toBe("");
    expect(peer.ends).toEqual([false]);
  });

  it("carries one stream at a time", () => {
    const peer = new ClientPeer();
    peer.get();
    expect(() => peer.get()).toThrow("one stream at a time");
  });
});

describe("a response before its request is complete", () => {
  const early = (): { peer: ClientPeer; response: RecordedResponse } => {
    const peer = new ClientPeer();
    const response = peer.send(requestHeaders("POST", "/", ["content-length", "10"]), false);
    peer.turn(() => response.encoder.sendData(bytes("hello"), false));
    peer.connection.receive(OK);
    return { peer, response };
  };

  it("is delivered, and the stream stays open for the rest of the request", () => {
    const { peer, response } = early();
    expect(response.isComplete).toBe(true);
    expect(peer.ends).toEqual([]);
    peer.turn(() => response.encoder.sendData(bytes("world"), true));
    expect(peer.connection.text).toMatch(/helloworld$/);
    expect(peer.ends).toEqual([true]);
  });

  it("closes the connection where the request is given up", () => {
    const { peer, response } = early();
    response.encoder.reset();
    expect(peer.ends).toEqual([false]);
    expect(peer.connection.closed).toBe(true);
    expect(response.isReset).toBe(false);
  });

  it("and then the server closes: the stream is over, without a reset after the end", () => {
    const { peer, response } = early();
    peer.connection.receiveClose("EPIPE");
    expect(peer.ends).toEqual([false]);
    expect(response.isReset).toBe(false);
  });

  it("in one turn with the request's end loses nothing of the request", () => {
    const peer = new ClientPeer();
    const response = peer.send(requestHeaders("POST", "/", ["content-length", "5"]), false);
    peer.turn(() => {
      response.encoder.sendData(bytes("hello"), true);
      peer.codec.onData(bytes(OK));
    });
    expect(peer.connection.text).toMatch(/hello$/);
    expect(peer.ends).toEqual([true]);
  });
});

describe("a server that goes away", () => {
  it.each([
    ["before the response", ""],
    ["in the middle of its head", "HTTP/1.1 200 OK\r\nConte"],
    ["in the middle of its body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"],
    ["in the middle of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ["in the middle of trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA:"],
    ["behind an informational response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ])("%s: the stream is reset, once", (_name, answer) => {
    for (const kind of ["end", "close", "reset"] as const) {
      const { peer, response } = exchange(answer);
      if (kind === "end") peer.connection.receiveEnd();
      else peer.connection.receiveClose(kind === "reset" ? "ECONNRESET" : "");
      expect(response.reset).toBe(
        `connection_termination ${kind === "reset" ? "ECONNRESET" : "upstream_remote_disconnect"}`,
      );
      expect(peer.ends).toEqual([false]);
      peer.codec.onData(bytes(OK));
      peer.codec.onEnd();
      peer.codec.onClose("");
      peer.codec.onWriteHigh();
      response.encoder.reset();
      response.encoder.pauseResponse();
      expect(peer.ends).toEqual([false]);
      expect(peer.connection.paused).toBe(false);
    }
  });
});

describe("a stream that is given up", () => {
  it("closes the connection and hears nothing more", () => {
    const { peer, response } = exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    response.encoder.reset();
    expect(peer.ends).toEqual([false]);
    expect(peer.connection.closed).toBe(true);
    peer.codec.onData(bytes("lo"));
    peer.codec.onClose("");
    expect(response).toMatchObject({ isReset: false, body: "hel" });
    response.encoder.reset();
    expect(peer.ends).toEqual([false]);
  });

  it("inside of its last call, when the exchange is complete, leaves the connection usable", () => {
    const peer = new ClientPeer();
    const response = peer.get();
    const { onResponseData } = response;
    response.onResponseData = function (data, end) {
      onResponseData.call(response, data, end);
      if (end) response.encoder.reset();
    };
    peer.connection.receive(OK);
    expect(peer.ends).toEqual([true]);
  });

  it("inside of any other call ends it at once", () => {
    const peer = new ClientPeer();
    const response = peer.get();
    response.onResponseHeaders = () => response.encoder.reset();
    peer.connection.receive(OK);
    expect(response).toMatchObject({ body: "", isReset: false });
    expect(peer.ends).toEqual([false]);
  });

  it("stops a paused connection's pause", () => {
    const { peer, response } = exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    response.encoder.pauseResponse();
    response.encoder.pauseResponse();
    expect(peer.connection.pauses).toBe(1);
    response.encoder.resumeResponse();
    response.encoder.resumeResponse();
    expect(peer.connection.unpauses).toBe(1);
    response.encoder.pauseResponse();
    peer.connection.receive("lo");
    expect(peer.connection.paused).toBe(false);
  });
});
