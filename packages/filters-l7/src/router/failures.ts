/** What a client is told when its upstream fails, in Envoy's words (router.cc, ResponseCodeDetails). */
import type { LocalReplyOptions, OpenFailure, ResetReason, ResponseFlag } from "@sluice/sdk";

export interface Failure {
  readonly status: number;
  readonly flag: ResponseFlag;
  /** In the body, with spaces. */
  readonly words: string;
}

export const FAILURES: Readonly<Record<ResetReason, Failure>> = {
  connection_failure: { status: 503, flag: "UF", words: "remote connection failure" },
  connection_timeout: { status: 503, flag: "UF", words: "connection timeout" },
  connection_termination: { status: 503, flag: "UC", words: "connection termination" },
  remote_reset: { status: 503, flag: "UR", words: "remote reset" },
  protocol_error: { status: 502, flag: "UPE", words: "protocol error" },
  overflow: { status: 503, flag: "UO", words: "overflow" },
  max_duration: { status: 504, flag: "UMSDR", words: "upstream max stream duration reached" },
  local_reset: { status: 503, flag: "LR", words: "local reset" },
};

/** Answers where there is no upstream at all. */
export const NOT_OPENED = {
  no_healthy_upstream: { status: 503, body: "no healthy upstream", flag: "UH", details: "no_healthy_upstream" },
  drop_overload: { status: 503, body: "drop overload", flag: "DO", details: "drop_overload" },
} as const satisfies Readonly<Record<Exclude<OpenFailure, "overflow">, LocalReplyOptions>>;

/** The body does not fit any more, and the last attempt has failed. */
export const TOO_LONG_TO_REPEAT = {
  status: 507,
  body: "exceeded request buffer limit while retrying upstream",
  details: "request_payload_exceeded_retry_buffer_limit",
} as const satisfies LocalReplyOptions;

const OVERLOADED = { "x-envoy-overloaded": "true" };

export function failureOf(
  reason: ResetReason,
  detail: string,
  responded: boolean,
  resetCode: number,
  saysOverload: boolean,
): LocalReplyOptions {
  const { status, flag, words } = FAILURES[reason];
  const when = responded ? "upstream_reset_after_response_started" : "upstream_reset_before_response_started";
  const cause = detail === "" ? words : `${words}|${detail}`;
  return {
    status,
    flag,
    body: `upstream connect error or disconnect/reset before headers. reset reason: ${words}`,
    details: `${when}{${cause.replaceAll(" ", "_")}}`,
    resetCode,
    ...(reason === "overflow" && saysOverload ? { headers: OVERLOADED } : {}),
  };
}

/** `status`: 504, or what the client wants instead. */
export function tooLate(status: number, details: string): LocalReplyOptions {
  return { status, body: status === 504 ? "upstream request timeout" : "", flag: "UT", details };
}

export function lastedTooLong(wasSent: boolean): LocalReplyOptions {
  return {
    status: wasSent ? 504 : 408,
    body: "upstream max stream duration reached",
    flag: "UMSDR",
    details: "upstream_max_stream_duration_reached",
  };
}
