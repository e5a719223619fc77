import { describe, expect, it } from "vitest";
import type { HcmModel } from "../../config/model.ts";
import { HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";
import { RequestHeaderMap } from "../headers/header-map.ts";

/** The request as it gets to the terminal filter. */
async function play(hcm: Partial<HcmModel>, headers: Record<string, string> = {}) {
  const terminal = new ScriptedTerminal();
  const harness = new HttpHarness([terminal.filter], { hcm });
  const { stream, sent } = await harness.request(headers);
  const { value: rejected } = harness.manager.stats.rqRejectedByDetection as unknown as { readonly value: number };
  const request = terminal.handle?.requestHeaders ?? null;
  return {
    upstream: terminal.requestHeaders,
    authority: request?.authority,
    scheme: request?.scheme,
    stream,
    sent,
    rejected,
  };
}

describe("the client's address", () => {
  const custom = { kind: "custom_header", header: "x-real-ip", isTrusted: false, rejectStatus: 0 } as const;

  it("is in a header of somebody's own choice, or else the peer of the socket", async () => {
    const found = await play({ ipDetection: [custom] }, { "x-real-ip": " 203.0.113.9 " });
    expect(found.stream.remote).toEqual({ address: "203.0.113.9:0", ip: "203.0.113.9", port: 0 });
    for (const value of ["", "somebody", "203.0.113.9, 1.1.1.1"])
      expect((await play({ ipDetection: [custom] }, { "x-real-ip": value })).stream.remote.ip).toBe("192.0.2.1");
  });

  it("that is not there refuses the request where that is asked for", async () => {
    const { sent, stream, upstream, rejected } = await play({ ipDetection: [{ ...custom, rejectStatus: 403 }] });
    expect([sent.status, rejected]).toEqual([403, 1]);
    expect(stream.details).toBe("rejecting_because_detection_failed");
    expect(upstream).toEqual({});
  });

  it("makes a request internal only where the way it was found is trusted", async () => {
    const internalCidrs = ["10.0.0.0/8"];
    const headers = { "x-real-ip": "10.1.2.3", "x-envoy-retry-on": "5xx" };
    const believed = await play({ internalCidrs, ipDetection: [{ ...custom, isTrusted: true }] }, headers);
    expect(believed.upstream).toMatchObject({ "x-envoy-internal": "true", "x-envoy-retry-on": "5xx" });
    const { upstream } = await play({ internalCidrs, ipDetection: [custom] }, headers);
    expect(upstream["x-envoy-internal"]).toBeUndefined();
    expect(upstream["x-envoy-retry-on"]).toBeUndefined();
  });

  it("is found by the first way that finds one", async () => {
    const ipDetection = [custom, { kind: "xff", trustedHops: 1 }] as const;
    const headers = { "x-forwarded-for": "6.6.6.6, 1.1.1.1, 10.0.0.1" };
    expect((await play({ ipDetection }, headers)).stream.remote.ip).toBe("1.1.1.1");
    expect((await play({ ipDetection }, { ...headers, "x-real-ip": "7.7.7.7" })).stream.remote.ip).toBe("7.7.7.7");
  });

  it("is written as IPv6 where that is asked for", async () => {
    const { upstream } = await play({ useRemoteAddress: true, mapsIpv4: true });
    expect(upstream).toMatchObject({
      "x-forwarded-for": "::ffff:192.0.2.1",
      "x-envoy-external-address": "::ffff:192.0.2.1",
    });
  });
});

describe("x-envoy-external-address", () => {
  const said = { "x-envoy-external-address": "6.6.6.6" };

  it("of external clients is overwritten where requests enter, of our own it goes on from service to service", async () => {
    const edge = await play({ useRemoteAddress: true }, said);
    expect(edge.upstream["x-envoy-external-address"]).toBe("192.0.2.1");
    const inside = await play({ useRemoteAddress: true, internalCidrs: ["192.0.2.0/24"] }, said);
    expect(inside.upstream).toMatchObject({ ...said, "x-envoy-internal": "true" });
    expect((await play({}, said)).upstream).toMatchObject(said);
  });
});

describe("forwarded headers", () => {
  it("say the port that the client used, unless a trusted proxy has said it", async () => {
    const edge = { useRemoteAddress: true, appendXForwardedPort: true };
    const said = { "x-forwarded-port": "9", "x-forwarded-for": "1.1.1.1" };
    expect((await play(edge, said)).upstream["x-forwarded-port"]).toBe("80");
    expect((await play({ ...edge, xffNumTrustedHops: 1 }, said)).upstream["x-forwarded-port"]).toBe("9");
    expect((await play({ ...edge, xffNumTrustedHops: 1 })).upstream["x-forwarded-port"]).toBe("80");
    expect((await play({ appendXForwardedPort: true }, said)).upstream["x-forwarded-port"]).toBe("9");
    expect((await play({ appendXForwardedPort: true })).upstream["x-forwarded-port"]).toBe("80");
  });

  it("make the scheme of an HTTP/1 request where they say a legal one", async () => {
    expect((await play({}, { "x-forwarded-proto": "https" })).scheme).toBe("https");
    expect((await play({}, { "x-forwarded-proto": "gopher" })).scheme).toBe("http");
    expect((await play({ useRemoteAddress: true }, { "x-forwarded-proto": "https" })).scheme).toBe("http");
  });

  it("and the scheme are whatever the configuration says", async () => {
    const { upstream, scheme } = await play({ scheme: "https" }, { "x-forwarded-proto": "http" });
    expect([scheme, upstream["x-forwarded-proto"]]).toEqual(["https", "https"]);
  });
});

describe("names of this proxy", () => {
  it("stand behind those of all proxies in front, however many lines they took", async () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { via: "1.1 us" } });
    const map = new RequestHeaderMap("GET", "/", "test", "http");
    map.append("via", "1.0 a");
    map.append("via", "1.1 b");
    harness.open().stream.onRequestHeaders(map, true);
    expect(terminal.handle!.requestHeaders.getAll("via")).toEqual(["1.0 a, 1.1 b, 1.1 us"]);
  });

  const userAgent = { cluster: "front", node: "front-7" };

  it("go to upstreams, and stand for a user agent that is not there", async () => {
    expect((await play({ userAgent })).upstream).toMatchObject({
      "user-agent": "front",
      "x-envoy-downstream-service-cluster": "front",
      "x-envoy-downstream-service-node": "front-7",
    });
    expect((await play({ userAgent }, { "user-agent": "curl/8" })).upstream["user-agent"]).toBe("curl/8");
  });

  it("end no line, whatever is in them", async () => {
    // Cut to bytes, these characters would be CR and LF.
    const name = "a\u010d\u010ax: 1";
    const { upstream } = await play({
      userAgent: { cluster: name, node: "b\r\nx: 1" },
      via: name,
      serverName: name,
    });
    const utf8 = Buffer.from(name, "utf8").toString("latin1");
    expect(upstream).toMatchObject({ "user-agent": utf8, via: utf8, "x-envoy-downstream-service-node": "bx: 1" });
    expect(upstream["x"]).toBeUndefined();
  });

  it("are not taken from external clients, nor without a node's name", async () => {
    const forged = { "x-envoy-downstream-service-cluster": "evil", "x-envoy-downstream-service-node": "evil" };
    const { upstream } = await play({ useRemoteAddress: true, userAgent: { ...userAgent, node: "" } }, forged);
    expect(upstream["x-envoy-downstream-service-cluster"]).toBe("front");
    expect(upstream["x-envoy-downstream-service-node"]).toBeUndefined();
  });
});

describe("the host", () => {
  it.each([
    ["example.com.", "example.com"],
    ["example.com.:8080", "example.com:8080"],
    ["example.com..", "example.com."],
    [".", "."],
    ["[::1]:80", "[::1]:80"],
    ["example.com", "example.com"],
  ])("%s is %s without its last dot", async (host, expected) => {
    expect((await play({ stripTrailingHostDot: true }, { ":authority": host })).authority).toBe(expected);
  });

  it("loses the dot that its port hid", async () => {
    const hcm = { stripTrailingHostDot: true, stripAnyHostPort: true };
    expect((await play(hcm, { ":authority": "example.com.:8080" })).authority).toBe("example.com");
  });

  it("keeps its port in CONNECT", async () => {
    const hcm = { stripAnyHostPort: true, upgrades: [{ type: "connect", enabled: true }] };
    const headers = { ":method": "CONNECT", ":path": "", ":authority": "example.com:443" };
    expect((await play(hcm, headers)).authority).toBe("example.com:443");
  });
});

describe("early changes", () => {
  it("come before everything else, one after the other, with values of the request", async () => {
    const add = (name: string, value: string) =>
      ({ add: [{ name, value, action: "overwrite_or_add", keepEmpty: false }], remove: [] }) as const;
    const earlyMutations = [
      add("x-was", "%REQ(x-real)%"),
      { add: [], remove: ["x-real"] },
      add("x-is", "[%REQ(x-real)%]"),
      add("x-forwarded-for", "1.2.3.4"),
    ];
    const { upstream, stream } = await play({ earlyMutations }, { "x-real": "a", "x-forwarded-for": "9.9.9.9" });
    expect(upstream).toMatchObject({ "x-was": "a", "x-is": "[]", "x-forwarded-for": "1.2.3.4" });
    expect(upstream["x-real"]).toBeUndefined();
    expect(stream.remote.ip).toBe("1.2.3.4");
  });
});

describe("request ids", () => {
  it("begin with other digits each time: what is sampled by them is", async () => {
    const firsts = new Set<string>();
    for (let i = 0; i < 50; i++) firsts.add((await play({})).upstream["x-request-id"]!.slice(0, 8));
    expect(firsts.size).toBeGreaterThan(45);
  });

  it("that external clients may bring decide nothing of traces, and empty ones are none", async () => {
    const hcm = { useRemoteAddress: true, preserveExternalRequestId: true };
    const forced = "0a1b2c3d-0000-9000-8000-00000000000f";
    const kept = async (id: string, more: Partial<HcmModel> = {}) =>
      (await play({ ...hcm, ...more }, { "x-request-id": id })).upstream["x-request-id"];
    expect(await kept(forced)).toBe("0a1b2c3d-0000-4000-8000-00000000000f");
    expect(await kept("no-uuid")).toBe("no-uuid");
    expect(await kept(forced, { requestIdPacking: { packTraceReason: false, useForTraceSampling: true } })).toBe(
      forced,
    );
    // Whom we trust is believed.
    expect(await kept(forced, { internalCidrs: ["192.0.2.0/24"] })).toBe(forced);
    expect(await kept(forced, { useRemoteAddress: false })).toBe(forced);
    expect((await kept(""))!.length).toBe(36);
    expect((await kept("", { useRemoteAddress: false }))!.length).toBe(36);
  });

  it("of clients stay where none are made", async () => {
    const hcm = { useRemoteAddress: true, generateRequestId: false };
    expect((await play(hcm, { "x-request-id": "mine" })).upstream["x-request-id"]).toBe("mine");
  });
});

describe("names with underscores", () => {
  it("are counted by protocol, dropped from trailers too, and end the connection of who sends them", async () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { underscores: "drop" } });
    harness.open().headers({ x_a: "1", "x-b": "2" }, false).trailers({ t_a: "1", "t-b": "2" });
    expect(terminal.requestHeaders).not.toHaveProperty("x_a");
    expect(terminal.trailers).toEqual({ "t-b": "2" });
    const refusing = { underscores: "reject" } as const;
    expect((await play(refusing, { x_a: "1" })).sent).toMatchObject({ status: 400, closesAfter: true });
    const open = { ...refusing, streamErrorOnInvalidMessage: true };
    expect((await play(open, { x_a: "1" })).sent).toMatchObject({ status: 400, closesAfter: false });
  });
});
