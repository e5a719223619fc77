/** What a client is told when its upstream fails, in Envoy's words (router.cc, ResponseCodeDetails). */
import type { ResetReason, ResponseFlag } from "@sluice/sdk";

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
