/** The short form's `health_check` and `outlier_detection` as JSON Schema. */
import type { HealthCheckConfig, OutlierDetectionConfig } from "../config/define-config.ts";
import { anyOf, count, described, duration, flag, listOf, oneOf, part, ref, text } from "./parts.ts";

const percent = { type: "integer", minimum: 0, maximum: 100 } as const;

/** Keys of `cluster`. */
export const healthOfCluster = {
  health_check: described(
    "hosts that do not pass get no traffic: a path that is asked for, or more",
    anyOf(text, ref("health_check")),
  ),
  outlier_detection: described(
    "hosts whose answers are bad get no traffic for a while",
    anyOf(flag, ref("outlier_detection")),
  ),
};

export const healthParts = {
  health_check: part<HealthCheckConfig>({
    path: described("a request for it has to be answered well", text),
    host: text,
    method: oneOf("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"),
    expect: described("statuses; default 200", listOf({ type: "integer", minimum: 100, maximum: 599 })),
    http2: flag,
    grpc: described(
      "the service that grpc.health.v1 is asked for; true: the whole server",
      anyOf({ const: true }, text),
    ),
    tcp: described("a connection has to stand", { const: true }),
    interval: duration,
    idle_interval: described("before there is any traffic; default as interval", duration),
    timeout: duration,
    unhealthy_threshold: count,
    healthy_threshold: count,
    jitter: described("percent of the interval that is added at random; default 10", percent),
    event_log: described("file of events", text),
  }),
  outlier_detection: part<OutlierDetectionConfig>({
    consecutive_5xx: count,
    consecutive_gateway_failure: described("502, 503, 504 in a row; not looked at unless told", count),
    split_local_failures: described("connections that fail are counted apart from answers", flag),
    success_rate: described("whether hosts go that do much worse than the others", flag),
    failure_percentage: described("percent of failures in one interval that is too much", percent),
    interval: duration,
    base_ejection_time: duration,
    max_ejection_time: duration,
    max_ejection_percent: percent,
    probation: described("an ejected host comes back by single requests that go well", flag),
  }),
};
