/** RFC 9112 section 3: the request line and its targets, and section 2.3: versions. */
import type { TlsInfo } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import type { Http1ServerOptions } from "../codec.ts";
import { ServerPeer } from "./scripted-peer.ts";

function request(head: string, options: Partial<Http1ServerOptions> = {}): ServerPeer {
  const peer = new ServerPeer(options);
  peer.connection.receive(head);
  return peer;
}

describe("request targets", () => {
  it.each([
    ["origin-form", "GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n", "GET x /a/b?c=d", "http"],
    ["an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET  /", "http"],
    ["a host with port", "GET / HTTP/1.1\r\nHost: x:8080\r\n\r\n", "GET x:8080 /", "http"],
    ["an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET [::1]:80 /", "http"],
    ["an extension method", "PROPFIND-X /d HTTP/1.1\r\nHost: x\r\n\r\n", "PROPFIND-X x /d", "http"],
    ["a lower-case method as another method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", "get x /", "http"],
    ["absolute-form before Host", "GET http://a:81/p?q HTTP/1.1\r\nHost: b\r\n\r\n", "GET a:81 /p?q", "http"],
    ["absolute-form with its scheme", "GET HTTP://a/p HTTP/1.1\r\nHost: b\r\n\r\n", "GET a /p", "http"],
    ["absolute-form without a path", "GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", "GET a /", "http"],
    ["absolute-form with a query alone", "GET http://a?q=/x HTTP/1.1\r\nHost: b\r\n\r\n", "GET a /?q=/x", "http"],
    ["OPTIONS in absolute-form without a path", "OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS a *", "http"],
    ["asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS x *", "http"],
    [
      "authority-form",
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
      "CONNECT a.example:443 ",
      "http",
    ],
    ["one empty line before it", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET x /", "http"],
  ])("reads %s", (_name, head, line, scheme) => {
    const peer = request(head);
    expect(peer.errors).toEqual([]);
    expect(peer.last.line).toBe(line);
    expect(peer.last.headers!.scheme).toBe(scheme);
  });

  it("takes the scheme from the connection where the target has none", () => {
    const tls = {
      serverName: "",
      version: "TLSv1.3",
      cipher: "",
      alpn: "",
      peerCertificatePresented: false,
      peerCertificateVerified: false,
      peerSubject: "",
      peerUriSans: [],
      peerDnsSans: [],
    };
    const peer = new ServerPeer({}, { tls });
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(peer.last.headers!.scheme).toBe("https");
  });

  it.each([
    ["no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["an empty target", "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a second space", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a NUL in the target", "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a high byte in the target", "GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a fragment", "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a bare CR in the target", "GET /\r HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["a relative target", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["an asterisk for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.invalid_url"],
    ["user information", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["https on a plain connection", "GET HTTPS://a/p HTTP/1.1\r\nHost: b\r\n\r\n", 400, "http1.invalid_scheme"],
    ["an absolute target without host", "GET http:///p HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["an absolute target with port only", "GET http://:80/p HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["a port beyond the last", "GET http://a:70000/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_scheme"],
    ["CONNECT to a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["CONNECT without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "http1.invalid_url"],
    ["no method", " / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a method that is no token", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a colon in the method", "GET: / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a method of 33 characters", `${"M".repeat(33)} / HTTP/1.1\r\nHost: x\r\n\r\n`, 501, "http1.unsupported_method"],
    ["two empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a bare LF before it", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a line that ends with LF alone", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400, "http1.codec_error"],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "http1.codec_error"],
  ])("refuses %s", (_name, head, status, detail) => {
    const peer = request(head);
    expect(peer.requests).toEqual([]);
    expect(peer.errors).toEqual([{ status, detail }]);
    expect(peer.connection.text).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [^\r]*\r\n(?:.*\r\n)*connection: close\r\n\r\n$`),
    );
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("takes https in absolute-form over TLS", () => {
    const peer = new ServerPeer({}, { tls: {} as TlsInfo });
    peer.connection.receive("GET https://a/p HTTP/1.1\r\nHost: b\r\n\r\n");
    expect(peer.last.line).toBe("GET a /p");
    expect(peer.last.headers!.scheme).toBe("https");
  });

  it("answers 404 to absolute-form where it is not allowed", () => {
    expect(request("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", { allowAbsoluteUrl: false }).errors).toEqual([
      { status: 404, detail: "absolute_path_rejected" },
    ]);
  });
});

describe("versions", () => {
  it.each([
    ["HTTP/2.0", 505, "http1.unsupported_version"],
    ["HTTP/1.2", 505, "http1.unsupported_version"],
    ["HTTP/0.9", 505, "http1.unsupported_version"],
    ["http/1.1", 400, "http1.codec_error"],
    ["HTTP/1.10", 400, "http1.codec_error"],
    ["HTTP/11", 400, "http1.codec_error"],
    ["HTTP/1.1 ", 400, "http1.codec_error"],
    ["HTTP/1,1", 400, "http1.codec_error"],
  ])("refuses %s", (version, status, detail) => {
    expect(request(`GET / ${version}\r\nHost: x\r\n\r\n`).errors).toEqual([{ status, detail }]);
  });

  it("refuses the preface of HTTP/2", () => {
    expect(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").errors).toEqual([
      { status: 505, detail: "http1.unsupported_version" },
    ]);
  });

  it("answers 426 to HTTP/1.0 unless it is accepted", () => {
    expect(request("GET / HTTP/1.0\r\nHost: x\r\n\r\n").errors).toEqual([{ status: 426, detail: "low_version" }]);
  });

  it("gives HTTP/1.0 requests without host the default host", () => {
    const peer = request("GET /a HTTP/1.0\r\n\r\n", { acceptHttp10: true, defaultHostForHttp10: "fallback" });
    expect(peer.last.line).toBe("GET fallback /a");
    expect(peer.last.encoder.protocol).toBe("HTTP/1.0");
  });

  it("refuses HTTP/1.0 requests without host where there is no default", () => {
    expect(request("GET /a HTTP/1.0\r\n\r\n", { acceptHttp10: true }).errors).toEqual([
      { status: 400, detail: "missing_host_header" },
    ]);
  });
});

describe("host (RFC 9112 section 3.2)", () => {
  it.each([
    ["none", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "missing_host_header"],
    ["none beside an absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", "missing_host_header"],
    ["two", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "http1.invalid_host"],
    ["two equal ones", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "http1.invalid_host"],
    ["a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "http1.invalid_host"],
    ["user information", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", "http1.invalid_host"],
    ["a space", "GET / HTTP/1.1\r\nHost: x y\r\n\r\n", "http1.invalid_host"],
    ["a backslash", "GET / HTTP/1.1\r\nHost: x\\y\r\n\r\n", "http1.invalid_host"],
    ["a port that is no number", "GET / HTTP/1.1\r\nHost: x:y\r\n\r\n", "http1.invalid_host"],
    ["a port beyond the last", "GET / HTTP/1.1\r\nHost: x:65536\r\n\r\n", "http1.invalid_host"],
    ["a port of nobody", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "http1.invalid_host"],
    ["a colon alone", "GET / HTTP/1.1\r\nHost: :\r\n\r\n", "http1.invalid_host"],
    ["an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "http1.invalid_host"],
  ])("refuses %s", (_name, head, detail) => {
    expect(request(head).errors).toEqual([{ status: 400, detail }]);
  });

  it("is checked anew where it differs from the last", () => {
    expect(request("GET / HTTP/1.1\r\nHost: abc\r\n\r\n").errors).toEqual([]);
    expect(request("GET / HTTP/1.1\r\nHost: a/c\r\n\r\n").errors).toHaveLength(1);
  });

  it("is never an entry", () => {
    expect(request("GET / HTTP/1.1\r\nA: 1\r\nHost: x\r\nB: 2\r\n\r\n").last.fields).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });
});

describe("limits", () => {
  const head = (bytes: number): string => {
    const start = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
    return `${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`;
  };

  it("takes a head of just the limit", () => {
    expect(request(head(200), { maxHeadBytes: 200 }).errors).toEqual([]);
  });

  it("refuses one byte more with 431", () => {
    expect(request(head(201), { maxHeadBytes: 200 }).errors).toEqual([
      { status: 431, detail: "request_headers_too_large" },
    ]);
  });

  it("refuses a head that does not end with 431, at the limit and not later", () => {
    const peer = new ServerPeer({ maxHeadBytes: 200 });
    peer.connection.receive("GET / HTTP/1.1\r\nHost: x\r\nA: ");
    for (let i = 0; i < 171; i++) peer.connection.receive("a");
    expect(peer.errors).toEqual([]);
    peer.connection.receive("a");
    expect(peer.errors).toEqual([{ status: 431, detail: "request_headers_too_large" }]);
  });

  it("refuses a request line beyond the limit with 414", () => {
    expect(request(`GET /${"a".repeat(300)} HTTP/1.1\r\nHost: x\r\n\r\n`, { maxHeadBytes: 200 }).errors).toEqual([
      { status: 414, detail: "http1.uri_too_long" },
    ]);
  });

  it("takes as many headers as allowed, and one more is refused with 431", () => {
    const many = (count: number): string => `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(count - 1)}\r\n`;
    expect(request(many(10), { maxHeaders: 10 }).errors).toEqual([]);
    expect(request(many(11), { maxHeaders: 10 }).errors).toEqual([{ status: 431, detail: "too_many_headers" }]);
  });

  it("refuses a bare LF at once, before the head ends", () => {
    expect(request("GET / HTTP/1.1\nHost: x\n").errors).toEqual([{ status: 400, detail: "http1.codec_error" }]);
  });
});
