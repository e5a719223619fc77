/** Hot path: docs/extending/hot-path-rules.md. From the fields of a response to its header map (RFC 9113 sections 8.1, 8.3.2). */
import { ResponseHeaderMap } from "../../headers/header-map.ts";
import { DETAILS } from "./details.ts";
import { Fault, type FieldLimits, FieldSection } from "./field-section.ts";

export class ResponseSection extends FieldSection {
  /** 0: there is none. */
  status: number;

  constructor(limits: FieldLimits) {
    super(limits);
    this.status = 0;
  }

  begin(): void {
    this.reset(false);
    this.status = 0;
  }

  protected override onPseudo(name: string, value: string): boolean {
    if (name !== ":status" || this.status !== 0) return this.malformed(DETAILS.messagingRule);
    this.status = statusOf(value);
    return this.status !== 0 || this.malformed(DETAILS.messagingRule);
  }

  /** A response has no host; who sends one all the same does no harm, as in HTTP/1. */
  protected override onHost(): boolean {
    return true;
  }

  /** null: refused, `fault` and `detail` say why. */
  read(): ResponseHeaderMap | null {
    if (this.fault !== Fault.none) return null;
    // HTTP/2 has no 101 (RFC 9113 section 8.6).
    if (this.status === 0 || this.status === 101) {
      this.malformed(DETAILS.messagingRule);
      return null;
    }
    this.finish();
    return new ResponseHeaderMap(this.status, this.take());
  }
}

/** 100 to 599; 0 for anything else. */
function statusOf(value: string): number {
  if (value.length !== 3) return 0;
  const hundreds = value.charCodeAt(0) - 48;
  const tens = value.charCodeAt(1) - 48;
  const ones = value.charCodeAt(2) - 48;
  if (!(hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return 0;
  return hundreds * 100 + tens * 10 + ones;
}
