/** Lines of Envoy's outlier event log: envoy.data.cluster.v3.OutlierDetectionEvent as JSON, with the fields that Envoy's has in their order. */
import type { EjectionType } from "./outlier-stats.ts";

export interface EjectEvent {
  readonly type: EjectionType;
  readonly cluster: string;
  readonly address: string;
  readonly ejections: number;
  readonly enforced: boolean;
  /** null: it never came back before. */
  readonly sinceLastMs: number | null;
  readonly wallMs: number;
  /** Of the last interval; -1: none. */
  readonly hostRate: number;
  readonly average: number;
  readonly threshold: number;
}

const TYPES: Readonly<Record<EjectionType, string>> = {
  consecutive_5xx: "CONSECUTIVE_5XX",
  consecutive_gateway_failure: "CONSECUTIVE_GATEWAY_FAILURE",
  consecutive_local_origin_failure: "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
  success_rate: "SUCCESS_RATE",
  local_origin_success_rate: "SUCCESS_RATE_LOCAL_ORIGIN",
  failure_percentage: "FAILURE_PERCENTAGE",
  local_origin_failure_percentage: "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
};

export function ejectLine(event: EjectEvent): string {
  return line({
    type: TYPES[event.type],
    cluster_name: event.cluster,
    upstream_url: event.address,
    action: "EJECT",
    num_ejections: event.ejections,
    enforced: event.enforced,
    ...details(event),
    ...when(event.wallMs, event.sinceLastMs),
  });
}

export function unejectLine(
  event: Pick<EjectEvent, "cluster" | "address" | "ejections" | "sinceLastMs" | "wallMs">,
): string {
  return line({
    type: TYPES.consecutive_5xx,
    cluster_name: event.cluster,
    upstream_url: event.address,
    action: "UNEJECT",
    num_ejections: event.ejections,
    enforced: false,
    ...when(event.wallMs, event.sinceLastMs),
  });
}

/** Envoy's messages take whole percents. */
function details({ type, hostRate, average, threshold }: EjectEvent): Record<string, unknown> {
  const percent = (rate: number): number => Math.max(0, Math.floor(rate));
  switch (type) {
    case "success_rate":
    case "local_origin_success_rate":
      return {
        eject_success_rate_event: {
          host_success_rate: percent(hostRate),
          cluster_average_success_rate: percent(average),
          cluster_success_rate_ejection_threshold: percent(threshold),
        },
      };
    case "failure_percentage":
    case "local_origin_failure_percentage":
      return { eject_failure_percentage_event: { host_success_rate: percent(hostRate) } };
    default:
      return { eject_consecutive_event: {} };
  }
}

function when(wallMs: number, sinceLastMs: number | null): Record<string, unknown> {
  return {
    timestamp: new Date(wallMs).toISOString().replace(".000Z", "Z"),
    ...(sinceLastMs === null ? {} : { secs_since_last_action: String(Math.floor(sinceLastMs / 1000)) }),
  };
}

function line(event: Record<string, unknown>): string {
  return `${JSON.stringify(event)}\n`;
}
