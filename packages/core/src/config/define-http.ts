/** Types of the short form: what `http` of a listener has besides filters, routes and limits. */
import type { DurationText, HeaderTexts } from "./define-config.ts";
import type { HeaderChangesConfig, MatchConfig } from "./define-routes.ts";

/** `true`: standard output; or `stdout`, `stderr`, a file, or one with more to say. */
export type AccessLogsConfig = true | string | AccessLogConfig | readonly (string | AccessLogConfig)[];

export interface AccessLogConfig {
  /** `stdout`, `stderr`, or a file. */
  readonly to?: string;
  /** With command operators; a line break is added. Envoy's line unless told. */
  readonly format?: string;
  /** Instead: a tree of them, written as one line of JSON. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** Leave out what is missing. @default false: `-`, and `null` in JSON */
  readonly omit_empty?: boolean;
  /** Which requests have a line. */
  readonly when?: LogWhenConfig;
}

/** Conditions, all of which must hold. */
export interface LogWhenConfig {
  /** `500`, `">=500"`, `"<=399"`, `"5xx"`. */
  readonly status?: number | string;
  /** At least so long. */
  readonly duration?: DurationText;
  /** Any of these flags; `true`: any flag. */
  readonly flags?: readonly string[] | true;
  /** Of the request. */
  readonly headers?: Readonly<Record<string, MatchConfig>>;
  /** Any of these: `UNAVAILABLE`. */
  readonly grpc_status?: readonly string[];
  /** Percent of the requests; the runtime key may say another. */
  readonly sample?: { readonly key: string; readonly percent: number };
  /** The request's trace was forced. */
  readonly traced?: true;
  /** Why there is a line: `DownstreamEnd`. */
  readonly types?: readonly string[];
  readonly any?: readonly LogWhenConfig[];
}

/** Lines besides the one at the end of a request. */
export interface AccessLogTimesConfig {
  /** While it goes on. */
  readonly every?: DurationText;
  /** When its headers are there. */
  readonly at_start?: boolean;
  /** When a tunnel (WebSocket, CONNECT) is open. */
  readonly at_tunnel?: boolean;
}

export type ClientCertMode = "sanitize" | "forward_only" | "append_forward" | "sanitize_set" | "always_forward_only";

/** x-forwarded-client-cert: what is believed, and what is told of the client's own certificate. */
export interface ClientCertConfig {
  /** @default sanitize_set */
  readonly forward?: ClientCertMode;
  /** Besides `By` and `Hash`. */
  readonly tell?: readonly ("subject" | "uri" | "dns" | "cert" | "chain")[];
}

/** The replies that the proxy makes itself. */
export interface LocalRepliesConfig {
  /** Of every body, with command operators: `%LOCAL_REPLY_BODY%`. */
  readonly format?: string;
  readonly json?: Readonly<Record<string, unknown>>;
  readonly content_type?: string;
  /** The first whose condition holds. */
  readonly map?: readonly LocalReplyConfig[];
}

export interface LocalReplyConfig {
  readonly when: LogWhenConfig;
  readonly status?: number;
  readonly body?: string;
  readonly file?: string;
  readonly format?: string;
  readonly json?: Readonly<Record<string, unknown>>;
  readonly content_type?: string;
  readonly headers?: HeaderTexts;
}

/** Where the client's address is: a header that proxies in front set. Its name alone: the same without more. */
export interface ClientIpConfig {
  readonly header: string;
  /** The address may make the request an internal one. */
  readonly trusted?: boolean;
  /** Answer where the header holds no address. */
  readonly reject?: number;
}

/** Of `http`. */
export interface HttpOptionsConfig {
  readonly access_log?: AccessLogsConfig;
  readonly access_log_times?: AccessLogTimesConfig;
  readonly client_cert?: ClientCertMode | ClientCertConfig;
  readonly local_replies?: LocalRepliesConfig;
  /** Before everything else. */
  readonly early_headers?: Omit<HeaderChangesConfig, "default">;
  readonly client_ip?: string | ClientIpConfig;
  /** Of every request, whatever clients say. */
  readonly scheme?: "http" | "https";
  readonly strip_trailing_dot?: boolean;
  /** The name of this proxy's cluster, for requests without a user agent. Envoy: add_user_agent. */
  readonly user_agent?: boolean;
  /** The `proxy-status` header; as a text: the proxy's name in it. */
  readonly proxy_status?: boolean | string;
  /** Of HTTP/1 headers: `Content-Type` (proper), or as the other side wrote them (preserve). @default lower case */
  readonly header_case?: "proper" | "preserve";
}
