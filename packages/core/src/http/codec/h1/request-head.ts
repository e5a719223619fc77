/**
 * Hot path: docs/extending/hot-path-rules.md. From the text of a request's head to its header map and framing (RFC 9112 sections 2.3, 3, 6; RFC 9110 sections
 * 7.2, 7.8). Reading is strict: what could mean two things to two readers is refused. One object per codec, used again for every request.
 */
import type { HeaderCaseModel } from "../../../config/model.ts";
import { RequestHeaderMap } from "../../headers/header-map.ts";
import { spellingOf } from "../../headers/spelling.ts";
import { DETAILS } from "./details.ts";
import type { FieldSection } from "./field-section.ts";
import { AUTHORITY, AUTHORITY_WITH_PORT, ILLEGAL_IN_TARGET, PROTOCOLS, TOKEN } from "./syntax.ts";

export interface RequestHeadOptions {
  readonly maxHeaders: number;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  readonly allowAbsoluteUrl: boolean;
  readonly allowChunkedLength?: boolean;
  readonly headerCase?: HeaderCaseModel;
}

const MAX_METHOD = 32;
const SLASH = 47;
const SPACE = 32;

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]);
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/;

/** The last `host` that was found legal: mostly it is the next one too. */
let lastHost = "";

export class RequestHead {
  method: string;
  isHttp10: boolean;
  #path: string;
  #authority: string;
  #scheme: string;
  #upgrade: string;

  constructor() {
    this.method = "";
    this.isHttp10 = false;
    this.#path = "";
    this.#authority = "";
    this.#scheme = "";
    this.#upgrade = "";
  }

  /** null: refused, `section` says why. After it, `section` holds the framing: chunked, or a length, or nothing. */
  read(
    text: string,
    end: number,
    section: FieldSection,
    options: RequestHeadOptions,
    scheme: string,
  ): RequestHeaderMap | null {
    const stop = text.indexOf("\r\n");
    this.#scheme = scheme;
    if (!this.#readLine(text, stop, section, options)) return null;
    if (!section.parse(text, stop + 2, end, options.maxHeaders, options.enableTrailers)) return null;
    if (!this.#checkFraming(section, options) || !this.#checkHost(section, options) || !this.#readUpgrade(section))
      return null;
    const path = this.#path;
    const authority = this.#authority;
    const upgrade = this.#upgrade;
    // Slices of the head: kept here they would keep all of it.
    this.#path = "";
    this.#authority = "";
    this.#upgrade = "";
    const headers = new RequestHeaderMap(this.method, path, authority, this.#scheme, section.take(), upgrade);
    const { headerCase } = options;
    if (headerCase !== undefined && headerCase.preserves)
      headers.spelling = spellingOf(text, stop + 2, end, headerCase.style === "proper");
    return headers;
  }

  /** HTTP/1.1 connections persist unless told otherwise, HTTP/1.0 ones only when asked (RFC 9112 section 9.3). */
  isPersistent(section: FieldSection): boolean {
    return !section.hasClose && (!this.isHttp10 || section.hasKeepAlive);
  }

  /** method SP request-target SP HTTP-version, with exactly one space each. */
  #readLine(text: string, stop: number, section: FieldSection, options: RequestHeadOptions): boolean {
    const versionAt = stop - 8;
    const space = text.indexOf(" ");
    if (space <= 0 || space >= versionAt - 1 || text.charCodeAt(versionAt - 1) !== SPACE) {
      return section.refuse(400, DETAILS.codecError);
    }
    const method = text.slice(0, space);
    if (!METHODS.has(method)) {
      if (!TOKEN.test(method)) return section.refuse(400, DETAILS.codecError);
      if (space > MAX_METHOD) return section.refuse(501, DETAILS.unsupportedMethod);
    }
    this.method = method;
    if (text.startsWith("HTTP/1.1", versionAt)) this.isHttp10 = false;
    else if (text.startsWith("HTTP/1.0", versionAt)) this.isHttp10 = true;
    else if (/^HTTP\/\d\.\d$/.test(text.slice(versionAt, stop))) return section.refuse(505, DETAILS.unsupportedVersion);
    else return section.refuse(400, DETAILS.codecError);
    if (this.isHttp10 && !options.acceptHttp10) return section.refuse(426, DETAILS.lowVersion);
    return this.#readTarget(text.slice(space + 1, versionAt - 1), section, options);
  }

  #readTarget(target: string, section: FieldSection, options: RequestHeadOptions): boolean {
    if (ILLEGAL_IN_TARGET.test(target)) return section.refuse(400, DETAILS.invalidUrl);
    this.#authority = "";
    if (this.method === "CONNECT") {
      if (!AUTHORITY_WITH_PORT.test(target) || !hasLegalPort(target)) return section.refuse(400, DETAILS.invalidUrl);
      this.#authority = target;
      this.#path = "";
      return true;
    }
    if (target.charCodeAt(0) === SLASH) {
      this.#path = target;
      return true;
    }
    if (target === "*") {
      this.#path = target;
      return this.method === "OPTIONS" || section.refuse(400, DETAILS.invalidUrl);
    }
    return this.#readAbsolute(target, section, options);
  }

  /** absolute-form: what it names goes before `Host` (RFC 9112 section 3.2.2). */
  #readAbsolute(target: string, section: FieldSection, options: RequestHeadOptions): boolean {
    const parts = ABSOLUTE.exec(target);
    if (parts === null) return section.refuse(400, DETAILS.invalidUrl);
    if (!options.allowAbsoluteUrl) return section.refuse(404, DETAILS.absolutePathRejected);
    const scheme = parts[1]!.toLowerCase();
    const authority = parts[2]!;
    const rest = parts[3]!;
    if (scheme !== "http" && scheme !== "https") return section.refuse(400, DETAILS.invalidScheme);
    // As Envoy: nobody can make upstreams believe that a connection was secure which was not.
    if (scheme === "https" && this.#scheme !== "https") return section.refuse(400, DETAILS.invalidScheme);
    if (!AUTHORITY.test(authority) || !hasLegalPort(authority) || authority === "" || authority.startsWith(":")) {
      return section.refuse(400, DETAILS.invalidUrl);
    }
    this.#scheme = scheme;
    this.#authority = authority;
    if (rest === "") this.#path = this.method === "OPTIONS" ? "*" : "/";
    else this.#path = rest.charCodeAt(0) === SLASH ? rest : `/${rest}`;
    return true;
  }

  #checkFraming(section: FieldSection, options: RequestHeadOptions): boolean {
    const isConnect = this.method === "CONNECT";
    if (section.hasTransferEncoding) {
      if (options.allowChunkedLength === true && section.isChunked) section.dropLength();
      if (section.contentLength !== -1) return section.refuse(400, DETAILS.contentLengthAndChunked);
      if (!section.isChunked || isConnect) return section.refuse(501, DETAILS.invalidTransferEncoding);
      // RFC 9112 section 6.1: the framing is faulty, whatever was meant.
      if (this.isHttp10) return section.refuse(400, DETAILS.transferEncodingNotAllowed);
      return true;
    }
    if (!isConnect || section.lengthField === null) return true;
    if (section.contentLength > 0) return section.refuse(400, DETAILS.bodyDisallowed);
    section.fields.splice(section.fields.indexOf(section.lengthField), 1);
    return true;
  }

  #checkHost(section: FieldSection, options: RequestHeadOptions): boolean {
    const { hosts, host } = section;
    if (hosts > 1) return section.refuse(400, DETAILS.invalidHost);
    if (hosts === 1) {
      if (host !== lastHost && host !== "") {
        // A port of nobody (RFC 9110 section 4.2.1); nothing at all is legal.
        if (!AUTHORITY.test(host) || !hasLegalPort(host) || host.startsWith(":"))
          return section.refuse(400, DETAILS.invalidHost);
        lastHost = host;
      }
      if (this.#authority === "") this.#authority = host;
      return true;
    }
    if (!this.isHttp10) return section.refuse(400, DETAILS.missingHost);
    if (this.#authority === "") this.#authority = options.defaultHostForHttp10;
    return this.#authority !== "" || section.refuse(400, DETAILS.missingHost);
  }

  /** A switch is offered only without a body; h2c is never taken up (RFC 9110 section 7.8: a server may ignore the field). */
  #readUpgrade(section: FieldSection): boolean {
    this.#upgrade = "";
    if (section.upgrade === "") return true;
    if (!PROTOCOLS.test(section.upgrade)) return section.refuse(400, DETAILS.invalidUpgrade);
    if (!section.hasUpgradeOption || this.isHttp10 || this.method === "CONNECT") return true;
    if (section.isChunked || section.contentLength > 0) return true;
    const offered: string[] = [];
    for (const part of section.upgrade.split(",")) {
      const protocol = part.trim().toLowerCase();
      if (protocol !== "h2c" && protocol !== "h2") offered.push(protocol);
    }
    this.#upgrade = offered.join(", ");
    return true;
  }
}

function hasLegalPort(authority: string): boolean {
  const colon = authority.lastIndexOf(":");
  if (colon === -1 || authority.endsWith("]")) return true;
  return Number(authority.slice(colon + 1)) <= 65_535;
}
