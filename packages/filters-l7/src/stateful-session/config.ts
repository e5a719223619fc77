/** Configuration of stateful_session: envoy.extensions.filters.http.stateful_session.v3.StatefulSession and StatefulSessionPerRoute. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface CookieSessionSettings {
  readonly kind: "cookie";
  readonly name: string;
  /** 0: until the browser is closed. */
  readonly ttlS: number;
  /** Empty: none. */
  readonly path: string;
  /** What stands behind its name and value in `set-cookie`. */
  readonly attributes: string;
}

export interface HeaderSessionSettings {
  /** `envelope`: the upstream's own header, with the address put around its value. */
  readonly kind: "header" | "envelope";
  /** Lower-case. */
  readonly name: string;
}

export interface StatefulSessionSettings {
  /** null: nothing is kept. */
  readonly session: CookieSessionSettings | HeaderSessionSettings | null;
  /** Another host will not do. */
  readonly isStrict: boolean;
}

const PACKAGE = "envoy.extensions.filters.http.stateful_session.v3";
const STATES = "envoy.extensions.http.stateful_session";
const COOKIE = `${STATES}.cookie.v3.CookieBasedSessionState`;
const HEADER = `${STATES}.header.v3.HeaderBasedSessionState`;
const ENVELOPE = `${STATES}.envelope.v3.EnvelopeSessionState`;
const ANY_TYPE = "@type";

const FIELDS = ["session_state", "strict"];
const ROUTE_FIELDS = ["disabled", "stateful_session"];
const COOKIE_FIELDS = ["name", "ttl", "path", "attributes"];
const ATTRIBUTE_FIELDS = ["name", "value"];

const STATE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  [COOKIE]: ["cookie"],
  [HEADER]: ["name"],
  [ENVELOPE]: ["header"],
};

export const STATEFUL_SESSION_ROUTE_MESSAGE = `${PACKAGE}.StatefulSessionPerRoute`;

export const STATEFUL_SESSION_MESSAGES = {
  [`${PACKAGE}.StatefulSession`]: FIELDS,
  [STATEFUL_SESSION_ROUTE_MESSAGE]: ROUTE_FIELDS,
  ...STATE_FIELDS,
  [`${ENVELOPE}.Header`]: ["name"],
  "envoy.type.http.v3.Cookie": COOKIE_FIELDS,
  "envoy.type.http.v3.CookieAttribute": ATTRIBUTE_FIELDS,
};

export const NO_SESSION: StatefulSessionSettings = { session: null, isStrict: false };

export const statefulSessionConfig = parsedBy((value) => parse(new Section(value, FIELDS)));

export const statefulSessionRouteConfig = parsedBy((value): StatefulSessionSettings => {
  const section = new Section(value, ROUTE_FIELDS);
  const own = section.section("stateful_session", FIELDS);
  const isDisabled = section.boolean("disabled", false);
  if (isDisabled === (own !== null)) throw section.wrong("disabled", "expected disabled: true or stateful_session");
  return own === null ? NO_SESSION : parse(own);
});

function parse(section: Section): StatefulSessionSettings {
  return { session: parseState(section), isStrict: section.boolean("strict", false) };
}

function parseState(section: Section): StatefulSessionSettings["session"] {
  const state = section.section("session_state", ["name", "typed_config"]);
  if (state === null) return null;
  const typed = state.get("typed_config");
  const url = (typed as Readonly<Record<string, unknown>> | undefined | null)?.[ANY_TYPE];
  if (typeof url !== "string")
    throw state.wrong("typed_config", `expected where sessions are kept, with its ${ANY_TYPE}`);
  const type = url.slice(url.lastIndexOf("/") + 1);
  const path = [...state.path, "typed_config"];
  const fields = Object.hasOwn(STATE_FIELDS, type) ? STATE_FIELDS[type] : undefined;
  if (fields === undefined)
    throw new ConfigError(`${type} keeps no sessions, expected one of ${Object.keys(STATE_FIELDS).join(", ")}`, [
      ...path,
      ANY_TYPE,
    ]);
  const options = new Section(typed, [ANY_TYPE, ...fields], path);
  if (type === COOKIE) return parseCookie(options);
  if (type === HEADER) return { kind: "header", name: headerName(options) };
  const header = options.section("header", ["name"]);
  if (header === null) throw options.wrong("header", "expected the header with its name");
  return { kind: "envelope", name: headerName(header) };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,1024}$/;
/** What stands in a cookie's attribute: RFC 6265 section 4.1.1, av-octet. */
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]*$/;

/** Of the engine, or of another form. */
const NOT_FOR_SESSIONS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "cookie",
  "host",
  "keep-alive",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function headerName(section: Section): string {
  const name = section.string("name").toLowerCase();
  if (!TOKEN.test(name)) throw section.wrong("name", "expected the name of a header");
  if (NOT_FOR_SESSIONS.has(name)) throw section.wrong("name", `${name} cannot keep sessions`);
  return name;
}

function parseCookie(options: Section): CookieSessionSettings {
  const cookie = options.section("cookie", COOKIE_FIELDS);
  if (cookie === null) throw options.wrong("cookie", "expected the cookie with its name");
  const name = cookie.string("name");
  if (!TOKEN.test(name)) throw cookie.wrong("name", "expected the name of a cookie");
  const path = cookie.string("path");
  if (!ATTRIBUTE.test(path)) throw cookie.wrong("path", "expected a path of visible characters without semicolons");
  const ttlS = Math.max(0, Math.floor(cookie.durationMs("ttl") / 1000));
  let attributes = ttlS === 0 ? "" : `; Max-Age=${ttlS}`;
  if (path !== "") attributes += `; Path=${path}`;
  for (const each of cookie.list("attributes", ATTRIBUTE_FIELDS)) attributes += parseAttribute(each);
  return { kind: "cookie", name, ttlS, path, attributes: `${attributes}; HttpOnly` };
}

function parseAttribute(section: Section): string {
  const name = section.string("name");
  const value = section.string("value");
  if (!TOKEN.test(name)) throw section.wrong("name", "expected the name of an attribute");
  if (!ATTRIBUTE.test(value)) throw section.wrong("value", "expected visible characters without semicolons");
  return value === "" ? `; ${name}` : `; ${name}=${value}`;
}
