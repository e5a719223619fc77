/** The schema of what `http` of a listener has besides filters, routes and limits: access logs, local replies, the client's address and certificate. */
import type { JsonSchema } from "@sluice/sdk";
import type {
  AccessLogConfig,
  AccessLogTimesConfig,
  ClientCertConfig,
  ClientIpConfig,
  HttpConfig,
  HttpOptionsConfig,
  LocalRepliesConfig,
  LocalReplyConfig,
  LogWhenConfig,
} from "../config/define-config.ts";
import { anyOf, count, described, duration, flag, listOf, mapOf, oneOf, part, ref, text } from "./parts.ts";

const texts = listOf(text);
export const accessLogs = anyOf({ const: true }, text, ref("access_log"), listOf(anyOf(text, ref("access_log"))));
export const match = anyOf(text, flag, ref("match"));
const bodyFormat = { format: text, json: { type: "object" } } as const;
const certModes = oneOf("sanitize", "forward_only", "append_forward", "sanitize_set", "always_forward_only");

export const httpParts = {
  access_log: part<AccessLogConfig>({ to: text, ...bodyFormat, omit_empty: flag, when: ref("log_when") }),
  access_log_times: part<AccessLogTimesConfig>({ every: duration, at_start: flag, at_tunnel: flag }),
  log_when: part<LogWhenConfig>({
    status: anyOf(count, { type: "string", pattern: "^((>=|<=|=)?\\s*[1-5]\\d\\d|[1-5]xx)$" }),
    duration,
    flags: anyOf({ const: true }, texts),
    headers: mapOf(match),
    grpc_status: texts,
    sample: ref("log_sample"),
    traced: { const: true },
    types: texts,
    any: listOf(ref("log_when")),
  }),
  log_sample: part<NonNullable<LogWhenConfig["sample"]>>(
    { key: text, percent: { type: "number", minimum: 0, maximum: 100 } },
    ["key", "percent"],
  ),
  client_cert: part<ClientCertConfig>({
    forward: certModes,
    tell: listOf(oneOf("subject", "uri", "dns", "cert", "chain")),
  }),
  client_ip: part<ClientIpConfig>({ header: text, trusted: flag, reject: count }, ["header"]),
  local_replies: part<LocalRepliesConfig>({ ...bodyFormat, content_type: text, map: listOf(ref("local_reply")) }),
  local_reply: part<LocalReplyConfig>(
    {
      when: ref("log_when"),
      status: count,
      body: text,
      file: text,
      ...bodyFormat,
      content_type: text,
      headers: mapOf(text),
    },
    ["when"],
  ),
  early_headers: part<NonNullable<HttpConfig["early_headers"]>>({
    set: mapOf(text),
    add: mapOf(text),
    remove: texts,
  }),
} satisfies Readonly<Record<string, JsonSchema>>;

export const httpOptions: Readonly<Record<keyof HttpOptionsConfig, JsonSchema>> = {
  access_log: accessLogs,
  access_log_times: described("lines besides the one at the end of a request", ref("access_log_times")),
  client_cert: described("x-forwarded-client-cert", anyOf(certModes, ref("client_cert"))),
  local_replies: described("what becomes of the replies that the proxy makes itself", ref("local_replies")),
  early_headers: described("changes of request headers before everything else", ref("early_headers")),
  client_ip: described("a header that has the client's address", anyOf(text, ref("client_ip"))),
  scheme: oneOf("http", "https"),
  strip_trailing_dot: flag,
  user_agent: flag,
  proxy_status: anyOf(flag, text),
  header_case: oneOf("proper", "preserve"),
};
