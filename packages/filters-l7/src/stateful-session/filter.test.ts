import { describe, expect, it, test } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { encode, encodeCookie } from "./encoded-address.ts";
import { statefulSession } from "./index.ts";

const STATES = "type.googleapis.com/envoy.extensions.http.stateful_session";
const cookie = (more: object = {}): object => ({
  session_state: {
    name: "envoy.http.stateful_session.cookie",
    typed_config: { "@type": `${STATES}.cookie.v3.CookieBasedSessionState`, cookie: { name: "s", ...more } },
  },
});
const header = (name: string): object => ({
  session_state: {
    name: "envoy.http.stateful_session.header",
    typed_config: { "@type": `${STATES}.header.v3.HeaderBasedSessionState`, name },
  },
});
const envelope = {
  session_state: {
    name: "envoy.http.stateful_session.envelope",
    typed_config: { "@type": `${STATES}.envelope.v3.EnvelopeSessionState`, header: { name: "mcp-session-id" } },
  },
};

const ONE = "10.0.0.1:80";
const TWO = "10.0.0.2:80";

/** What a request asks for, and the headers of the answer of the host that was taken. */
function exchange(
  config: object,
  headers: Record<string, string>,
  { host = ONE, answer = {}, route = [] }: { host?: string; answer?: Record<string, string>; route?: object[] } = {},
) {
  const chain = new L7Chain(statefulSession, config, { route });
  const exchanged = chain.harness.open().headers(headers);
  const { info } = chain.terminal.handle!;
  const { upstreamOverride } = info;
  info.upstreamHost = { address: host, hostname: host, cluster: "c" };
  chain.terminal.respond(200, answer);
  const { date: _date, ...sent } = exchanged.sent.headers;
  return { asked: upstreamOverride, sent, got: chain.terminal.requestHeaders };
}

const setCookie = (address: string, attributes = "; HttpOnly"): string =>
  `s="${encodeCookie(address, 0)}"${attributes}`;

describe("a session in a cookie", () => {
  it("begins with the first answer", () => {
    const { asked, sent } = exchange(cookie(), {});
    expect(asked).toBeNull();
    expect(sent["set-cookie"]).toBe(setCookie(ONE));
  });

  it("stays, without another cookie", () => {
    const { asked, sent, got } = exchange(cookie(), { cookie: `a=1; s="${encodeCookie(ONE, 0)}"` });
    expect(asked).toEqual({ address: ONE, strict: false });
    expect(sent["set-cookie"]).toBeUndefined();
    expect(got["cookie"]).toContain("s=");
  });

  it("moves where another host has answered", () => {
    const { asked, sent } = exchange(cookie(), { cookie: `s=${encodeCookie(ONE, 0)}` }, { host: TWO });
    expect(asked).toEqual({ address: ONE, strict: false });
    expect(sent["set-cookie"]).toBe(setCookie(TWO));
  });

  it("is understood as older proxies wrote it", () => {
    const { asked, sent } = exchange(cookie(), { cookie: `s=${encode(ONE)}` });
    expect(asked).toEqual({ address: ONE, strict: false });
    expect(sent["set-cookie"]).toBeUndefined();
  });

  it("ends after its time", () => {
    const chain = new L7Chain(statefulSession, cookie({ ttl: "60s", path: "/" }));
    const wallS = Math.floor(chain.harness.time.clock.wallNow() / 1000);
    const first = chain.harness.open().headers();
    chain.terminal.handle!.info.upstreamHost = { address: ONE, hostname: ONE, cluster: "c" };
    chain.terminal.respond();
    const value = encodeCookie(ONE, wallS + 60);
    expect(first.sent.headers["set-cookie"]).toBe(`s="${value}"; Max-Age=60; Path=/; HttpOnly`);
    const again = () => {
      chain.harness.open().headers({ cookie: `s="${value}"` });
      return chain.terminal.handle!.info.upstreamOverride;
    };
    chain.harness.advance(59_000);
    expect(again()).toEqual({ address: ONE, strict: false });
    chain.harness.advance(2000);
    expect(again()).toBeNull();
  });

  test.each([
    ["/app", "/app", true],
    ["/app", "/app/x", true],
    ["/app", "/app?x", true],
    ["/app", "/apple", false],
    ["/app", "/", false],
    ["/app/", "/app/x", true],
    ["/app/", "/app", false],
    ["/", "/any", true],
  ])("with the path %s: %s", (path, target, has) => {
    const request = { ":path": target, cookie: `s=${encode(TWO)}` };
    const { asked, sent } = exchange(cookie({ path }), request);
    expect(asked !== null).toBe(has);
    expect(sent["set-cookie"] !== undefined).toBe(has);
  });

  test.each([["%%%"], ["AAAA"], [encode("\r\nx: y")], ["A".repeat(5000)]])(
    "of a client's own making (%.20s) is looked up at most",
    (value) => {
      const { asked, sent } = exchange(cookie(), { cookie: `s=${value}` });
      expect(asked === null || asked.address !== ONE).toBe(true);
      expect(sent["set-cookie"]).toBe(setCookie(ONE));
    },
  );

  it("leaves the cookies that the upstream sets", () => {
    const { sent } = exchange(cookie(), {}, { answer: { "set-cookie": "a=1" } });
    expect(sent["set-cookie"]).toBe(`a=1, ${setCookie(ONE)}`);
  });
});

describe("a session in a header", () => {
  it("begins, stays and moves", () => {
    expect(exchange(header("x-host"), {}).sent["x-host"]).toBe(encode(ONE));
    const stays = exchange(header("x-host"), { "x-host": encode(ONE) });
    expect(stays.asked).toEqual({ address: ONE, strict: false });
    expect(stays.sent["x-host"]).toBeUndefined();
    expect(exchange(header("x-host"), { "x-host": encode(ONE) }, { host: TWO }).sent["x-host"]).toBe(encode(TWO));
  });

  it("may ask for that host or none", () => {
    const { asked } = exchange({ ...header("x-host"), strict: true }, { "x-host": encode(ONE) });
    expect(asked).toEqual({ address: ONE, strict: true });
  });

  it("is the first of several", () => {
    const { asked } = exchange(header("x-host"), { "x-host": `${encode(TWO)}, ${encode(ONE)}` });
    expect(asked?.address).toBe(TWO);
  });
});

describe("an envelope", () => {
  const sealed = (address: string, value: string): string => `${encode(address)};UV:${encode(value)}`;

  it("is put around the upstream's own header, and taken off on the way back", () => {
    const begun = exchange(envelope, {}, { answer: { "mcp-session-id": "abc" } });
    expect(begun.asked).toBeNull();
    expect(begun.sent["mcp-session-id"]).toBe(sealed(ONE, "abc"));
    const goesOn = exchange(envelope, { "mcp-session-id": begun.sent["mcp-session-id"]! });
    expect(goesOn.asked).toEqual({ address: ONE, strict: false });
    expect(goesOn.got["mcp-session-id"]).toBe("abc");
    expect(goesOn.sent["mcp-session-id"]).toBeUndefined();
  });

  test.each([["plain"], [encode(ONE)], [`${encode(ONE)};UV:`], [sealed(ONE, "a\r\nb: c")], [sealed(ONE, "\0")]])(
    "that is none is left as it came: %j",
    (value) => {
      const { asked, got } = exchange(envelope, { "mcp-session-id": value });
      expect(asked).toBeNull();
      expect(got["mcp-session-id"]).toBe(value);
    },
  );

  it("holds one value: several are no session", () => {
    const chain = new L7Chain(statefulSession, envelope);
    const stream = chain.harness.open().headers();
    chain.terminal.handle!.info.upstreamHost = { address: ONE, hostname: ONE, cluster: "c" };
    const map = chain.terminal.handle!.newResponse(200);
    map.append("mcp-session-id", "a");
    map.append("mcp-session-id", "b");
    chain.terminal.handle!.sendHeaders(map, true);
    expect(stream.sent.headers["mcp-session-id"]).toBe("a, b");
  });
});

describe("on routes", () => {
  it("another session takes the place of the filter's", () => {
    const route = [{ stateful_session: { ...header("x-host"), strict: true } }];
    const { asked, sent } = exchange(cookie(), { "x-host": encode(TWO), cookie: `s=${encode(ONE)}` }, { route });
    expect(asked).toEqual({ address: TWO, strict: true });
    expect(sent["x-host"]).toBe(encode(ONE));
    expect(sent["set-cookie"]).toBeUndefined();
  });

  it("there may be none", () => {
    const { asked, sent } = exchange(cookie(), { cookie: `s=${encode(ONE)}` }, { route: [{ disabled: true }] });
    expect(asked).toBeNull();
    expect(sent["set-cookie"]).toBeUndefined();
  });
});

it("names no host where none has answered", () => {
  const chain = new L7Chain(statefulSession, cookie());
  const failed = chain.harness.open().headers();
  chain.terminal.handle!.info.upstreamHost = { address: ONE, hostname: ONE, cluster: "c" };
  chain.terminal.handle!.reply({ status: 503, details: "upstream_reset" });
  expect(failed.sent.status).toBe(503);
  expect(failed.sent.headers["set-cookie"]).toBeUndefined();
  const never = chain.harness.open().headers();
  chain.terminal.respond();
  expect(never.sent.headers["set-cookie"]).toBeUndefined();
});
