/**
 * Hot path: docs/extending/hot-path-rules.md. From the text of a response's head to its header map (RFC 9112 section 4) and to how its body is framed
 * (section 6.3), which depends on the request. One object per codec, used again for every response.
 */
import type { HeaderCaseModel } from "../../../config/model.ts";
import { ResponseHeaderMap } from "../../headers/header-map.ts";
import { spellingOf } from "../../headers/spelling.ts";
import { DETAILS } from "./details.ts";
import type { FieldSection } from "./field-section.ts";
import { ILLEGAL_IN_VALUE } from "./syntax.ts";

export interface ResponseHeadOptions {
  readonly maxHeaders: number;
  readonly enableTrailers: boolean;
  readonly allowChunkedLength?: boolean;
  readonly headerCase?: HeaderCaseModel;
}

const SPACE = 32;

export class ResponseHead {
  status: number;
  isHttp10: boolean;

  constructor() {
    this.status = 0;
    this.isHttp10 = false;
  }

  /** null: refused, `section` says why. */
  read(text: string, end: number, section: FieldSection, options: ResponseHeadOptions): ResponseHeaderMap | null {
    const stop = text.indexOf("\r\n");
    if (!this.#readLine(text, stop, section)) return null;
    if (!section.parse(text, stop + 2, end, options.maxHeaders, options.enableTrailers)) return null;
    if (!this.#checkFraming(section, options)) return null;
    // The one hop-by-hop field that the other side needs: which protocol was chosen.
    if (this.status === 101 && section.upgradeField !== null) section.fields.push(section.upgradeField);
    const headers = new ResponseHeaderMap(this.status, section.take());
    const { headerCase } = options;
    if (headerCase !== undefined && headerCase.preserves)
      headers.spelling = spellingOf(text, stop + 2, end, headerCase.style === "proper");
    return headers;
  }

  isPersistent(section: FieldSection): boolean {
    return !section.hasClose && (!this.isHttp10 || section.hasKeepAlive);
  }

  /** HTTP-version SP 3DIGIT [SP reason]. Many servers leave the second space out where there is no reason. */
  #readLine(text: string, stop: number, section: FieldSection): boolean {
    if (text.startsWith("HTTP/1.1 ")) this.isHttp10 = false;
    else if (text.startsWith("HTTP/1.0 ")) this.isHttp10 = true;
    else return section.refuse(502, DETAILS.codecError);
    const status = statusAt(text, 9);
    if (status === 0 || (stop !== 12 && text.charCodeAt(12) !== SPACE)) return section.refuse(502, DETAILS.codecError);
    if (stop > 13 && ILLEGAL_IN_VALUE.test(text.slice(13, stop))) return section.refuse(502, DETAILS.invalidCharacters);
    this.status = status;
    return true;
  }

  #checkFraming(section: FieldSection, options: ResponseHeadOptions): boolean {
    const isBodiless = this.status < 200 || this.status === 204;
    if (section.hasTransferEncoding) {
      if (options.allowChunkedLength === true && section.isChunked) section.dropLength();
      if (section.contentLength !== -1) return section.refuse(502, DETAILS.contentLengthAndChunked);
      if (!section.isChunked) return section.refuse(502, DETAILS.invalidTransferEncoding);
      if (isBodiless || this.isHttp10) return section.refuse(502, DETAILS.transferEncodingNotAllowed);
      return true;
    }
    if (!isBodiless || section.lengthField === null) return true;
    // As Envoy: a length of 0 where none may stand is passed over.
    if (section.contentLength > 0) return section.refuse(502, DETAILS.contentLengthNotAllowed);
    section.fields.splice(section.fields.indexOf(section.lengthField), 1);
    return true;
  }
}

/** 100 to 599; 0 for anything else. */
function statusAt(text: string, at: number): number {
  const hundreds = text.charCodeAt(at) - 48;
  const tens = text.charCodeAt(at + 1) - 48;
  const ones = text.charCodeAt(at + 2) - 48;
  if (!(hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return 0;
  return hundreds * 100 + tens * 10 + ones;
}
