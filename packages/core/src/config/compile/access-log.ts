/** Access loggers: to a file, standard output or standard error, as text or as JSON lines. */
import type { AccessLog } from "../envoy/generated/envoy/config/accesslog/v3/accesslog_pb.js";
import type { FileAccessLog } from "../envoy/generated/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type {
  StderrAccessLog,
  StdoutAccessLog,
} from "../envoy/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { AccessLogModel, FormatStringModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { checkedJson, checkedText, compileFormatString, text } from "./format-strings.ts";
import { compileLogFilter } from "./log-filter.ts";

const fileType = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
const stdoutType = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const stderrType = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog";

type Sink = AccessLogModel["sink"];

/** Envoy's own default. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% ' +
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ' +
  '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

type Compiled = Pick<AccessLogModel, "sink" | "format" | "omitEmpty">;

export function compileAccessLogs(context: CompileContext, logs: readonly AccessLog[]): AccessLogModel[] {
  const models: AccessLogModel[] = [];
  for (const log of logs) {
    const compiled = compileAccessLog(context, log);
    const filter = log.filter === undefined ? null : compileLogFilter(context, log.filter);
    if (compiled === undefined || filter === undefined) continue;
    models.push({ ...compiled, filter, place: context.place({ message: log }) });
  }
  return models;
}

function compileAccessLog(context: CompileContext, log: AccessLog): Compiled | undefined {
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

function compileFile(context: CompileContext, log: FileAccessLog): Compiled | undefined {
  if (log.path === "") return undefined;
  const format = fileFormat(context, log);
  return format && { sink: sinkOf(context, log.path), ...format };
}

function sinkOf(context: CompileContext, path: string): Sink {
  if (path === "/dev/stdout") return { kind: "stdout" };
  if (path === "/dev/stderr") return { kind: "stderr" };
  return { kind: "file", path: context.resolvePath(path) };
}

function fileFormat(context: CompileContext, log: FileAccessLog): FormatStringModel | undefined {
  const { accessLogFormat } = log;
  switch (accessLogFormat.case) {
    case "format":
      return plain(
        accessLogFormat.value === "" ? text(defaultFormat) : checkedText(context, log, "format", accessLogFormat.value),
      );
    case "jsonFormat":
      return plain(checkedJson(context, log, "json_format", accessLogFormat.value));
    case "typedJsonFormat":
      return plain(checkedJson(context, log, "typed_json_format", accessLogFormat.value));
    case "logFormat":
      return compileFormatString(context, accessLogFormat.value, defaultFormat);
    case undefined:
      return plain(text(defaultFormat));
  }
}

function streamLog(
  context: CompileContext,
  kind: "stdout" | "stderr",
  log: StdoutAccessLog | StderrAccessLog,
): Compiled | undefined {
  const { accessLogFormat } = log;
  const format =
    accessLogFormat.case === "logFormat"
      ? compileFormatString(context, accessLogFormat.value, defaultFormat)
      : plain(text(defaultFormat));
  return format && { sink: { kind }, ...format };
}

function plain(format: FormatStringModel["format"]): FormatStringModel {
  return { format, omitEmpty: false };
}
