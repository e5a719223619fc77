/** RFC 9112 sections 6 and 7 for requests: which bytes are the body. Everything that two readers could take for two things is refused. */
import { describe, expect, it } from "vitest";
import { ServerPeer } from "./scripted-peer.ts";

function post(lines: string, body: string, options = {}): ServerPeer {
  const peer = new ServerPeer(options);
  peer.connection.receive(`POST / HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`);
  return peer;
}

const chunked = (body: string): ServerPeer => post("Transfer-Encoding: chunked\r\n", body);

describe("content-length", () => {
  it("frames the body and stays a field", () => {
    const peer = post("Content-Length: 5\r\nA: b\r\n", "helloGET");
    expect(peer.last).toMatchObject({ body: "hello", isComplete: true });
    expect(peer.last.fields).toEqual([
      ["content-length", "5"],
      ["a", "b"],
    ]);
  });

  it("of 0 is the end at once", () => {
    const peer = post("Content-Length: 0\r\n", "");
    expect(peer.last).toMatchObject({ body: "", isComplete: true, pieces: 0 });
  });

  it("gives what has come and waits for the rest", () => {
    const peer = post("Content-Length: 5\r\n", "he");
    expect(peer.last).toMatchObject({ body: "he", isComplete: false });
    peer.connection.receive("llo");
    expect(peer.last).toMatchObject({ body: "hello", isComplete: true });
  });

  it.each([
    "+5",
    "-5",
    "5 5",
    "5,5",
    "0x5",
    "5.0",
    "",
    " ",
    "5a",
    "1e3",
    "٥",
    "9007199254740992",
    "99999999999999999999",
  ])("refuses %j", (value) => {
    expect(post(`Content-Length: ${Buffer.from(value).toString("latin1")}\r\n`, "hello").errors).toMatchObject([
      { status: 400 },
    ]);
  });

  it("takes the greatest that a number holds", () => {
    expect(post("Content-Length: 9007199254740991\r\n", "hello").errors).toEqual([]);
  });

  it.each([
    ["different", "Content-Length: 5\r\nContent-Length: 6\r\n"],
    ["equal", "Content-Length: 5\r\ncontent-length: 5\r\n"],
  ])("refuses two %s ones", (_name, lines) => {
    expect(post(lines, "hello").errors).toEqual([{ status: 400, detail: "http1.invalid_content_length" }]);
  });
});

describe("transfer-encoding", () => {
  it("is taken out; the body is what the chunks carry", () => {
    const peer = chunked("3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nGET");
    expect(peer.last).toMatchObject({ body: "abc0123456789", isComplete: true, fields: [] });
  });

  it("is case-insensitive", () => {
    expect(post("TRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n").last.isComplete).toBe(true);
  });

  it.each([
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "chunked,",
    ",chunked",
    "chunked;a=b",
    "xchunked",
    "chunked x",
    '"chunked"',
    "identity",
    "",
  ])("is refused with 501 where it is %j", (value) => {
    expect(post(`Transfer-Encoding: ${value}\r\n`, "0\r\n\r\n").errors).toEqual([
      { status: 501, detail: "http1.invalid_transfer_encoding" },
    ]);
  });

  it.each([
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
  ])("is refused with 501 where it comes twice", (lines) => {
    expect(post(lines, "0\r\n\r\n").errors).toEqual([{ status: 501, detail: "http1.invalid_transfer_encoding" }]);
  });

  it.each([
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: x\r\nContent-Length: 0\r\n",
  ])("is refused beside content-length", (lines) => {
    expect(post(lines, "0\r\n\r\n").errors).toEqual([
      { status: 400, detail: "http1.content_length_and_chunked_not_allowed" },
    ]);
  });

  it("is refused in HTTP/1.0", () => {
    const peer = new ServerPeer({ acceptHttp10: true });
    peer.connection.receive("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect(peer.errors).toEqual([{ status: 400, detail: "http1.transfer_encoding_not_allowed" }]);
  });

  it.each(["GET", "DELETE", "OPTIONS", "HEAD"])("frames the body of %s too", (method) => {
    const peer = new ServerPeer();
    peer.connection.receive(
      `${method} / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    );
    expect(peer.last).toMatchObject({ body: "abc", isComplete: true });
  });
});

describe("chunks", () => {
  it.each([
    ["leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "abc"],
    ["either case", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a"],
    ["sixteen digits", "0000000000000001\r\na\r\n0\r\n\r\n", "a"],
    ["an extension", "1;name\r\na\r\n0;x\r\n\r\n", "a"],
    ["an extension with a value", "1;name=value;b=c\r\na\r\n0\r\n\r\n", "a"],
    ["an extension with a quoted value", '1;name="a;\\"\r\t\\\\b"\r\na\r\n0\r\n\r\n'.replace("\r\t", "\t"), "a"],
    ["data that looks like chunks", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"],
  ])("may have %s", (_name, body, expected) => {
    expect(chunked(body).last).toMatchObject({ body: expected, isComplete: true });
  });

  it.each([
    ["no size", "\r\nabc\r\n0\r\n\r\n"],
    ["an extension without size", ";a\r\n\r\n"],
    ["a sign", "+3\r\nabc\r\n0\r\n\r\n"],
    ["a minus", "-3\r\nabc\r\n0\r\n\r\n"],
    ["a prefix", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["a digit that is none", "g\r\nabc\r\n0\r\n\r\n"],
    ["white space before", " 3\r\nabc\r\n0\r\n\r\n"],
    ["white space behind", "3 \r\nabc\r\n0\r\n\r\n"],
    ["a tab behind", "3\t\r\nabc\r\n0\r\n\r\n"],
    ["white space before an extension", "3 ;a\r\nabc\r\n0\r\n\r\n"],
    ["white space in an extension", "3; a\r\nabc\r\n0\r\n\r\n"],
    ["an underscore", "1_0\r\nabc\r\n0\r\n\r\n"],
    ["seventeen digits", "00000000000000003\r\nabc\r\n0\r\n\r\n"],
    ["a size beyond what a number holds", "20000000000000\r\nabc\r\n0\r\n\r\n"],
    ["a size line that ends with LF", "3\nabc\r\n0\r\n\r\n"],
    ["a size line that ends with CR", "3\rabc\r\n0\r\n\r\n"],
    ["data longer than the size", "3\r\nabcd\r\n0\r\n\r\n"],
    ["data that ends with another byte and LF", "3\r\nabcx\n0\r\n\r\n"],
    ["data that ends with LF", "3\r\nabc\n0\r\n\r\n"],
    ["data that ends with nothing", "3\r\nabc0\r\n\r\n"],
    ["a last line that ends with LF", "0\r\n\n"],
    ["an end without its LF", "3\r\nabc\r\n0\r\n\rX"],
    ["a last CR without LF", "0\r\n\r\r\n\r\n"],
    ["an extension without name", "3;\r\nabc\r\n0\r\n\r\n"],
    ["an extension with an empty value", "3;a=\r\nabc\r\n0\r\n\r\n"],
    ["an extension with a control", "3;a\x01\r\nabc\r\n0\r\n\r\n"],
    ["an extension with a bare LF", "3;a\nb\r\nabc\r\n0\r\n\r\n"],
    ["an extension with a bare CR", "3;a\rb\r\nabc\r\n0\r\n\r\n"],
    ["a quoted value with LF", '3;a="\n"\r\nabc\r\n0\r\n\r\n'],
    ["a quoted value that goes on", '3;a="b"c\r\nabc\r\n0\r\n\r\n'],
    ["extensions without end", `3;${"a".repeat(5000)}\r\nabc\r\n0\r\n\r\n`],
    ["extensions over many chunks", `${`1;${"a".repeat(60)}\r\nb\r\n`.repeat(100)}0\r\n\r\n`],
  ])("are refused with %s", (_name, body) => {
    const peer = chunked(body);
    expect(peer.last.isComplete).toBe(false);
    expect(peer.requests).toHaveLength(1);
    expect(peer.last.reset).toBe("protocol_error http1.codec_error");
    expect(peer.errors).toEqual([{ status: 400, detail: "http1.codec_error" }]);
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("may have extensions up to the bound in every message", () => {
    const peer = new ServerPeer().answerAll();
    const text = `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;${"a".repeat(4000)}\r\nb\r\n0\r\n\r\n`;
    for (let i = 0; i < 3; i++) peer.connection.receive(text);
    expect(peer.requests.map(({ body }) => body)).toEqual(["b", "b", "b"]);
  });

  it("say the end together with the last data where both have come", () => {
    const peer = chunked("3\r\nabc\r\n0\r\n\r\n");
    expect(peer.last).toMatchObject({ pieces: 1, isComplete: true });
  });
});

describe("CONNECT", () => {
  const connect = (lines: string): ServerPeer => {
    const peer = new ServerPeer();
    peer.connection.receive(`CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n${lines}\r\n`);
    return peer;
  };

  it("may say that its body is empty", () => {
    const peer = connect("Content-Length: 0\r\n");
    expect(peer.errors).toEqual([]);
    expect(peer.last.fields).toEqual([]);
  });

  it.each([
    ["a body", "Content-Length: 3\r\n", 400, "http1.body_disallowed"],
    ["chunks", "Transfer-Encoding: chunked\r\n", 501, "http1.invalid_transfer_encoding"],
  ])("is refused with %s", (_name, lines, status, detail) => {
    expect(connect(lines).errors).toEqual([{ status, detail }]);
  });
});
