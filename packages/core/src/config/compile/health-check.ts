/** The active health check of a cluster. Envoy takes one alone; checkers of other protocols are refused by name. */
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Message } from "@bufbuild/protobuf";
import type {
  HealthCheck,
  HealthCheck_HttpHealthCheck,
  HealthCheck_Payload,
} from "../envoy/generated/envoy/config/core/v3/health_check_pb.js";
import type { HeaderValueOption } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { Int64Range } from "../envoy/generated/envoy/type/v3/range_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { HeaderValueModel, HealthCheckModel, ProbeModel, StatusRangeModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileAdd } from "./header-mutations.ts";
import { compileStringMatcher } from "./matchers.ts";
import { milliseconds } from "./values.ts";

const sinkType = "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink";

interface FileSink extends Message<typeof sinkType> {
  readonly eventLogPath: string;
}

/** undefined when it was reported, here or before. */
export function compileHealthCheck(context: CompileContext, message: HealthCheck): HealthCheckModel | undefined {
  const probe = compileProbe(context, message);
  const ms = (field: string, value: Duration | undefined, otherwise: number): number =>
    milliseconds(context, message, field, value, otherwise);
  const intervalMs = ms("interval", message.interval, 0);
  const noTrafficIntervalMs = ms("no_traffic_interval", message.noTrafficInterval, 60_000);
  const unhealthyIntervalMs = ms("unhealthy_interval", message.unhealthyInterval, intervalMs);
  const eventLogs = compileSinks(context, message);
  if (probe === undefined) return undefined;
  return {
    probe,
    timeoutMs: ms("timeout", message.timeout, 0),
    intervalMs,
    initialJitterMs: ms("initial_jitter", message.initialJitter, 0),
    intervalJitterMs: ms("interval_jitter", message.intervalJitter, 0),
    intervalJitterPercent: message.intervalJitterPercent,
    unhealthyThreshold: message.unhealthyThreshold ?? 1,
    healthyThreshold: message.healthyThreshold ?? 1,
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: ms(
      "no_traffic_healthy_interval",
      message.noTrafficHealthyInterval,
      noTrafficIntervalMs,
    ),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: ms("unhealthy_edge_interval", message.unhealthyEdgeInterval, unhealthyIntervalMs),
    healthyEdgeIntervalMs: ms("healthy_edge_interval", message.healthyEdgeInterval, intervalMs),
    reuseConnection: message.reuseConnection ?? true,
    logsAllFailures: message.alwaysLogHealthCheckFailures,
    logsAllSuccesses: message.alwaysLogHealthCheckSuccess,
    eventLogs,
    alpn: message.tlsOptions?.alpnProtocols ?? [],
    place: context.place({ message }),
  };
}

function compileProbe(context: CompileContext, message: HealthCheck): ProbeModel | undefined {
  const { healthChecker } = message;
  switch (healthChecker.case) {
    case "httpHealthCheck":
      return compileHttp(context, healthChecker.value);
    case "tcpHealthCheck": {
      const { send, receive } = healthChecker.value;
      return { kind: "tcp", send: compilePayload(context, send), receive: compilePayloads(context, receive) };
    }
    case "grpcHealthCheck": {
      const { serviceName, authority, initialMetadata } = healthChecker.value;
      const metadata = compileHeaders(context, initialMetadata);
      return { kind: "grpc", service: serviceName, authority, metadata };
    }
    // Refused by name where it stands: Envoy's are Redis and Thrift.
    case "customHealthCheck":
      return undefined;
    case undefined:
      return void context.missing(
        { message },
        "health_checker",
        "http_health_check, tcp_health_check or grpc_health_check",
      );
  }
}

/** Index: RequestMethod. */
const methods = ["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;
const withBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "OPTIONS"]);

function compileHttp(context: CompileContext, message: HealthCheck_HttpHealthCheck): ProbeModel {
  const method = methods[message.method] ?? "GET";
  if (message.codecClientType === 2)
    context.unsupported({ message, field: "codec_client_type" }, "HTTP/3", "HTTP1 or HTTP2");
  const send = compilePayload(context, message.send);
  if (send !== "" && !withBody.has(method)) {
    context.error({ message, field: "send" }, "ERR_CONFIG_CONFLICT", `a ${method} request has no body`, {
      expected: "method: POST, PUT, PATCH or OPTIONS",
    });
  }
  const { serviceNameMatcher, responseBufferSize } = message;
  if (!/^\/[\x21-\x7e]*$/.test(message.path))
    context.error(
      { message, field: "path" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(message.path)} is no path of a request`,
      { expected: "a path as in /healthz" },
    );
  const expected = message.expectedStatuses.flatMap((range) => compileRange(context, range));
  return {
    kind: "http",
    protocol: message.codecClientType === 1 ? "http2" : "http1",
    method,
    path: message.path,
    host: message.host,
    send,
    receive: compilePayloads(context, message.receive),
    bufferBytes: responseBufferSize === undefined ? 1024 : Number(responseBufferSize),
    addHeaders: compileHeaders(context, message.requestHeadersToAdd),
    removeHeaders: message.requestHeadersToRemove.map((name) => name.toLowerCase()),
    expected: expected.length === 0 ? [[200, 201]] : expected,
    retriable: message.retriableStatuses.flatMap((range) => compileRange(context, range)),
    serviceName:
      serviceNameMatcher === undefined
        ? null
        : (compileStringMatcher(context, message, "service_name_matcher", serviceNameMatcher) ?? null),
  };
}

function compileRange(context: CompileContext, message: Int64Range): StatusRangeModel[] {
  const start = Number(message.start);
  const end = Number(message.end);
  if (start >= 100 && end <= 600 && start < end) return [[start, end]];
  context.error({ message }, "ERR_CONFIG_RANGE", `from ${start} to before ${end} is no range of statuses`, {
    expected: "100 <= start < end <= 600",
  });
  return [];
}

/** Nobody's stream stands behind a check: values are texts. */
function compileHeaders(context: CompileContext, options: readonly HeaderValueOption[]): HeaderValueModel[] {
  return options.flatMap((option) => {
    const compiled = compileAdd(context, option);
    return compiled.map((header) => {
      const value = header.value.replaceAll("%%", "");
      if (value.includes("%"))
        context.unsupported(
          { message: option.header ?? option, field: "value" },
          "a command operator in a header of a health check",
          "a text; %% for a percent sign",
        );
      return { ...header, value: header.value.replaceAll("%%", "%") };
    });
  });
}

function compilePayloads(context: CompileContext, payloads: readonly HealthCheck_Payload[]): string[] {
  return payloads.map((payload) => compilePayload(context, payload)).filter((hex) => hex !== "");
}

/** Hexadecimal. Envoy: text is that already, binary is bytes. */
function compilePayload(context: CompileContext, message: HealthCheck_Payload | undefined): string {
  const payload = message?.payload;
  if (message === undefined || payload?.case === undefined) return "";
  if (payload.case === "binary") return Buffer.from(payload.value).toString("hex");
  if (/^([0-9a-f]{2})+$/i.test(payload.value)) return payload.value.toLowerCase();
  if (payload.value !== "")
    context.error({ message, field: "text" }, "ERR_CONFIG_TYPE", "the payload is not hexadecimal", {
      expected: 'bytes in pairs of digits, as in "504f4e47"',
    });
  return "";
}

function compileSinks(context: CompileContext, message: HealthCheck): string[] {
  const paths = message.eventLogPath === "" ? [] : [message.eventLogPath];
  for (const { name, typedConfig } of message.eventLogger) {
    const payload = typedConfig === undefined ? undefined : context.tree.payload(typedConfig);
    if (payload?.kind === "message" && isMessage<FileSink>(payload.message, sinkType))
      paths.push(payload.message.eventLogPath);
    else if (typedConfig === undefined || payload !== undefined)
      context.unsupported({ message, field: "event_logger" }, `the event sink "${name}"`, sinkType);
  }
  return paths.filter((path) => path !== "").map((path) => context.resolvePath(path));
}
