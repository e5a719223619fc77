/** Hot path. Where a session is kept: in a cookie, in a header, or around the value of the upstream's own header. */
import type { RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { readCookie } from "../header-to-metadata/source.ts";
import type { CookieSessionSettings, HeaderSessionSettings, StatefulSessionSettings } from "./config.ts";
import { decode, decodeCookie, encode, encodeCookie } from "./encoded-address.ts";

export interface Session {
  /** Whether requests like this have sessions. */
  has(headers: RequestHeaders): boolean;
  /** The address that it names; null: none. `wallMs` is the time. */
  read(headers: RequestHeaders, wallMs: number): string | null;
  /** Tells the client of the host that answered. `named`: by the request. */
  write(headers: ResponseHeaders, address: string, named: string | null, wallMs: number): void;
}

export function sessionOf(settings: StatefulSessionSettings["session"]): Session | null {
  switch (settings?.kind) {
    case "cookie":
      return new CookieSession(settings);
    case "header":
      return new HeaderSession(settings);
    case "envelope":
      return new EnvelopeSession(settings);
    case undefined:
      return null;
  }
}

/** Envoy: envoy.http.stateful_session.cookie. */
class CookieSession implements Session {
  readonly #settings: CookieSessionSettings;
  /** What a path has to begin with; empty: anything. */
  readonly #path: string;

  constructor(settings: CookieSessionSettings) {
    this.#settings = settings;
    this.#path = settings.path === "/" ? "" : settings.path;
  }

  has({ path }: RequestHeaders): boolean {
    const prefix = this.#path;
    if (prefix === "") return true;
    if (!path.startsWith(prefix)) return false;
    return prefix.endsWith("/") || path.length === prefix.length || "/?#".includes(path[prefix.length]!);
  }

  read(headers: RequestHeaders, wallMs: number): string | null {
    const cookie = readCookie(headers, this.#settings.name);
    return cookie === null ? null : decodeCookie(cookie, wallMs / 1000);
  }

  write(headers: ResponseHeaders, address: string, named: string | null, wallMs: number): void {
    if (named === address) return;
    const { name, ttlS, attributes } = this.#settings;
    const expiresS = ttlS === 0 ? 0 : Math.floor(wallMs / 1000) + ttlS;
    headers.append("set-cookie", `${name}="${encodeCookie(address, expiresS)}"${attributes}`);
  }
}

/** Envoy: envoy.http.stateful_session.header. */
class HeaderSession implements Session {
  readonly #name: string;

  constructor({ name }: HeaderSessionSettings) {
    this.#name = name;
  }

  has(): boolean {
    return true;
  }

  read(headers: RequestHeaders): string | null {
    return decode(firstOf(headers, this.#name)) || null;
  }

  write(headers: ResponseHeaders, address: string, named: string | null): void {
    if (named !== address) headers.set(this.#name, encode(address));
  }
}

const ORIGINAL = "UV:";
/** Of what the upstream's header may have been, in base64. */
const MOST_ORIGINAL = 16 * 1024;

/** Envoy: envoy.http.stateful_session.envelope. The upstream gets its own value back. */
class EnvelopeSession implements Session {
  readonly #name: string;

  constructor({ name }: HeaderSessionSettings) {
    this.#name = name;
  }

  has(): boolean {
    return true;
  }

  read(headers: RequestHeaders): string | null {
    const [address = "", ...parts] = firstOf(headers, this.#name).split(";", 8);
    const part = parts.find((each) => each.startsWith(ORIGINAL)) ?? "";
    const original = decode(part.slice(ORIGINAL.length), MOST_ORIGINAL);
    // A client has put it together, not this proxy: a header's value has no such characters.
    if (original === "" || /[\x00-\x08\x0a-\x1f\x7f]/.test(original)) return null;
    headers.set(this.#name, original);
    return decode(address) || null;
  }

  write(headers: ResponseHeaders, address: string): void {
    const values = headers.getAll(this.#name);
    if (values.length === 1) headers.set(this.#name, `${encode(address)};${ORIGINAL}${encode(values[0]!)}`);
  }
}

function firstOf(headers: RequestHeaders, name: string): string {
  const value = headers.get(name);
  if (value === undefined) return "";
  // Several are joined by commas, which base64 has not.
  const comma = value.indexOf(",");
  return comma === -1 ? value : value.slice(0, comma);
}
