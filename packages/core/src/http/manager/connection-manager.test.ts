import { describe, expect, it } from "vitest";
import type { HcmModel } from "../../config/model.ts";
import { HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";

/** Plays one request through a manager with these settings; the terminal answers 200. */
async function play(
  hcm: Partial<HcmModel>,
  headers: Record<string, string> = {},
  response: Record<string, string> = {},
) {
  const terminal = new ScriptedTerminal();
  const harness = new HttpHarness([terminal.filter], { hcm });
  const stream = await harness.request(headers);
  if (terminal.handle !== null) terminal.respond(200, response);
  return { upstream: terminal.requestHeaders, handle: terminal.handle, sent: stream.sent, stream: stream.stream };
}

describe("who the client is", () => {
  it("is the peer of the socket where the listener faces clients, and is appended to x-forwarded-for", async () => {
    const { upstream, stream } = await play({ useRemoteAddress: true }, { "x-forwarded-for": "1.1.1.1" });
    expect(upstream["x-forwarded-for"]).toBe("1.1.1.1, 192.0.2.1");
    expect(stream.remote.ip).toBe("192.0.2.1");
  });

  it("is found behind the trusted hops", async () => {
    const { stream } = await play(
      { useRemoteAddress: true, xffNumTrustedHops: 2 },
      { "x-forwarded-for": "6.6.6.6, 1.1.1.1, 10.0.0.1" },
    );
    expect(stream.remote.ip).toBe("1.1.1.1");
    const inner = await play({ xffNumTrustedHops: 1 }, { "x-forwarded-for": "6.6.6.6, 1.1.1.1, 10.0.0.1" });
    expect(inner.stream.remote.ip).toBe("1.1.1.1");
  });

  it("is the last of x-forwarded-for inside a mesh, and nothing is appended there", async () => {
    const { upstream, stream } = await play({}, { "x-forwarded-for": "1.1.1.1, 2.2.2.2" });
    expect(upstream["x-forwarded-for"]).toBe("1.1.1.1, 2.2.2.2");
    expect(stream.remote.ip).toBe("2.2.2.2");
  });

  it("stays the peer where x-forwarded-for holds no address", async () => {
    const { stream } = await play({}, { "x-forwarded-for": "unknown" });
    expect(stream.remote.ip).toBe("192.0.2.1");
  });

  it("is internal only by configuration", async () => {
    expect((await play({ useRemoteAddress: true })).upstream["x-envoy-internal"]).toBeUndefined();
    expect((await play({ useRemoteAddress: true, internalCidrs: ["192.0.2.0/24"] })).upstream["x-envoy-internal"]).toBe(
      "true",
    );
    const spoofed = await play({ useRemoteAddress: true }, { "x-envoy-internal": "true" });
    expect(spoofed.upstream["x-envoy-internal"]).toBeUndefined();
    expect(spoofed.upstream["x-envoy-external-address"]).toBe("192.0.2.1");
  });
});

describe("headers that clients may not set", () => {
  it("are removed from external requests, and those that govern retries and time-outs also behind the edge", async () => {
    const headers = {
      "x-envoy-retry-on": "5xx",
      "x-envoy-upstream-rq-timeout-ms": "1",
      "x-envoy-original-path": "/evil",
    };
    expect(Object.keys((await play({ useRemoteAddress: true }, headers)).upstream).filter((n) => n in headers)).toEqual(
      [],
    );
    const { upstream } = await play({}, headers);
    expect(Object.keys(upstream).filter((n) => n in headers)).toEqual(["x-envoy-original-path"]);
    const internal = { ...headers, "x-forwarded-for": "10.0.0.7" };
    expect((await play({ internalCidrs: ["10.0.0.0/8"] }, internal)).upstream).toMatchObject(internal);
  });

  it("include the forwarded client certificate, everywhere", async () => {
    expect((await play({}, { "x-forwarded-client-cert": "By=x" })).upstream["x-forwarded-client-cert"]).toBeUndefined();
  });

  it("and x-forwarded-proto is overwritten at the edge, believed inside", async () => {
    expect(
      (await play({ useRemoteAddress: true }, { "x-forwarded-proto": "https" })).upstream["x-forwarded-proto"],
    ).toBe("http");
    expect((await play({}, { "x-forwarded-proto": "https" })).upstream["x-forwarded-proto"]).toBe("https");
    expect((await play({})).upstream["x-forwarded-proto"]).toBe("http");
  });
});

describe("request ids", () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  it("are made where there is none, each another", async () => {
    const first = (await play({})).upstream["x-request-id"]!;
    const second = (await play({})).upstream["x-request-id"]!;
    expect(first).toMatch(UUID);
    expect(second).not.toBe(first);
    expect((await play({ generateRequestId: false })).upstream["x-request-id"]).toBeUndefined();
  });

  it("of external clients are replaced unless they are to be preserved", async () => {
    expect((await play({ useRemoteAddress: true }, { "x-request-id": "mine" })).upstream["x-request-id"]).toMatch(UUID);
    expect(
      (await play({ useRemoteAddress: true, preserveExternalRequestId: true }, { "x-request-id": "mine" })).upstream[
        "x-request-id"
      ],
    ).toBe("mine");
    expect((await play({}, { "x-request-id": "mine" })).upstream["x-request-id"]).toBe("mine");
  });

  it("go into the response where asked", async () => {
    const { sent, upstream } = await play({ alwaysSetRequestIdInResponse: true });
    expect(sent.headers["x-request-id"]).toBe(upstream["x-request-id"]);
  });
});

describe("paths", () => {
  it("are normalized, merged and unescaped as configured, and that is what goes on", async () => {
    const { handle } = await play({ normalizePath: true, mergeSlashes: true }, { ":path": "/a/./b//../c?x=/../y" });
    expect(handle!.requestHeaders.path).toBe("/a/b/c?x=/../y");
  });

  it("with escaped slashes are refused or redirected as configured", async () => {
    expect((await play({ escapedSlashes: "REJECT_REQUEST" }, { ":path": "/a%2Fb" })).sent.status).toBe(400);
    const { sent } = await play({ escapedSlashes: "UNESCAPE_AND_REDIRECT" }, { ":path": "/a%2Fb" });
    expect(sent).toMatchObject({ status: 307, headers: { location: "/a/b" } });
  });

  it("are never redirected to another host by what was escaped in them", async () => {
    const hcm = { escapedSlashes: "UNESCAPE_AND_REDIRECT" } as const;
    for (const path of ["/%2Fevil.example/x?y", "/%5Cevil.example/x?y", "//evil.example%2Fx?y"]) {
      const { sent } = await play(hcm, { ":path": path });
      expect(sent.status).toBe(307);
      const place = new URL(sent.headers.location!, "http://test.example/");
      expect([place.host, place.search]).toEqual(["test.example", "?y"]);
    }
  });

  it("with a fragment are refused, whatever the settings", async () => {
    const { sent, stream } = await play({}, { ":path": "/a#b" });
    expect(sent.status).toBe(400);
    expect(stream.details).toBe("path_normalization_failed");
  });

  it("that do not start with a slash find nothing", async () => {
    expect((await play({}, { ":path": "*", ":method": "OPTIONS" })).sent.status).toBe(404);
  });
});

describe("names with underscores", () => {
  it("pass, are dropped, or refuse the request", async () => {
    expect((await play({}, { x_y: "1" })).upstream.x_y).toBe("1");
    expect((await play({ underscores: "drop" }, { x_y: "1" })).upstream.x_y).toBeUndefined();
    expect((await play({ underscores: "reject" }, { x_y: "1" })).sent.status).toBe(400);
  });
});

describe("host ports", () => {
  it("are stripped as configured", async () => {
    expect(
      (await play({ stripAnyHostPort: true }, { ":authority": "a.test:8080" })).handle!.requestHeaders.authority,
    ).toBe("a.test");
    expect(
      (await play({ stripMatchingHostPort: true }, { ":authority": "a.test:8080" })).handle!.requestHeaders.authority,
    ).toBe("a.test:8080");
    expect(
      (await play({ stripMatchingHostPort: true }, { ":authority": "a.test:80" })).handle!.requestHeaders.authority,
    ).toBe("a.test");
    expect((await play({ stripAnyHostPort: true }, { ":authority": "[::1]" })).handle!.requestHeaders.authority).toBe(
      "[::1]",
    );
  });
});

describe("upgrades", () => {
  it("are refused unless their type is on", async () => {
    const { sent, stream } = await play({}, { upgrade: "websocket" });
    expect(sent.status).toBe(403);
    expect(stream.details).toBe("upgrade_failed");
    expect(
      (await play({ upgrades: [{ type: "websocket", enabled: true }] }, { upgrade: "websocket" })).handle!
        .requestHeaders.upgrade,
    ).toBe("websocket");
  });

  it("to h2c are ignored, as Envoy does", async () => {
    const { upstream, handle } = await play({}, { upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" });
    expect(handle!.requestHeaders.upgrade).toBe("");
    expect(upstream["http2-settings"]).toBeUndefined();
  });
});

describe("responses", () => {
  it("carry the server's name and a date", async () => {
    const { sent } = await play({}, {}, { server: "origin" });
    expect(sent.headers).toMatchObject({ server: "sluice", date: "Thu, 01 Jan 2026 00:00:00 GMT" });
  });

  it("keep what the origin says where configured", async () => {
    expect((await play({ serverHeader: "append_if_absent" }, {}, { server: "origin" })).sent.headers.server).toBe(
      "origin",
    );
    expect((await play({ serverHeader: "append_if_absent" })).sent.headers.server).toBe("sluice");
    expect((await play({ serverHeader: "pass_through" })).sent.headers.server).toBeUndefined();
    expect((await play({}, {}, { date: "Mon, 05 Jan 2026 00:00:00 GMT" })).sent.headers.date).toBe(
      "Mon, 05 Jan 2026 00:00:00 GMT",
    );
  });

  it("and requests carry via where configured", async () => {
    const { sent, upstream } = await play({ via: "1.1 sluice" }, { via: "1.0 other" });
    expect(upstream.via).toBe("1.0 other, 1.1 sluice");
    expect(sent.headers.via).toBe("1.1 sluice");
  });

  it("close the connection after its greatest number of requests", async () => {
    expect((await play({ maxRequestsPerConnection: 1 })).sent.closesAfter).toBe(true);
    expect((await play({ maxRequestsPerConnection: 2 })).sent.closesAfter).toBe(false);
  });
});

describe("expectations", () => {
  it("of 100-continue are met here and not passed on, unless configured", () => {
    const terminal = new ScriptedTerminal();
    const here = new HttpHarness([terminal.filter]).open().headers({ expect: "100-continue" }, false);
    expect(here.sent.informational).toEqual([100]);
    expect(terminal.requestHeaders.expect).toBeUndefined();
    const origin = new ScriptedTerminal();
    const there = new HttpHarness([origin.filter], { hcm: { proxy100Continue: true } })
      .open()
      .headers({ expect: "100-continue" }, false);
    expect(there.sent.informational).toEqual([]);
    expect(origin.requestHeaders.expect).toBe("100-continue");
  });
});

describe("time-outs of a stream", () => {
  it("end an idle request with 408, an idle response with 504", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { streamIdleTimeoutMs: 1000 } });
    const half = harness.open().headers({}, false);
    harness.advance(900);
    half.data("x");
    harness.advance(900);
    expect(half.sent.status).toBe(0);
    harness.advance(200);
    expect(half.sent).toMatchObject({ status: 408, ended: true });
    expect(half.stream.flags).toEqual(["SI"]);
    const whole = harness.open().headers();
    harness.advance(1100);
    expect(whole.sent.status).toBe(504);
    expect(terminal.destroyed).toBe(2);
  });

  it("reset a stream whose response has begun", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { streamIdleTimeoutMs: 1000 } });
    const stream = harness.open().headers();
    terminal.respond(200, {}, false);
    harness.advance(1100);
    expect(stream.sent.frames).toEqual(["headers", "reset:local_reset"]);
  });

  it("end a request that takes too long to arrive, and a stream that lives too long", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { requestTimeoutMs: 500, maxStreamDurationMs: 2000 } });
    const slow = harness.open().headers({}, false);
    harness.advance(600);
    expect(slow.sent.status).toBe(408);
    expect(slow.stream.details).toBe("request_overall_timeout");
    const long = harness.open().headers();
    harness.advance(2100);
    expect(long.sent.status).toBe(504);
    expect(long.stream.flags).toEqual(["DT"]);
  });
});
