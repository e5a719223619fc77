/** Lines of Envoy's health check event log: envoy.data.core.v3.HealthCheckEvent as JSON. */
import type { AddressModel, ProbeModel } from "../../config/model.ts";

export type FailureType = "ACTIVE" | "PASSIVE" | "NETWORK" | "NETWORK_TIMEOUT";

export type CheckEvent =
  | { readonly kind: "eject_unhealthy"; readonly failure: FailureType }
  | { readonly kind: "add_healthy"; readonly isFirst: boolean }
  | { readonly kind: "failure"; readonly failure: FailureType; readonly isFirst: boolean }
  | { readonly kind: "degraded" | "no_longer_degraded" | "successful" };

const CHECKERS: Readonly<Record<ProbeModel["kind"], string>> = { http: "HTTP", tcp: "TCP", grpc: "GRPC" };

export function checkEventLine(
  kind: ProbeModel["kind"],
  cluster: string,
  address: AddressModel,
  wallMs: number,
  event: CheckEvent,
): string {
  const line = {
    health_checker_type: CHECKERS[kind],
    host: hostOf(address),
    cluster_name: cluster,
    ...detailsOf(event),
    timestamp: new Date(wallMs).toISOString(),
  };
  return `${JSON.stringify(line)}\n`;
}

function hostOf(address: AddressModel): unknown {
  if (address.kind === "pipe") return { pipe: { path: address.path, mode: address.mode } };
  return {
    socket_address: {
      protocol: "TCP",
      address: address.host,
      port_value: address.port,
      resolver_name: "",
      ipv4_compat: false,
    },
  };
}

function detailsOf(event: CheckEvent): Record<string, unknown> {
  switch (event.kind) {
    case "eject_unhealthy":
      return { eject_unhealthy_event: { failure_type: event.failure } };
    case "add_healthy":
      return { add_healthy_event: { first_check: event.isFirst } };
    case "failure":
      return { health_check_failure_event: { failure_type: event.failure, first_check: event.isFirst } };
    case "degraded":
      return { degraded_healthy_host: {} };
    case "no_longer_degraded":
      return { no_longer_degraded_host: {} };
    case "successful":
      return { successful_health_check_event: {} };
  }
}
