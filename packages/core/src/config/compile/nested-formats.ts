/**
 * Header values inside the configurations of filters are formats too, wherever they stand: tried here, where their places are known, as are
 * other texts with command operators and regular expressions.
 */
import type { Message } from "@bufbuild/protobuf";
import type { HeaderValueOption } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { SubstitutionFormatString } from "../envoy/generated/envoy/config/core/v3/substitution_format_string_pb.js";
import type { TcpProxy_TunnelingConfig } from "../envoy/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { RegexMatchAndSubstitute, RegexMatcher } from "../envoy/generated/envoy/type/matcher/v3/regex_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { CompileContext } from "./context.ts";
import { checkTextFormat } from "./formats.ts";
import { headerFormat } from "./header-mutations.ts";
import { compileRegexMatcher, compileRegexRewrite } from "./matchers.ts";

const optionType = "envoy.config.core.v3.HeaderValueOption";
const formatType = "envoy.config.core.v3.SubstitutionFormatString";
const tunnelType = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig";
const regexType = "envoy.type.matcher.v3.RegexMatcher";
const rewriteType = "envoy.type.matcher.v3.RegexMatchAndSubstitute";

export function checkNestedFormats(context: CompileContext, message: Message): void {
  for (const value of Object.values(message)) visit(context, value);
}

/** Messages, lists, maps and the arms of oneofs; an Any keeps what it holds to itself. */
function visit(context: CompileContext, value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  const message = value as Message;
  if (message.$typeName === "google.protobuf.Any") return;
  if (isMessage<HeaderValueOption>(message, optionType)) headerFormat(context, message);
  else if (isMessage<SubstitutionFormatString>(message, formatType)) textFormat(context, message);
  else if (isMessage<TcpProxy_TunnelingConfig>(message, tunnelType))
    checkTextFormat(context, { message, field: "hostname" }, message.hostname);
  else if (isMessage<RegexMatcher>(message, regexType)) compileRegexMatcher(context, message);
  else if (isMessage<RegexMatchAndSubstitute>(message, rewriteType)) return void compileRegexRewrite(context, message);
  for (const each of Object.values(value)) visit(context, each);
}

function textFormat(context: CompileContext, message: SubstitutionFormatString): void {
  if (message.format.case === "textFormat")
    checkTextFormat(context, { message, field: "text_format" }, message.format.value);
}
