import { expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { statefulSession } from "./index.ts";

const STATES = "type.googleapis.com/envoy.extensions.http.stateful_session";
const state = (kind: string, type: string, options: object): object => ({
  session_state: {
    name: `envoy.http.stateful_session.${kind}`,
    typed_config: { "@type": `${STATES}.${type}`, ...options },
  },
});
const cookieState = (cookie: object): object => state("cookie", "cookie.v3.CookieBasedSessionState", { cookie });
const headerState = (name: string): object => state("header", "header.v3.HeaderBasedSessionState", { name });

it("reads sessions in cookies, headers and envelopes", () => {
  const attributes = [{ name: "SameSite", value: "Lax" }, { name: "Secure" }];
  expect(
    settingsOf(statefulSession, "config", cookieState({ name: "s", ttl: "90.5s", path: "/app", attributes })),
  ).toEqual({
    session: {
      kind: "cookie",
      name: "s",
      ttlS: 90,
      path: "/app",
      attributes: "; Max-Age=90; Path=/app; SameSite=Lax; Secure; HttpOnly",
    },
    isStrict: false,
  });
  expect(settingsOf(statefulSession, "config", { ...headerState("X-Session"), strict: true })).toEqual({
    session: { kind: "header", name: "x-session" },
    isStrict: true,
  });
  const envelope = state("envelope", "envelope.v3.EnvelopeSessionState", { header: { name: "mcp-session-id" } });
  expect(settingsOf(statefulSession, "config", envelope)).toMatchObject({
    session: { kind: "envelope", name: "mcp-session-id" },
  });
});

it("keeps nothing unless told where", () => {
  expect(settingsOf(statefulSession, "config", {})).toEqual({ session: null, isStrict: false });
});

it("reads what routes say", () => {
  expect(settingsOf(statefulSession, "routeConfig", { disabled: true })).toEqual({ session: null, isStrict: false });
  expect(settingsOf(statefulSession, "routeConfig", { stateful_session: headerState("x") })).toMatchObject({
    session: { kind: "header", name: "x" },
  });
});

test.each([
  [cookieState({}), "session_state.typed_config.cookie.name: expected the name of a cookie"],
  [cookieState({ name: "a b" }), "cookie.name: expected the name of a cookie"],
  [cookieState({ name: "a", path: "/;Domain=evil" }), "cookie.path: expected a path of visible characters"],
  [cookieState({ name: "a", attributes: [{ name: "A;B" }] }), "attributes.0.name: expected the name of an attribute"],
  [cookieState({ name: "a", attributes: [{ name: "A", value: "b;c" }] }), "attributes.0.value: expected visible"],
  [cookieState({ name: "a", ttl: "soon" }), 'cookie.ttl: expected a duration ("1.5s")'],
  [state("cookie", "cookie.v3.CookieBasedSessionState", {}), "cookie: expected the cookie with its name"],
  [state("envelope", "envelope.v3.EnvelopeSessionState", {}), "header: expected the header with its name"],
  [headerState(""), "typed_config.name: expected the name of a header"],
  [headerState(":path"), "typed_config.name: expected the name of a header"],
  [headerState("Set-Cookie"), "typed_config.name: set-cookie cannot keep sessions"],
  [state("x", "memory.v3.Memory", {}), "memory.v3.Memory keeps no sessions, expected one of envoy.extensions"],
  [{ session_state: { name: "x" } }, "session_state.typed_config: expected where sessions are kept, with its @type"],
  [{ status_on_strict_destination_not_found: 404 }, "unknown field status_on_strict_destination_not_found"],
])("%j is refused: %s", (config, message) => {
  expect(() => settingsOf(statefulSession, "config", config)).toThrow(message);
});

test.each([[{}], [{ disabled: false }], [{ disabled: true, stateful_session: {} }]])(
  "a route's %j is refused",
  (config) => {
    expect(() => settingsOf(statefulSession, "routeConfig", config)).toThrow(
      "disabled: expected disabled: true or stateful_session",
    );
  },
);
