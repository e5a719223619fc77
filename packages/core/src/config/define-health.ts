/** Types of the short form's `health_check` and `outlier_detection` of clusters. */
import type { DurationText } from "./define-config.ts";

/** One of `path`, `grpc`, `tcp`. */
export interface HealthCheckConfig {
  /** A request for it has to be answered with one of `expect`. */
  readonly path?: string;
  /** Unless told: the cluster's name. */
  readonly host?: string;
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH";
  /** Statuses. @default [200] */
  readonly expect?: readonly number[];
  readonly http2?: boolean;
  /** The service that is asked for (grpc.health.v1); `true`: the server as a whole. */
  readonly grpc?: true | string;
  /** A connection has to stand. */
  readonly tcp?: true;
  /** @default 10s */
  readonly interval?: DurationText;
  /** Before there is any traffic. @default as interval */
  readonly idle_interval?: DurationText;
  /** @default 3s */
  readonly timeout?: DurationText;
  /** Checks in a row that fail before a host is out; a bad answer is believed at once. @default 3 */
  readonly unhealthy_threshold?: number;
  /** Checks in a row that pass before it is in again. @default 2 */
  readonly healthy_threshold?: number;
  /** Percent of the interval that is added at random. @default 10 */
  readonly jitter?: number;
  /** File of events. */
  readonly event_log?: string;
}

export interface OutlierDetectionConfig {
  /** @default 5 */
  readonly consecutive_5xx?: number;
  /** 502, 503, 504 in a row; not looked at unless told. */
  readonly consecutive_gateway_failure?: number;
  /** Connections that fail are counted apart from answers. @default false */
  readonly split_local_failures?: boolean;
  /** Whether hosts go that do much worse than the others. @default true */
  readonly success_rate?: boolean;
  /** Percent of failures in one interval that is too much; not looked at unless told. */
  readonly failure_percentage?: number;
  /** @default 10s */
  readonly interval?: DurationText;
  /** Each time longer by as much. @default 30s */
  readonly base_ejection_time?: DurationText;
  /** @default 300s */
  readonly max_ejection_time?: DurationText;
  /** Of all hosts. @default 50 */
  readonly max_ejection_percent?: number;
  /** An ejected host comes back by single requests that go well, not by time alone. @default false */
  readonly probation?: boolean;
}
