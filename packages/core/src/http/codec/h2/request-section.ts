/** Hot path: docs/extending/hot-path-rules.md. From the fields of a request to its header map (RFC 9113 sections 8.3.1, 8.5; RFC 8441 section 4). */
import { RequestHeaderMap } from "../../headers/header-map.ts";
import { AUTHORITY, AUTHORITY_WITH_PORT, ILLEGAL_IN_TARGET, TOKEN } from "../h1/syntax.ts";
import { DETAILS } from "./details.ts";
import { Fault, type FieldLimits, FieldSection } from "./field-section.ts";

const SLASH = 47;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]);

export class RequestSection extends FieldSection {
  /** null: there is none. */
  #method: string | null;
  #path: string | null;
  #scheme: string | null;
  #authority: string | null;
  #protocol: string | null;
  #host: string | null;
  /** The last authority and path that were found legal: mostly they are the next ones too. */
  #lastAuthority: string;
  #lastPath: string;
  readonly #allowsConnect: boolean;
  /** Of the connection: a plain CONNECT has none of its own. */
  readonly #ownScheme: string;

  constructor(limits: FieldLimits, allowsExtendedConnect: boolean, ownScheme: string) {
    super(limits);
    this.#method = null;
    this.#path = null;
    this.#scheme = null;
    this.#authority = null;
    this.#protocol = null;
    this.#host = null;
    this.#lastAuthority = "";
    this.#lastPath = "/";
    this.#allowsConnect = allowsExtendedConnect;
    this.#ownScheme = ownScheme;
  }

  begin(): void {
    this.reset(false);
    this.#method = null;
    this.#path = null;
    this.#scheme = null;
    this.#authority = null;
    this.#protocol = null;
    this.#host = null;
  }

  protected override onPseudo(name: string, value: string): boolean {
    switch (name) {
      case ":method":
        if (this.#method !== null) return this.malformed(DETAILS.messagingRule);
        this.#method = value;
        return true;
      case ":path":
        if (this.#path !== null) return this.malformed(DETAILS.messagingRule);
        this.#path = value;
        return true;
      case ":scheme":
        if (this.#scheme !== null) return this.malformed(DETAILS.messagingRule);
        this.#scheme = value;
        return true;
      case ":authority":
        if (this.#authority !== null) return this.malformed(DETAILS.messagingRule);
        this.#authority = value;
        return true;
      case ":protocol":
        if (this.#protocol !== null || !this.#allowsConnect) return this.malformed(DETAILS.messagingRule);
        this.#protocol = value;
        return true;
      default:
        return this.malformed(DETAILS.messagingRule);
    }
  }

  protected override onHost(value: string): boolean {
    if (this.#host !== null) return this.malformed(DETAILS.messagingRule);
    this.#host = value;
    return true;
  }

  /** null: refused, `fault` and `detail` say why. `end`: no body follows. */
  read(end: boolean): RequestHeaderMap | null {
    if (this.fault !== Fault.none) return null;
    const method = this.#method;
    if (method === null || !(METHODS.has(method) || TOKEN.test(method))) return this.#refuse();
    if (!this.#readAuthority()) return this.#refuse();
    const authority = this.#authority!;
    if (method === "CONNECT" && this.#protocol === null) return this.#readConnect(authority);
    const scheme = this.#scheme;
    const path = this.#path;
    if (scheme === null || path === null) return this.#refuse();
    const upgrade = this.#protocol;
    if (upgrade !== null && (method !== "CONNECT" || !TOKEN.test(upgrade))) return this.#refuse();
    if (scheme !== "http" && scheme !== "https") return this.#refuse();
    if (path !== this.#lastPath && !this.#isLegalPath(path, method)) return this.#refuse();
    if (this.contentLength > 0 && (end || upgrade !== null)) return this.#refuse();
    this.finish();
    // An extended CONNECT is what HTTP/1 knows as an upgrade: inside there is one shape.
    return upgrade === null
      ? new RequestHeaderMap(method, path, authority, scheme, this.take())
      : new RequestHeaderMap("GET", path, authority, scheme, this.take(), upgrade.toLowerCase());
  }

  #isLegalPath(path: string, method: string): boolean {
    if (path.charCodeAt(0) === SLASH) {
      if (ILLEGAL_IN_TARGET.test(path)) return false;
      this.#lastPath = path.length <= 256 ? path : "/";
      return true;
    }
    return path === "*" && method === "OPTIONS";
  }

  /** `:authority` and `host` must not differ; one of them must be there. */
  #readAuthority(): boolean {
    const host = this.#host;
    if (this.#authority === null) this.#authority = host;
    const authority = this.#authority;
    if (authority === null || authority === "") return false;
    if (host !== null && host !== authority && host.toLowerCase() !== authority.toLowerCase()) return false;
    if (authority === this.#lastAuthority) return true;
    if (!AUTHORITY.test(authority) || !hasLegalPort(authority) || authority.charCodeAt(0) === 58) return false;
    this.#lastAuthority = authority;
    return true;
  }

  #readConnect(authority: string): RequestHeaderMap | null {
    if (this.#scheme !== null || this.#path !== null || this.contentLength > 0) return this.#refuse();
    if (!AUTHORITY_WITH_PORT.test(authority)) return this.#refuse();
    this.finish();
    return new RequestHeaderMap("CONNECT", "", authority, this.#ownScheme, this.take());
  }

  #refuse(): null {
    this.malformed(DETAILS.messagingRule);
    return null;
  }
}

function hasLegalPort(authority: string): boolean {
  const colon = authority.lastIndexOf(":");
  if (colon === -1 || authority.endsWith("]")) return true;
  return Number(authority.slice(colon + 1)) <= 65_535;
}
