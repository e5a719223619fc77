/** Conditions of access logs and of local replies. */
import type {
  AccessLogFilter,
  ComparisonFilter,
  RuntimeFilter,
} from "../envoy/generated/envoy/config/accesslog/v3/accesslog_pb.js";
import { enumName } from "../envoy/enum-name.ts";
import type { ComparisonModel, LogFilterModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileMetadataMatcher } from "./value-matchers.ts";
import { compileHeader } from "./route/match.ts";
import { runtimeFraction } from "./values.ts";

/** Index: ComparisonFilter.Op. */
const operators = ["eq", "ge", "le"] as const;
const logType = "envoy.data.accesslog.v3.AccessLogType";

/** undefined when it was reported, here or before. */
export function compileLogFilter(context: CompileContext, message: AccessLogFilter): LogFilterModel | undefined {
  const { filterSpecifier: specifier } = message;
  switch (specifier.case) {
    case "statusCodeFilter":
    case "durationFilter": {
      const comparison = compileComparison(specifier.value.comparison);
      return comparison && { kind: specifier.case === "durationFilter" ? "duration" : "status_code", comparison };
    }
    case "notHealthCheckFilter":
      return { kind: "not_health_check" };
    case "traceableFilter":
      return { kind: "traceable" };
    case "runtimeFilter":
      return compileRuntime(specifier.value);
    case "andFilter":
    case "orFilter":
      return {
        kind: specifier.case === "andFilter" ? "and" : "or",
        filters: specifier.value.filters.flatMap((each) => compileLogFilter(context, each) ?? []),
      };
    case "headerFilter": {
      const header = specifier.value.header && compileHeader(context, specifier.value.header);
      return header && { kind: "header", header };
    }
    case "responseFlagFilter":
      return { kind: "response_flag", flags: specifier.value.flags };
    case "grpcStatusFilter":
      return { kind: "grpc_status", statuses: specifier.value.statuses, exclude: specifier.value.exclude };
    case "metadataFilter": {
      const { matcher, matchIfKeyNotFound } = specifier.value;
      if (matcher === undefined)
        return void context.unsupported({ message: specifier.value }, "a metadata filter without a matcher", "matcher");
      const compiled = compileMetadataMatcher(context, matcher);
      return compiled && { kind: "metadata", matcher: compiled, matchesMissing: matchIfKeyNotFound ?? true };
    }
    case "logTypeFilter":
      return {
        kind: "log_type",
        types: specifier.value.types.map((type) => enumName(logType, type)),
        exclude: specifier.value.exclude,
      };
    case "extensionFilter": {
      const { configType, name } = specifier.value;
      // Its type was refused by name.
      if (configType.case !== undefined) return undefined;
      return void context.unsupported({ message: specifier.value }, `the access log filter ${name}`, KINDS);
    }
    case undefined:
      return void context.missing({ message }, "the condition", KINDS);
  }
}

const KINDS =
  "status_code_filter, duration_filter, header_filter, response_flag_filter, grpc_status_filter, metadata_filter, runtime_filter, " +
  "traceable_filter, not_health_check_filter, log_type_filter, and_filter or or_filter";

function compileComparison(comparison: ComparisonFilter | undefined): ComparisonModel | undefined {
  // Absent where it was wrong: the message's own rules ask for it.
  if (comparison?.value === undefined) return undefined;
  const { defaultValue, runtimeKey } = comparison.value;
  return { op: operators[comparison.op] ?? "eq", value: defaultValue, runtimeKey };
}

function compileRuntime({ runtimeKey, percentSampled, useIndependentRandomness }: RuntimeFilter): LogFilterModel {
  return {
    kind: "runtime",
    // Without a share nothing passes unless the key says more, as in Envoy.
    fraction: runtimeFraction(runtimeKey, percentSampled),
    independent: useIndependentRandomness,
  };
}
