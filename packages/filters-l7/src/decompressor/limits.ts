/** What the bodies of one direction may come to, and what is answered to those that are no compressed data or too much of it. */
import { type FilterContext, type LocalReply, reply, type RuntimeValue } from "@sluice/sdk";

export interface DirectionLimits {
  /** Bytes of one decompressed body; 0: any number. */
  readonly maxBytes: RuntimeValue<number>;
  readonly malformed: LocalReply;
  readonly tooLarge: LocalReply;
}

export function requestLimits({ runtime }: FilterContext): DirectionLimits {
  return {
    maxBytes: runtime.number("decompressor.max_request_bytes", 0),
    malformed: reply({ status: 400, body: "Bad Request", details: "request_decompression_failed", flag: "DPE" }),
    tooLarge: reply({ status: 413, body: "Payload Too Large", details: "request_decompressed_too_large" }),
  };
}

export function responseLimits({ runtime }: FilterContext): DirectionLimits {
  return {
    maxBytes: runtime.number("decompressor.max_response_bytes", 0),
    malformed: reply({ status: 502, body: "Bad Gateway", details: "response_decompression_failed", flag: "UPE" }),
    tooLarge: reply({ status: 502, body: "Bad Gateway", details: "response_decompressed_too_large", flag: "UPE" }),
  };
}
