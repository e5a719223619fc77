/** Access loggers: to a file, standard output or standard error, as text or as JSON lines. */
import type { JsonObject as ProtoJsonObject, Message } from "@bufbuild/protobuf";
import type { AccessLog } from "../envoy/generated/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatString } from "../envoy/generated/envoy/config/core/v3/substitution_format_string_pb.js";
import type { FileAccessLog } from "../envoy/generated/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type {
  StderrAccessLog,
  StdoutAccessLog,
} from "../envoy/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { AccessLogModel, Json } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { checkJsonFormat, checkTextFormat } from "./formats.ts";
import { readData } from "./values.ts";

const fileType = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
const stdoutType = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const stderrType = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog";

type Sink = AccessLogModel["sink"];
type Format = AccessLogModel["format"];

/** Envoy's own default. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% ' +
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ' +
  '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

export function compileAccessLogs(context: CompileContext, logs: readonly AccessLog[]): AccessLogModel[] {
  const models: AccessLogModel[] = [];
  for (const log of logs) {
    const compiled = compileAccessLog(context, log);
    if (compiled !== undefined) models.push({ ...compiled, place: context.place({ message: log }) });
  }
  return models;
}

function compileAccessLog(context: CompileContext, log: AccessLog): { sink: Sink; format: Format } | undefined {
  if (log.configType.case !== "typedConfig") return void context.missing({ message: log }, "typed_config");
  const payload = context.tree.payload(log.configType.value);
  if (payload === undefined || payload.kind === "skipped") return undefined;
  if (payload.kind === "message") {
    const { message } = payload;
    if (isMessage<FileAccessLog>(message, fileType)) return compileFile(context, message);
    if (isMessage<StdoutAccessLog>(message, stdoutType)) return streamLog(context, "stdout", message);
    if (isMessage<StderrAccessLog>(message, stderrType)) return streamLog(context, "stderr", message);
  }
  return void context.unsupported(
    { message: log, field: "typed_config" },
    `an access logger of type ${payload.typeName}`,
    `${fileType}, ${stdoutType} or ${stderrType}`,
  );
}

function compileFile(context: CompileContext, log: FileAccessLog): { sink: Sink; format: Format } | undefined {
  if (log.path === "") return undefined;
  const format = fileFormat(context, log);
  return format === undefined ? undefined : { sink: sinkOf(context, log.path), format };
}

function sinkOf(context: CompileContext, path: string): Sink {
  if (path === "/dev/stdout") return { kind: "stdout" };
  if (path === "/dev/stderr") return { kind: "stderr" };
  return { kind: "file", path: context.resolvePath(path) };
}

function fileFormat(context: CompileContext, log: FileAccessLog): Format | undefined {
  const { accessLogFormat } = log;
  switch (accessLogFormat.case) {
    case "format":
      return accessLogFormat.value === ""
        ? text(defaultFormat)
        : checkedText(context, log, "format", accessLogFormat.value);
    case "jsonFormat":
      return checkedJson(context, log, "json_format", accessLogFormat.value);
    case "typedJsonFormat":
      return checkedJson(context, log, "typed_json_format", accessLogFormat.value);
    case "logFormat":
      return compileLogFormat(context, accessLogFormat.value);
    case undefined:
      return text(defaultFormat);
  }
}

function streamLog(
  context: CompileContext,
  kind: "stdout" | "stderr",
  log: StdoutAccessLog | StderrAccessLog,
): { sink: Sink; format: Format } | undefined {
  const { accessLogFormat } = log;
  const format =
    accessLogFormat.case === "logFormat" ? compileLogFormat(context, accessLogFormat.value) : text(defaultFormat);
  return format === undefined ? undefined : { sink: { kind }, format };
}

function compileLogFormat(context: CompileContext, log: SubstitutionFormatString): Format | undefined {
  const { format } = log;
  switch (format.case) {
    case "textFormat":
      return format.value === "" ? text(defaultFormat) : checkedText(context, log, "text_format", format.value);
    case "jsonFormat":
      return checkedJson(context, log, "json_format", format.value);
    case "textFormatSource": {
      const data = readData(context, format.value);
      return data && checkedText(context, log, "text_format_source", Buffer.from(data.bytes).toString("utf8"));
    }
    case undefined:
      return void context.missing({ message: log }, "the format", "text_format, text_format_source or json_format");
  }
}

function text(format: string): Format {
  return { kind: "text", text: format };
}

function checkedText(context: CompileContext, message: Message, field: string, format: string): Format {
  checkTextFormat(context, { message, field }, format);
  return text(format);
}

function checkedJson(context: CompileContext, message: Message, field: string, format: ProtoJsonObject): Format {
  checkJsonFormat(context, { message, field }, format as Json);
  return { kind: "json", json: format as Json };
}
