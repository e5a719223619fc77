/** `local_reply_config`: what becomes of the replies that the proxy makes itself. */
import type { Message } from "@bufbuild/protobuf";
import type { SubstitutionFormatString } from "../envoy/generated/envoy/config/core/v3/substitution_format_string_pb.js";
import type {
  LocalReplyConfig,
  ResponseMapper,
} from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { LocalRepliesModel, LocalReplyMapperModel, ReplyBodyModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileFormatString } from "./format-strings.ts";
import { compileAdd } from "./header-mutations.ts";
import { compileLogFilter } from "./log-filter.ts";
import { readData } from "./values.ts";

export function compileLocalReplies(
  context: CompileContext,
  config: LocalReplyConfig | undefined,
): LocalRepliesModel | null {
  if (config === undefined) return null;
  return {
    mappers: config.mappers.flatMap((mapper) => compileMapper(context, mapper) ?? []),
    body: compileBody(context, config, "body_format", config.bodyFormat) ?? null,
  };
}

function compileMapper(context: CompileContext, mapper: ResponseMapper): LocalReplyMapperModel | undefined {
  const filter = mapper.filter && compileLogFilter(context, mapper.filter);
  const body = mapper.body && readData(context, mapper.body);
  const bodyFormat = compileBody(context, mapper, "body_format_override", mapper.bodyFormatOverride);
  const add = mapper.headersToAdd.flatMap((option) => compileAdd(context, option));
  if (filter === undefined) return undefined;
  return {
    filter,
    status: mapper.statusCode ?? 0,
    body: body === undefined ? null : Buffer.from(body.bytes).toString("utf8"),
    bodyFormat: bodyFormat ?? null,
    headers: { add, remove: [] },
  };
}

function compileBody(
  context: CompileContext,
  owner: Message,
  field: string,
  message: SubstitutionFormatString | undefined,
): ReplyBodyModel | undefined {
  if (message === undefined) return undefined;
  const format = compileFormatString(context, message, null);
  if (format === undefined) return undefined;
  const otherwise = format.format.kind === "json" ? "application/json" : "text/plain";
  const contentType = message.contentType === "" ? otherwise : message.contentType;
  // oxlint-disable-next-line no-control-regex -- what a header value may not hold
  if (!context.tree.isDamaged(message) && /[\x00-\x1f\x7f]|[^\x00-\xff]/.test(contentType))
    context.error({ message: owner, field }, "ERR_CONFIG_TYPE", "content_type is no value of a header");
  return { ...format, contentType };
}
