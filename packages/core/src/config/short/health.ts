/** `health_check` and `outlier_detection` of clusters. */
import { outlierMetadata } from "../compile/outlier.ts";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { addMetadata } from "./cluster-metadata.ts";
import { Section } from "./section.ts";

const DEFAULT_INTERVAL = "10s";

export function adaptHealth(section: Section, made: JsonObject): void {
  adaptCheck(section, made);
  adaptOutlier(section, made);
}

/** A path alone, or a mapping. */
function adaptCheck(section: Section, made: JsonObject): void {
  const key = "health_check";
  const value = section.get(key);
  if (value === undefined) return;
  if (typeof value === "string") {
    const http = section.make<JsonObject>({ path: value }, key);
    section.context.derived.markEntry(http, "path", section.value, key);
    section.put(
      made,
      "health_checks",
      section.make([section.make({ ...timing, http_health_check: http }, key)], key),
      key,
    );
    return;
  }
  const check = section.section("health_check", key);
  if (check === undefined) return;
  const which = check.onlyOne(["path", "grpc", "tcp"]);
  if (which === undefined) return check.missing(["path", "grpc", "tcp"]);
  const long = check.make<JsonObject>({ ...timing });
  check.copyAll(
    {
      interval: "interval",
      timeout: "timeout",
      unhealthy_threshold: "unhealthy_threshold",
      healthy_threshold: "healthy_threshold",
      jitter: "interval_jitter_percent",
      event_log: "event_log_path",
    },
    long,
  );
  check.copy(check.has("idle_interval") ? "idle_interval" : "interval", long, "no_traffic_interval");
  if (which === "path") long["http_health_check"] = adaptHttp(check);
  else {
    for (const other of httpKeys) if (check.has(other)) misplaced(check, other, which);
    if (which === "tcp") {
      // What is not asked for is left out.
      if (check.get("tcp") !== true) check.context.wrongType(check.value, "tcp", "true");
      long["tcp_health_check"] = check.make({}, "tcp");
    } else long["grpc_health_check"] = adaptGrpc(check);
  }
  section.put(made, "health_checks", section.make([long], key), key);
}

/** Envoy has no default of these. */
const timing = {
  interval: DEFAULT_INTERVAL,
  no_traffic_interval: DEFAULT_INTERVAL,
  timeout: "3s",
  unhealthy_threshold: 3,
  healthy_threshold: 2,
  interval_jitter_percent: 10,
};

const httpKeys = ["host", "method", "expect", "http2"] as const;

function misplaced(check: Section, key: string, which: string): void {
  if (key === "host" && which === "grpc") return;
  check.error(key, { code: "ERR_CONFIG_CONFLICT", message: `"${key}" stands beside "${which}"`, expected: "path" });
}

function adaptHttp(check: Section): JsonObject {
  const http = check.make<JsonObject>({});
  check.copyAll({ path: "path", host: "host", method: "method" }, http);
  const expect = check.list("expect");
  if (expect !== undefined) {
    const ranges = expect.flatMap((status, index) => range(check, expect, status, index));
    check.put(http, "expected_statuses", ranges, "expect");
  }
  if (check.flag("http2") === true) check.put(http, "codec_client_type", "HTTP2", "http2");
  return http;
}

function range(check: Section, list: readonly Json[], status: Json, index: number): Json[] {
  if (typeof status !== "number" || !Number.isInteger(status)) {
    check.context.wrongType(list, index, "a status like 200");
    return [];
  }
  return [check.context.derived.mark<JsonObject>({ start: status, end: status + 1 }, list, index)];
}

function adaptGrpc(check: Section): JsonObject {
  const grpc = check.make<JsonObject>({}, "grpc");
  if (check.get("grpc") !== true) check.copy("grpc", grpc, "service_name");
  check.copy("host", grpc, "authority");
  return grpc;
}

/** `true`, or a mapping. */
function adaptOutlier(section: Section, made: JsonObject): void {
  const key = "outlier_detection";
  const value = section.get(key);
  if (value === undefined || value === false) return;
  const outlier = value === true ? Section.standIn(section.context, section.value, key) : section.section(key, key);
  if (outlier === undefined) return;
  const long = outlier.make<JsonObject>({ max_ejection_percent: 50 });
  outlier.copyAll(
    {
      consecutive_5xx: "consecutive_5xx",
      consecutive_gateway_failure: "consecutive_gateway_failure",
      split_local_failures: "split_external_local_origin_errors",
      failure_percentage: "failure_percentage_threshold",
      interval: "interval",
      base_ejection_time: "base_ejection_time",
      max_ejection_time: "max_ejection_time",
      max_ejection_percent: "max_ejection_percent",
    },
    long,
  );
  if (outlier.has("consecutive_gateway_failure"))
    outlier.put(long, "enforcing_consecutive_gateway_failure", 100, "consecutive_gateway_failure");
  if (outlier.has("failure_percentage")) outlier.put(long, "enforcing_failure_percentage", 100, "failure_percentage");
  if (outlier.flag("success_rate") === false) {
    outlier.put(long, "enforcing_success_rate", 0, "success_rate");
    outlier.put(long, "enforcing_local_origin_success_rate", 0, "success_rate");
  }
  section.put(made, key, long, key);
  if (outlier.flag("probation") !== true) return;
  const options = outlier.make({ probation: true }, "probation");
  addMetadata(section, made, outlierMetadata, options, key);
}
