/** RFC 9112 section 5: field lines. RFC 9110 section 7.6.1: fields of one hop. Section 6.5: trailers. */
import { describe, expect, it } from "vitest";
import { ServerPeer, responseHeaders } from "./scripted-peer.ts";

function fields(lines: string, options = {}): ServerPeer {
  const peer = new ServerPeer(options);
  peer.connection.receive(`GET / HTTP/1.1\r\nHost: x\r\n${lines}\r\n`);
  return peer;
}

describe("field lines", () => {
  it("keeps order and duplicates, in lower-case names", () => {
    expect(fields("B: 1\r\nA: 2\r\nB: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n").last.fields).toEqual([
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
      ["set-cookie", "a"],
      ["set-cookie", "b"],
    ]);
  });

  it.each([
    ["white space around", "A: \t b c \t\r\n", "b c"],
    ["no white space", "A:b\r\n", "b"],
    ["nothing", "A:\r\n", ""],
    ["white space alone", "A: \t \r\n", ""],
    ["high bytes", "A: \x80\xff\r\n", "\x80\xff"],
    ["a tab inside", "A: b\tc\r\n", "b\tc"],
    ["colons", "A: b:c:d\r\n", "b:c:d"],
  ])("reads a value with %s", (_name, line, value) => {
    // Three times: parsed, remembered, found.
    for (let i = 0; i < 3; i++) expect(fields(line).last.fields).toEqual([["a", value]]);
  });

  it.each([
    ["a space before the colon", "A : b\r\n", "http1.codec_error"],
    ["a tab before the colon", "A\t: b\r\n", "http1.codec_error"],
    ["no colon", "Abc\r\n", "http1.codec_error"],
    ["no name", ": b\r\n", "http1.codec_error"],
    ["a folded line", "A: b\r\n c\r\n", "http1.codec_error"],
    ["a line folded by a tab", "A: b\r\n\tc\r\n", "http1.codec_error"],
    ["a first line that is folded", " A: b\r\n", "http1.codec_error"],
    ["a name that is no token", "A(b: c\r\n", "http1.invalid_characters"],
    ["a name with a high byte", "\xe4: c\r\n", "http1.invalid_characters"],
    ["a NUL in the value", "A: b\0c\r\n", "http1.invalid_characters"],
    ["a control in the value", "A: b\x01c\r\n", "http1.invalid_characters"],
    ["DEL in the value", "A: b\x7fc\r\n", "http1.invalid_characters"],
    ["a bare CR in the value", "A: b\rc\r\n", "http1.invalid_characters"],
    ["a bare CR before CRLF", "A: b\r\r\n", "http1.invalid_characters"],
    ["a bare LF in the value", "A: b\nc: d\r\n", "http1.codec_error"],
    ["a vertical tab around the value", "A: \x0bb\r\n", "http1.invalid_characters"],
    ["a no-break space before the colon", "A\xa0: b\r\n", "http1.codec_error"],
  ])("refuses %s", (_name, lines, detail) => {
    // Three times: what is wrong is never remembered as right.
    for (let i = 0; i < 3; i++) expect(fields(lines).errors).toEqual([{ status: 400, detail }]);
  });
});

describe("fields of one hop", () => {
  it("are taken out", () => {
    const peer = fields(
      "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: websocket\r\nTE: gzip\r\nTrailer: x\r\nHTTP2-Settings: x\r\nA: b\r\n",
    );
    expect(peer.last.fields).toEqual([["a", "b"]]);
    expect(peer.last.headers!.upgrade).toBe("");
  });

  it("are taken out where Connection names them", () => {
    const peer = fields("X-Hop: 1\r\nConnection: close, X-Hop ,, x-other\r\nA: b\r\nX-OTHER: 2\r\nx-hop: 3\r\n");
    expect(peer.last.fields).toEqual([["a", "b"]]);
  });

  it("are taken out of that message alone", () => {
    const peer = new ServerPeer().answerAll();
    for (const option of ["x-hop", "a"]) {
      peer.connection.receive(`GET / HTTP/1.1\r\nHost: x\r\nConnection: ${option}\r\nX-Hop: 1\r\n\r\n`);
    }
    expect(peer.requests.map(({ fields: left }) => left)).toEqual([[], [["x-hop", "1"]]]);
  });

  it("leaves only trailers of TE", () => {
    expect(fields("TE: gzip, Trailers;q=1, trailers\r\nTE: trailers\r\n").last.fields).toEqual([["te", "trailers"]]);
  });

  it("keeps Trailer where trailers go on", () => {
    expect(fields("Trailer: x-sum\r\n", { enableTrailers: true }).last.fields).toEqual([["trailer", "x-sum"]]);
  });

  it.each([
    "X-Forwarded-For",
    "x-forwarded-proto",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Via",
    "x-envoy-internal",
    ":path",
  ])("cannot be %s: the message is refused", (name) => {
    expect(fields(`Connection: close, ${name}\r\n`).errors).toEqual([
      { status: 400, detail: "http1.connection_header_rejected" },
    ]);
  });

  it.each([
    ["Authorization", "Basic eA=="],
    ["Cookie", "a=b"],
    ["Cache-Control", "no-store"],
    ["Content-Type", "text/plain"],
  ])("cannot be %s: the option is passed over", (name, value) => {
    expect(fields(`Connection: ${name}\r\n${name}: ${value}\r\n`).last.fields).toEqual([[name.toLowerCase(), value]]);
  });

  it("refuses more options than anybody needs", () => {
    expect(fields("Connection: a,b,c,d,e,f,g,h,i,j\r\n").errors).toEqual([]);
    expect(fields("Connection: a,b,c,d,e,f,g,h\r\nConnection: i,j,k\r\n").errors).toEqual([
      { status: 400, detail: "http1.connection_header_rejected" },
    ]);
  });

  it("hides nothing behind a nomination of content-length: the framing stands", () => {
    const peer = new ServerPeer();
    peer.connection.receive(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    expect(peer.errors).toEqual([{ status: 400, detail: "http1.connection_header_rejected" }]);
  });
});

describe("trailers", () => {
  const message = (trailers: string): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${trailers}\r\n`;

  it("are dropped by default", () => {
    const peer = new ServerPeer();
    peer.connection.receive(message("X-Sum: 1\r\n"));
    expect(peer.last).toMatchObject({ body: "abc", trailers: null, isComplete: true });
  });

  it("are passed on where they are enabled", () => {
    const peer = new ServerPeer({ enableTrailers: true });
    peer.connection.receive(message("X-Sum: 1\r\nB: 2\r\nX-Sum: 3\r\n"));
    expect(peer.last).toMatchObject({ body: "abc", isComplete: true });
    expect(peer.last.trailers).toEqual([
      ["x-sum", "1"],
      ["b", "2"],
      ["x-sum", "3"],
    ]);
  });

  it("lose what must not stand there", () => {
    const peer = new ServerPeer({ enableTrailers: true });
    const forbidden = [
      "Trailer: x",
      "Expect: x",
      "Authorization: x",
      "X-Forwarded-For: 1.2.3.4",
      "Cookie: a",
      "Via: x",
    ];
    peer.connection.receive(message(`${forbidden.join("\r\n")}\r\nX-Ok: 1\r\n`));
    expect(peer.last.trailers).toEqual([["x-ok", "1"]]);
  });

  it("that are all forbidden are none", () => {
    const peer = new ServerPeer({ enableTrailers: true });
    peer.connection.receive(message("Via: x\r\n"));
    expect(peer.last).toMatchObject({ trailers: null, isComplete: true });
  });

  it.each([
    ["a space before the colon", "A : b\r\n", 400, "http1.codec_error"],
    ["a folded line", "A: b\r\n c\r\n", 400, "http1.codec_error"],
    ["a length", "Content-Length: 5\r\n", 400, "http1.codec_error"],
    ["a host", "Host: evil\r\n", 400, "http1.codec_error"],
    ["a connection option", "Connection: close\r\n", 400, "http1.codec_error"],
    ["a transfer coding", "A: b\r\nTransfer-Encoding: chunked\r\n", 400, "http1.codec_error"],
    ["a NUL", "A: \0\r\n", 400, "http1.invalid_characters"],
    ["a bare LF", "A: b\nC: d\r\n", 400, "http1.codec_error"],
    ["more bytes than a head may have", `A: ${"a".repeat(300)}\r\n`, 431, "request_headers_too_large"],
    ["more fields than a head may have", "A: b\r\n".repeat(11), 431, "too_many_headers"],
  ])("are refused with %s, dropped or not", (_name, trailers, status, detail) => {
    for (const enableTrailers of [false, true]) {
      const peer = new ServerPeer({ enableTrailers, maxHeadBytes: 200, maxHeaders: 10 });
      peer.connection.receive(message(trailers));
      expect(peer.last.reset).toBe(`protocol_error ${detail}`);
      expect(peer.errors).toEqual([{ status, detail }]);
    }
  });
});

describe("the header map of a response", () => {
  it("loses fields of this hop on the way out", () => {
    const peer = new ServerPeer();
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.turn(() =>
      peer.last.encoder.sendHeaders(
        responseHeaders(
          200,
          ["transfer-encoding", "gzip"],
          ["keep-alive", "x"],
          ["upgrade", "x"],
          ["proxy-connection", "x"],
          ["te", "x"],
          ["a", "b"],
        ),
        true,
      ),
    );
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 0\r\n\r\n");
  });
});
