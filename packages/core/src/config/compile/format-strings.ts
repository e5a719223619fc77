/** Formats of access logs and of local replies: texts or trees of JSON with command operators. Envoy: SubstitutionFormatString. */
import type { JsonObject as ProtoJsonObject, Message } from "@bufbuild/protobuf";
import type { SubstitutionFormatString } from "../envoy/generated/envoy/config/core/v3/substitution_format_string_pb.js";
import type { FormatStringModel, Json } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { checkJsonFormat, checkTextFormat } from "./formats.ts";
import { readData } from "./values.ts";

/** Extensions that bring operators which are built in here. */
const builtIn: ReadonlySet<string> = new Set([
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
  "envoy.extensions.formatter.metadata.v3.Metadata",
]);

/** `empty`: what an empty text means; null: an empty text. */
export function compileFormatString(
  context: CompileContext,
  message: SubstitutionFormatString,
  empty: string | null,
): FormatStringModel | undefined {
  checkFormatters(context, message);
  const format = formatOf(context, message, empty);
  return format && { format, omitEmpty: message.omitEmptyValues };
}

function formatOf(
  context: CompileContext,
  message: SubstitutionFormatString,
  empty: string | null,
): FormatStringModel["format"] | undefined {
  const { format } = message;
  switch (format.case) {
    case "textFormat":
      return format.value === "" && empty !== null
        ? text(empty)
        : checkedText(context, message, "text_format", format.value);
    case "jsonFormat":
      return checkedJson(
        context,
        message,
        "json_format",
        format.value,
        message.jsonFormatOptions?.sortProperties ?? false,
      );
    case "textFormatSource": {
      const data = readData(context, format.value);
      return data && checkedText(context, message, "text_format_source", Buffer.from(data.bytes).toString("utf8"));
    }
    case undefined:
      return void context.missing({ message }, "the format", "text_format, text_format_source or json_format");
  }
}

function checkFormatters(context: CompileContext, message: SubstitutionFormatString): void {
  for (const formatter of message.formatters) {
    const payload = formatter.typedConfig && context.tree.payload(formatter.typedConfig);
    if (payload === undefined || builtIn.has(payload.typeName)) continue;
    context.unsupported(
      { message: formatter, field: "typed_config" },
      `a formatter of type ${payload.typeName}`,
      [...builtIn].join(" or "),
    );
  }
}

export function text(format: string): FormatStringModel["format"] {
  return { kind: "text", text: format };
}

export function checkedText(
  context: CompileContext,
  message: Message,
  field: string,
  format: string,
): FormatStringModel["format"] {
  checkTextFormat(context, { message, field }, format);
  return text(format);
}

export function checkedJson(
  context: CompileContext,
  message: Message,
  field: string,
  format: ProtoJsonObject,
  sortKeys = false,
): FormatStringModel["format"] {
  checkJsonFormat(context, { message, field }, format as Json);
  return { kind: "json", json: format as Json, sortKeys };
}
