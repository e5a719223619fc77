import { hostname } from "node:os";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type ContextChanges, formatContext } from "../../../../test/support/format-context.ts";
import { defaultFormat } from "../config/compile/access-log.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import type { FormatContext } from "./context.ts";
import { HEADER_FORMAT, LOG_FORMAT, compileFormat } from "./format.ts";
import { operatorNames } from "./operators.ts";

function line(text: string, changes: ContextChanges | FormatContext = {}, use = LOG_FORMAT): string {
  const format = compileFormat(text, use);
  if (format instanceof MatchProblem) throw new Error(format.message);
  return format.render(
    "requestHeaders" in changes ? (changes as FormatContext) : formatContext(changes as ContextChanges),
  );
}

function problem(text: string): MatchProblem {
  const format = compileFormat(text);
  if (!(format instanceof MatchProblem)) throw new Error(`${text} is no problem`);
  return format;
}

describe("Envoy's default line", () => {
  it("is written byte for byte", () => {
    const changes = {
      request: { "x-forwarded-for": "203.0.113.9", "user-agent": "curl/8", "x-request-id": "abc" },
      response: { "x-envoy-upstream-service-time": "40" },
    };
    expect(line(defaultFormat, changes)).toBe(
      '[2026-03-04T05:06:07.089Z] "GET /path?x=1 HTTP/1.1" 200 - 11 222 42 40 "203.0.113.9" "curl/8" "abc" "example.com" "198.51.100.2:8080"\n',
    );
  });

  it("has a dash for all that is missing", () => {
    const nothing = { upstreamHost: null, authority: "", endMs: -1, status: 0, flags: ["NR", "DC"] as const };
    expect(line(defaultFormat, { ...formatContext(nothing), responseHeaders: null })).toBe(
      '[2026-03-04T05:06:07.089Z] "GET /path?x=1 HTTP/1.1" 0 NR,DC 11 222 - - "-" "-" "-" "-" "-"\n',
    );
  });

  it("logs the path before it was rewritten", () => {
    expect(
      line("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", { path: "/new", request: { "x-envoy-original-path": "/old" } }),
    ).toBe("/old");
  });
});

describe("operators", () => {
  const grpc = { request: { "content-type": "application/grpc" } };
  const tls = {
    connection: {
      ...formatContext().connection,
      tls: {
        serverName: "shop.example",
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        alpn: "h2",
        peerCertificatePresented: true,
        peerCertificateVerified: true,
        peerSubject: "CN=client,O=Étoile",
        peerUriSans: ["spiffe://a", "spiffe://b"],
        peerDnsSans: [],
      },
    },
  };
  const unix = { connection: { ...formatContext().connection, local: { address: "/run/s.sock", ip: "", port: 0 } } };

  test.each<[string, string, ContextChanges?]>([
    [
      "%REQ(:METHOD)% %REQ(:path)% %REQ(:AUTHORITY)% %REQ(host)% %REQ(:SCHEME)%",
      "GET /path?x=1 example.com example.com http",
    ],
    ["%REQ(X-A?X-B)%", "a", { request: { "x-a": "a", "x-b": "b" } }],
    ["%REQ(X-A?X-B)%", "b", { request: { "x-b": "b" } }],
    ["%REQ(X-A?X-B)%", "-"],
    ["%REQUEST_HEADER(X-A)%", "a", { request: { "x-a": "a" } }],
    ["%REQ(X-A):3%", "abc", { request: { "x-a": "abcdef" } }],
    ["%REQ(X-A):9%", "abc", { request: { "x-a": "abc" } }],
    ["%REQ(X-A):0%", "", { request: { "x-a": "abc" } }],
    ["%REQ_WITHOUT_QUERY(:PATH)%", "/path"],
    ["%REQ_WITHOUT_QUERY(X-NONE?:PATH):3%", "/pa"],
    ["%RESP(X-R)% %RESPONSE_HEADER(X-R)% %RESP(:STATUS)%", "r r 200", { response: { "x-r": "r" } }],
    ["%TRAILER(X-T)% %RESPONSE_TRAILER(X-T)%", "t t", { trailers: { "x-t": "t" } }],
    ["%TRAILER(X-T)%", "-"],
    ["%PROTOCOL% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "HTTP/1.1 200 via_upstream"],
    ["%RESPONSE_CODE_DETAILS%", "two_words", { details: "two words" }],
    ["%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "- -"],
    [
      "%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%",
      "UF,DC UpstreamConnectionFailure,DownstreamConnectionTermination",
      { flags: ["DC", "UF"] },
    ],
    ["%BYTES_RECEIVED% %BYTES_SENT%", "11 222"],
    ["%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "42 3 30 12"],
    ["%RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "- -", { upstreamHost: null }],
    ["%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW%", "198.51.100.2:8080 web web"],
    ["%UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT%", "web.internal:8080 web.internal"],
    [
      "%UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%",
      "198.51.100.2:8080 198.51.100.2 8080",
    ],
    [
      "%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%",
      "198.51.100.1:51000 198.51.100.1 51000",
    ],
    [
      "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%",
      "2001:db8::2 80",
      { upstreamHost: { address: "[2001:db8::2]:80", hostname: "h", cluster: "c" } },
    ],
    [
      "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%",
      "/run/a:1.sock -",
      { upstreamHost: { address: "/run/a:1.sock", hostname: "h", cluster: "c" } },
    ],
    ["%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "1"],
    ["%UPSTREAM_TRANSPORT_FAILURE_REASON%", "connect_ECONNREFUSED", { upstreamFailure: "connect ECONNREFUSED" }],
    [
      "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%",
      "192.0.2.7:0 192.0.2.7 0",
    ],
    [
      "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_PORT%",
      "192.0.2.1:4000 192.0.2.1 4000",
    ],
    [
      "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%",
      "[2001:db8::1]:443 2001:db8::1 443",
    ],
    ["%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%", "/run/s.sock -", unix],
    ["%CONNECTION_ID% %STREAM_ID%", "5 17"],
    ["%STREAM_ID%", "abc", { request: { "x-request-id": "abc" } }],
    ["%ROUTE_NAME%", "home"],
    ["%ROUTE_NAME%", "-", { route: undefined }],
    ["%REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_VERSION%", "- -"],
    [
      "%REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER%",
      "shop.example TLSv1.3 TLS_AES_128_GCM_SHA256",
      tls,
    ],
    ["%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_DNS_SAN%", "spiffe://a,spiffe://b -", tls],
    ["%HOSTNAME%", hostname()],
    ["%GRPC_STATUS%", "-", { trailers: { "grpc-status": "0" } }],
    ["%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%", "NotFound NOT_FOUND", { ...grpc, trailers: { "grpc-status": "5" } }],
    [
      "%GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%",
      "OK 0 0",
      { ...grpc, response: { "grpc-status": "0" } },
    ],
    ["%GRPC_STATUS%", "99", { ...grpc, trailers: { "grpc-status": "99" } }],
    ["%GRPC_STATUS%", "-", { ...grpc, trailers: { "grpc-status": "ok" } }],
    ["100%% of %%REQ%%", "100% of %REQ%"],
    ["%ACCESS_LOG_TYPE%", "DownstreamEnd"],
    ["<%LOCAL_REPLY_BODY%>", "<>"],
    ["%CONNECTION_TERMINATION_DETAILS% %DOWNSTREAM_TRANSPORT_FAILURE_REASON%", "- -"],
    ["%CONNECTION_TERMINATION_DETAILS%", "idle_timeout", { terminationDetails: "idle timeout" }],
    ["%QUERY_PARAM(b)% %QUERY_PARAM(none)%", "x=y -", { path: "/p?bb=1&b&b=x=y&b=2" }],
    ["%QUERY_PARAM(q)%", "-", { path: "/p" }],
    ["%PATH% %PATH(NQ)% %PATH(WQ:PATH)%", "/p?x=1 /p /p?x=1", { path: "/p?x=1" }],
    [
      "%PATH(NQ:ORIG)% %PATH(WQ:PATH)% %PATH(:ORIG_OR_PATH)%",
      "/old /new?x /old?x",
      { path: "/new?x", request: { "x-envoy-original-path": "/old?x" } },
    ],
    ["%PATH(WQ:ORIG)%", "-", {}],
    ["%METADATA(DYNAMIC:none:key)%", "-"],
    ["%DOWNSTREAM_PEER_CERT_V_START% %DOWNSTREAM_PEER_FINGERPRINT_256%", "- -"],
  ])("%s is %s", (text, expected, changes = {}) => {
    expect(line(text, changes)).toBe(expected);
  });

  it("write text beyond ASCII as its UTF-8 bytes", () => {
    expect(Buffer.from(line("é %DOWNSTREAM_PEER_SUBJECT%", tls), "latin1").toString("utf8")).toBe(
      "é CN=client,O=Étoile",
    );
  });

  it("pass the bytes of header values through unchanged", () => {
    expect(line("%REQ(X-A)%", { request: { "x-a": "caf\u00c3\u00a9 \u00ff" } })).toBe("caf\u00c3\u00a9 \u00ff");
  });

  it("count header bytes as Envoy does: names and values, pseudo-headers too", () => {
    const request = ":methodGET:path/path?x=1:authorityexample.com:schemehttpx-a1".length;
    expect(line("%REQUEST_HEADERS_BYTES%", { request: { "x-a": "1" } })).toBe(String(request));
    expect(line("%RESPONSE_HEADERS_BYTES% %RESPONSE_TRAILERS_BYTES%", { response: { b: "22" } })).toBe(
      `${":status200b22".length} 0`,
    );
    expect(line("%RESPONSE_TRAILERS_BYTES%", { trailers: { "x-t": "ab" } })).toBe("5");
  });

  it("read the environment once", () => {
    process.env.SLUICE_TEST_FORMAT = "from outside";
    const format = compileFormat("%ENVIRONMENT(SLUICE_TEST_FORMAT):4%|%ENVIRONMENT(SLUICE_TEST_NONE)%", LOG_FORMAT);
    delete process.env.SLUICE_TEST_FORMAT;
    expect((format as { render(c: FormatContext): string }).render(formatContext())).toBe("from|-");
  });

  it("make a new UUID for each line", () => {
    const ids = [line("%UNIQUE_ID%"), line("%UNIQUE_ID%")];
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("have none of the HTTP parts on a TCP connection", () => {
    const tcp: FormatContext = {
      ...formatContext(),
      requestHeaders: null,
      responseHeaders: null,
      responseFlow: null,
      route: null,
    };
    expect(
      line("%REQ(:PATH)% %RESP(X)% %TRAILER(X)% %GRPC_STATUS% %ROUTE_NAME% %STREAM_ID% %REQUEST_HEADERS_BYTES%", tcp),
    ).toBe("- - - - - 17 -");
  });
});

describe("what filters left", () => {
  const context = formatContext();
  context.metadata.set("acme", { user: "zoë", count: 3, nested: { list: [1, "two"] }, nothing: null });
  context.filterState.set("plain", "a text");
  context.filterState.set("object", { name: "n", size: 7, deep: {} });
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  context.filterState.set("cycle", cycle);
  context.filterState.set("big", 1n);

  test.each([
    ["%DYNAMIC_METADATA(acme:user)%", "zoë"],
    ["%DYNAMIC_METADATA(acme:count)%", "3"],
    ["%DYNAMIC_METADATA(acme:nested:list)%", '[1,"two"]'],
    ["%DYNAMIC_METADATA(acme:nested):5%", '{"lis'],
    ["%DYNAMIC_METADATA(acme:none)%", "-"],
    ["%DYNAMIC_METADATA(acme:nothing)%", "-"],
    ["%DYNAMIC_METADATA(acme:user:length)%", "-"],
    ["%DYNAMIC_METADATA(acme:toString)%", "-"],
    ["%DYNAMIC_METADATA(none)%", "-"],
    ["%FILTER_STATE(plain)%", '"a text"'],
    ["%FILTER_STATE(plain:PLAIN)%", "a text"],
    ["%FILTER_STATE(object:TYPED)%", '{"name":"n","size":7,"deep":{}}'],
    ["%FILTER_STATE(object:PLAIN)%", '{"name":"n","size":7,"deep":{}}'],
    ["%FILTER_STATE(object:FIELD:name)% %FILTER_STATE(object:FIELD:size)%", "n 7"],
    [
      "%FILTER_STATE(object:FIELD:deep)% %FILTER_STATE(object:FIELD:constructor)% %FILTER_STATE(plain:FIELD:length)%",
      "- - -",
    ],
    ["%FILTER_STATE(cycle)% %FILTER_STATE(big)% %FILTER_STATE(none)%", "- - -"],
  ])("%s is %s", (text, expected) => {
    expect(Buffer.from(line(text, context), "latin1").toString("utf8")).toBe(expected);
  });
});

describe("log injection", () => {
  it("controls in values are escaped, so that a value never makes a line", () => {
    const context = formatContext({ request: { "x-tab": "a\tb" } });
    context.metadata.set("acme", { evil: "a\r\nforged \u001b[31m\u0000\u007f" });
    expect(line("%DYNAMIC_METADATA(acme:evil)%\n", context)).toBe("a\\r\\nforged \\x1b[31m\\x00\\x7f\n");
    expect(line("%REQ(X-TAB)%\t|", context)).toBe("a\\tb\t|");
  });

  it("a header value drops the controls that it may not hold", () => {
    const context = formatContext({ request: { "x-tab": "a\tb" } });
    context.metadata.set("acme", { evil: "a\r\nx-evil: 1" });
    expect(line("%DYNAMIC_METADATA(acme:evil)%|%REQ(X-TAB)%", context, HEADER_FORMAT)).toBe("ax-evil: 1|a\tb");
  });

  it("no value of whatever kind makes a second line", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), (a, b) => {
        const context = formatContext({ details: a, upstreamFailure: b });
        context.metadata.set("m", { v: b, o: { [a]: b } });
        const out = line(
          "%RESPONSE_CODE_DETAILS%%UPSTREAM_TRANSPORT_FAILURE_REASON%%DYNAMIC_METADATA(m:v)%%DYNAMIC_METADATA(m:o)%\n",
          context,
        );
        expect(out.indexOf("\n")).toBe(out.length - 1);
        // oxlint-disable-next-line no-control-regex -- what is looked for
        expect(out.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f\u0100-\uffff]/);
      }),
    );
  });
});

describe("header values", () => {
  it("are empty where an operator has no value", () => {
    expect(line("%REQ(X-NONE)%", {}, HEADER_FORMAT)).toBe("");
  });

  it("are constant where no operator depends on the stream", () => {
    expect(compileFormat("50%% of %HOSTNAME%")).toMatchObject({ constant: `50% of ${hostname()}` });
    expect(compileFormat("")).toMatchObject({ constant: "" });
    expect(compileFormat("%PROTOCOL%")).toMatchObject({ constant: null });
  });
});

describe("problems", () => {
  test.each([
    ["%FOO%", "%FOO% is no command operator", 0],
    ["ab %REQ%", "%REQ% has no argument", 3],
    ["%PROTOCOL(X)%", "%PROTOCOL% takes no argument", 0],
    ["%REQ(A?B?C)%", "names no header", 0],
    ["%REQ()%", "names no header", 0],
    ["%REQ(a b)%", "names no header", 0],
    ["%DYNAMIC_METADATA(a::b)%", "names no metadata", 0],
    ["%FILTER_STATE(a:FIELD)%", "names no filter state", 0],
    ["%FILTER_STATE(a:SOUP)%", "names no filter state", 0],
    ["%FILTER_STATE(a:PLAIN:b)%", "names no filter state", 0],
    ["%GRPC_STATUS(UPPER)%", "is no way to write a gRPC status", 0],
    ["%START_TIME(%Q)%", "%Q is no conversion", 0],
    ["%START_TIME(%n)%", "%n is no conversion", 0],
    ["100%", "a % begins no command operator", 3],
    ["100% of", "a % begins no command operator", 3],
    ["%REQ(X)", "a % begins no command operator", 0],
    ["%REQ(X):%", "a % begins no command operator", 0],
    ["%REQ(X):a%", "a % begins no command operator", 0],
    ["%req(x)%", "a % begins no command operator", 0],
    ["%constructor%", "a % begins no command operator", 0],
  ])("%s: %s at %i", (text, message, position) => {
    expect(problem(text)).toMatchObject({ message: expect.stringContaining(message) as unknown, position });
  });

  it("a near miss gets the name that was meant", () => {
    expect(problem("%REQUST_DURATION%").expected).toBe("%REQUEST_DURATION%");
    expect(problem("%UPSTREAM_HOSTS%").expected).toBe("%UPSTREAM_HOST%");
  });

  it("Envoy's operators that Sluice has no fact for are refused by name", () => {
    for (const name of ["TRACE_ID", "UPSTREAM_PROTOCOL", "ROUNDTRIP_DURATION", "TLS_JA3_FINGERPRINT"]) {
      expect(problem(`%${name}%`).message).toContain(`%${name}%`);
    }
    expect(problem("%CEL(request.path)%").message).toContain("%CEL%");
  });

  /** Where any text will not do. */
  const ARGUMENTS: Readonly<Record<string, string>> = { METADATA: "DYNAMIC:a" };

  it("every operator that is listed compiles, with an argument where it needs one", () => {
    for (const name of operatorNames()) {
      const plain = compileFormat(`%${name}%`);
      if (plain instanceof MatchProblem)
        expect(compileFormat(`%${name}(${ARGUMENTS[name] ?? "a"})%`), name).not.toBeInstanceOf(MatchProblem);
    }
  });

  it("no text makes the compiler throw", () => {
    const piece = fc.oneof(
      fc.constantFrom("%", "%%", "(", ")", ":", "REQ", "START_TIME", "%REQ(", "x?y", "9", "%f"),
      fc.string(),
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void compileFormat(pieces.join(""))));
  });
});
