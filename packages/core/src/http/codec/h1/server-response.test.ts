/** What a server codec writes: RFC 9112 sections 4 and 6, RFC 9110 section 6.4.1. One write per message where it fits; no framing but the one that was promised. */
import { describe, expect, it } from "vitest";
import { HeaderMap } from "../../headers/header-map.ts";
import { type RecordedRequest, ServerPeer, fieldsOf, responseHeaders } from "./scripted-peer.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

function answer(request: string, run: (request: RecordedRequest) => void, options = {}): ServerPeer {
  const peer = new ServerPeer(options);
  peer.connection.receive(request);
  peer.turn(() => run(peer.last));
  return peer;
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("a response", () => {
  it("with a small body is one write, head and body", () => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["a", "b"], ["content-length", "5"], ["c", "d"]), false);
      encoder.sendData(bytes("he"), false);
      encoder.sendData(bytes("llo"), true);
    });
    expect(peer.connection.writes.map(String)).toEqual([
      "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 5\r\nc: d\r\n\r\nhello",
    ]);
    expect(peer.last.flushed).toBe(1);
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("with a large body goes out beside its head, uncopied", () => {
    const body = "x".repeat(70_000);
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["content-length", "70000"]), false);
      encoder.sendData(bytes(body), true);
    });
    expect(peer.connection.writes).toHaveLength(1);
    expect(peer.connection.text).toBe(`HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n${body}`);
  });

  it("without length is chunked", () => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendData(bytes("0123456789abcdef"), false);
      encoder.sendData(bytes(""), false);
      encoder.sendData(bytes("z"), true);
    });
    expect(peer.connection.writes.map(String)).toEqual([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\nz\r\n0\r\n\r\n",
    ]);
  });

  it("in large chunks keeps the coding", () => {
    const body = "y".repeat(5000);
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendData(bytes(body), false);
      encoder.sendData(bytes(body), true);
    });
    expect(peer.connection.text).toBe(
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1388\r\n${body}\r\n1388\r\n${body}\r\n0\r\n\r\n`,
    );
  });

  it("that ends with its headers has length 0", () => {
    const peer = answer(GET, ({ encoder }) => encoder.sendHeaders(responseHeaders(404), true));
    expect(peer.connection.text).toBe("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  });

  it("with trailers sends them where they are enabled", () => {
    const run = ({ encoder }: RecordedRequest): void => {
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendData(bytes("a"), false);
      encoder.sendTrailers(
        new HeaderMap(
          fieldsOf([
            ["x-sum", "1"],
            ["content-length", "9"],
            ["b", "2"],
          ]),
        ),
      );
    };
    expect(answer(GET, run, { enableTrailers: true }).connection.text).toContain(
      "\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nb: 2\r\n\r\n",
    );
    expect(answer(GET, run).connection.text).toContain("\r\n\r\n1\r\na\r\n0\r\n\r\n");
  });

  it("with a length drops its trailers", () => {
    const peer = answer(
      GET,
      ({ encoder }) => {
        encoder.sendHeaders(responseHeaders(200, ["content-length", "1"]), false);
        encoder.sendData(bytes("a"), false);
        encoder.sendTrailers(new HeaderMap(fieldsOf([["x-sum", "1"]])));
      },
      { enableTrailers: true },
    );
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
  });

  it("never has two lengths, however many fields a filter made", () => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["content-length", "1"], ["content-length", "3"]), false);
      encoder.sendData(bytes("a"), true);
    });
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
  });

  it("in many small pieces does not wait for its turn's end for ever", () => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["content-length", "40000"]), false);
      for (let i = 0; i < 10; i++) encoder.sendData(Buffer.alloc(4000, "x"), i === 9);
    });
    expect(Math.max(...peer.connection.writes.map(({ length }) => length))).toBeLessThan(17_000);
    expect(peer.connection.text.length).toBeGreaterThan(40_000);
  });

  it("that closes says so, also before a large body", () => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.closeAfterResponse();
      encoder.sendHeaders(responseHeaders(200, ["content-length", "5000"]), false);
      encoder.sendData(Buffer.alloc(5000, "x"), true);
    });
    expect(peer.connection.text).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 5000\r\nconnection: close\r\n\r\nxx/);
  });

  it("has the reason of its status", () => {
    expect(answer(GET, ({ encoder }) => encoder.sendHeaders(responseHeaders(599), true)).connection.text).toMatch(
      /^HTTP\/1\.1 599 Unknown\r\n/,
    );
  });

  it("streamed over turns leaves at the end of each", () => {
    const peer = answer(GET, ({ encoder }) => encoder.sendHeaders(responseHeaders(200), false));
    peer.turn(() => peer.last.encoder.sendData(bytes("a"), false));
    peer.turn(() => peer.last.encoder.sendData(bytes("b"), true));
    expect(peer.connection.writes.map(String)).toEqual([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
      "1\r\na\r\n",
      "1\r\nb\r\n0\r\n\r\n",
    ]);
  });

  it("outside of any turn leaves by itself", async () => {
    const peer = new ServerPeer();
    peer.connection.receive(GET);
    peer.last.encoder.sendHeaders(responseHeaders(204), true);
    expect(peer.connection.writes).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(peer.connection.text).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    expect(peer.last.flushed).toBe(1);
  });
});

describe("no body", () => {
  it.each([
    ["to HEAD", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"],
    ["with 304", GET, 304, "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"],
    ["with 204", GET, 204, "HTTP/1.1 204 No Content\r\n\r\n"],
  ])("is sent %s, whatever is given", (_name, request, status, text) => {
    const peer = answer(request, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(status, ["content-length", "5"]), false);
      encoder.sendData(bytes("hello"), true);
    });
    expect(peer.connection.text).toBe(text);
    peer.connection.receive(GET);
    expect(peer.requests).toHaveLength(2);
  });

  it("is sent to HEAD, nor chunks", () => {
    const peer = answer("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendData(bytes("hello"), true);
    });
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\n\r\n");
  });

  it("keeps the length that HEAD asks for where the response ends with its headers", () => {
    const peer = answer("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", ({ encoder }) =>
      encoder.sendHeaders(responseHeaders(200, ["content-length", "5"]), true),
    );
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  });
});

describe("a body that is not what its length says", () => {
  it.each([
    ["longer", "hello!", true],
    ["longer, without end", "hello!", false],
    ["shorter", "hell", true],
  ])("is cut where it is %s", (_name, body, end) => {
    const peer = answer(GET, ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["content-length", "5"]), false);
      encoder.sendData(bytes(body), end);
    });
    expect(peer.connection.text).toBe("");
    expect(peer.connection.closedBy).toBe("now");
    expect(peer.last.reset).toBe("local_reset http1.body_length_mismatch");
  });

  it("is cut in the middle", () => {
    const peer = answer(GET, ({ encoder }) =>
      encoder.sendHeaders(responseHeaders(200, ["content-length", "5"]), false),
    );
    peer.turn(() => peer.last.encoder.sendData(bytes("hel"), false));
    peer.turn(() => peer.last.encoder.sendData(bytes("lo!"), true));
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
    expect(peer.connection.closedBy).toBe("now");
  });

  it.each([
    ["a length and an end at once", GET, "5", true],
    ["a length that is no number", GET, "five", false],
    ["a length that is no number, to HEAD", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "five", true],
  ] as const)("is not begun with %s", (_name, request, length, end) => {
    const peer = answer(request, ({ encoder }) =>
      encoder.sendHeaders(responseHeaders(200, ["content-length", length]), end),
    );
    expect(peer.connection.text).toBe("");
    expect(peer.connection.closedBy).toBe("now");
  });
});

describe("informational responses", () => {
  it("go out before the final one", () => {
    const peer = answer(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
      ({ encoder, fields }) => {
        expect(fields).toContainEqual(["expect", "100-continue"]);
        encoder.sendInformational(responseHeaders(100));
        encoder.sendInformational(responseHeaders(103, ["link", "</a>; rel=preload"]));
      },
    );
    expect(peer.connection.takeText()).toBe(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n",
    );
    peer.answerAll().connection.receive("ab");
    expect(peer.connection.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });

  it("are not sent to HTTP/1.0, nor after the head, and 101 is none", () => {
    const http10 = answer(
      "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
      ({ encoder }) => encoder.sendInformational(responseHeaders(103)),
      { acceptHttp10: true },
    );
    expect(http10.connection.text).toBe("");
    const late = answer(GET, ({ encoder }) => {
      encoder.sendInformational(responseHeaders(101));
      encoder.sendHeaders(responseHeaders(200), false);
      encoder.sendInformational(responseHeaders(103));
    });
    expect(late.connection.text).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  });
});

describe("HTTP/1.0", () => {
  const options = { acceptHttp10: true };

  it("is never answered in chunks: the body goes on to the connection's end", () => {
    const peer = answer(
      "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
      ({ encoder }) => {
        encoder.sendHeaders(responseHeaders(200, ["a", "b"]), false);
        encoder.sendData(bytes("hello"), true);
      },
      options,
    );
    expect(peer.connection.text).toBe("HTTP/1.0 200 OK\r\na: b\r\nconnection: close\r\n\r\nhello");
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("that is cut before its end is cut with a reset: an end would look whole", () => {
    const peer = answer(
      "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
      ({ encoder }) => encoder.sendHeaders(responseHeaders(200), false),
      options,
    );
    peer.turn(() => peer.last.encoder.reset("local_reset"));
    expect(peer.connection.closedBy).toBe("abort");
  });

  it("keeps the connection where it asks to and the body has a length", () => {
    const peer = answer(
      "GET / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
      ({ encoder }) => encoder.sendHeaders(responseHeaders(200), true),
      options,
    );
    expect(peer.connection.text).toBe("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    expect(peer.connection.closedBy).toBe("");
  });

  it("closes where it does not ask", () => {
    const peer = answer(
      "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
      ({ encoder }) => encoder.sendHeaders(responseHeaders(200), true),
      options,
    );
    expect(peer.connection.text).toBe("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    expect(peer.connection.closedBy).toBe("flush");
  });
});

describe("an error that never became a request", () => {
  it("is answered in whole", () => {
    const peer = new ServerPeer();
    peer.codec.sendErrorAndClose(responseHeaders(408, ["server", "sluice"], ["content-length", "99"]), "té");
    expect(peer.connection.text).toBe(
      `HTTP/1.1 408 Request Timeout\r\nserver: sluice\r\ncontent-length: 3\r\nconnection: close\r\n\r\n${Buffer.from("té").toString("latin1")}`,
    );
    expect(peer.connection).toMatchObject({ closedBy: "flush", closeTimeoutMs: 1000 });
  });

  it("has no body where HEAD was asked", () => {
    const peer = new ServerPeer();
    peer.onProtocolError = () => peer.codec.sendErrorAndClose(responseHeaders(400), "bad");
    peer.connection.receive("HEAD / HTTP/1.1\r\n\r\n");
    expect(peer.connection.text).toBe("HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\nconnection: close\r\n\r\n");
  });

  it("has its body where HEAD was asked before it", () => {
    const peer = new ServerPeer();
    peer.onComplete = ({ encoder }) => encoder.sendHeaders(responseHeaders(204), true);
    peer.connection.receive("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET");
    peer.codec.sendErrorAndClose(responseHeaders(408), "late");
    expect(peer.connection.text).toMatch(/connection: close\r\n\r\nlate$/);
  });

  it("waits as long as it is told for the client to close", () => {
    const peer = new ServerPeer({ delayedCloseMs: 250 });
    peer.connection.receive("bad\r\n\r\n");
    expect(peer.connection.closeTimeoutMs).toBe(250);
  });
});
