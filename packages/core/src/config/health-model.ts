/** What a cluster's hosts are judged by: active health checks and outlier detection. Plain data with Envoy's defaults filled in; durations are milliseconds. */
import type { AddressModel, ConfigPlace } from "./model.ts";
import type { HeaderValueModel } from "./route-model.ts";
import type { StringMatcherModel } from "./model.ts";

export interface ClusterHealthModel {
  readonly check: HealthCheckModel | null;
  readonly outlier: OutlierModel | null;
  /** A host that discovery no longer names goes at once; otherwise one that passes its checks stays until it fails. */
  readonly ignoreHealthOnHostRemoval: boolean;
  /** Connections to a host that fails its checks are closed, with what they carry. */
  readonly closeConnectionsOnFailure: boolean;
}

/** Of one endpoint. Envoy: Endpoint.HealthCheckConfig. */
export interface EndpointHealthModel {
  /** 0: the endpoint's own. */
  readonly port: number;
  /** null: the endpoint's own. */
  readonly address: AddressModel | null;
  /** Empty: what the check says. */
  readonly hostname: string;
  readonly disabled: boolean;
}

export interface HealthCheckModel {
  readonly probe: ProbeModel;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Before the first check of a host: at random up to this. */
  readonly initialJitterMs: number;
  readonly intervalJitterMs: number;
  readonly intervalJitterPercent: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly noTrafficIntervalMs: number;
  readonly noTrafficHealthyIntervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  readonly reuseConnection: boolean;
  readonly logsAllFailures: boolean;
  readonly logsAllSuccesses: boolean;
  /** Files of events; at least none. */
  readonly eventLogs: readonly string[];
  /** Protocols that its TLS offers; empty: what the check speaks. */
  readonly alpn: readonly string[];
  readonly place: ConfigPlace;
}

/** From the first to before the second. */
export type StatusRangeModel = readonly [number, number];

/** Bytes are hexadecimal text. */
export type ProbeModel =
  | {
      readonly kind: "http";
      readonly protocol: "http1" | "http2";
      readonly method: string;
      readonly path: string;
      /** Empty: the cluster's name. */
      readonly host: string;
      readonly send: string;
      /** In this order, with anything between them; empty: whatever comes. */
      readonly receive: readonly string[];
      /** Bytes of the body that are looked at; 0: all. */
      readonly bufferBytes: number;
      readonly addHeaders: readonly HeaderValueModel[];
      readonly removeHeaders: readonly string[];
      readonly expected: readonly StatusRangeModel[];
      readonly retriable: readonly StatusRangeModel[];
      readonly serviceName: StringMatcherModel | null;
    }
  | { readonly kind: "tcp"; readonly send: string; readonly receive: readonly string[] }
  | {
      readonly kind: "grpc";
      readonly service: string;
      /** Empty: the cluster's name. */
      readonly authority: string;
      readonly metadata: readonly HeaderValueModel[];
    };

/** Envoy: OutlierDetection. Each is the default of a runtime key of its Envoy name; percentages are 0 to 100. */
export interface OutlierModel {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionJitterMs: number;
  readonly maxEjectionPercent: number;
  readonly enforcingConsecutive5xx: number;
  readonly enforcingConsecutiveGatewayFailure: number;
  readonly enforcingConsecutiveLocalOriginFailure: number;
  readonly enforcingSuccessRate: number;
  readonly enforcingLocalOriginSuccessRate: number;
  readonly enforcingFailurePercentage: number;
  readonly enforcingLocalOriginFailurePercentage: number;
  readonly successRateMinimumHosts: number;
  readonly successRateRequestVolume: number;
  /** Thousandths. */
  readonly successRateStdevFactor: number;
  readonly failurePercentageThreshold: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
  readonly splitsLocalOrigin: boolean;
  readonly alwaysEjectsOne: boolean;
  readonly checkUnejects: boolean;
  /** An ejected host whose time is over comes back by single requests. Ours: metadata `sluice.outlier_detection`. */
  readonly probation: boolean;
  /** File of events; empty: none. Envoy: cluster_manager.outlier_detection.event_log_path. */
  readonly eventLog: string;
  readonly place: ConfigPlace;
}
