/** How names of headers are spelt towards HTTP/1 peers, of connection managers and of clusters. Envoy: Http1ProtocolOptions.header_key_format. */
import type { Http1ProtocolOptions } from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import type { PreserveCaseFormatterConfig } from "../envoy/generated/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { HeaderCaseModel } from "../model.ts";
import type { CompileContext } from "./context.ts";

const preserveCase = "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

export const lowerCase: HeaderCaseModel = { style: "lower", preserves: false };

export function compileHeaderCase(context: CompileContext, options: Http1ProtocolOptions | undefined): HeaderCaseModel {
  const format = options?.headerKeyFormat;
  if (format === undefined) return lowerCase;
  const { headerFormat } = format;
  if (headerFormat.case === "properCaseWords") return { style: "proper", preserves: false };
  if (headerFormat.case === undefined) return lowerCase;
  const any = headerFormat.value.typedConfig;
  const payload = any && context.tree.payload(any);
  if (payload?.kind === "message" && isMessage<PreserveCaseFormatterConfig>(payload.message, preserveCase)) {
    const { forwardReasonPhrase, formatterTypeOnEnvoyHeaders } = payload.message;
    if (forwardReasonPhrase)
      context.unsupported(
        { message: payload.message, field: "forward_reason_phrase" },
        "a forwarded reason phrase",
        "false",
      );
    return { style: formatterTypeOnEnvoyHeaders === 1 ? "proper" : "lower", preserves: true };
  }
  if (payload !== undefined)
    context.unsupported(
      { message: headerFormat.value, field: "typed_config" },
      `a header formatter of type ${payload.typeName}`,
      preserveCase,
    );
  return lowerCase;
}
