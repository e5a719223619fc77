/** Which service filters call: envoy.config.core.v3.GrpcService with `envoy_grpc`. `google_grpc` and retries of calls are left out. */
import type { GrpcMetadata } from "@sluice/sdk";
import { headerName, HEADER_VALUE } from "../header-options.ts";
import type { Section } from "../section.ts";

export interface GrpcServiceSettings {
  readonly cluster: string;
  /** Empty: the cluster's own. */
  readonly authority: string;
  /** -1: it says nothing; 0: none. */
  readonly timeoutMs: number;
  readonly metadata: GrpcMetadata;
}

const SERVICE = ["envoy_grpc", "timeout", "initial_metadata"];
const ENVOY_GRPC = ["cluster_name", "authority"];

export const GRPC_SERVICE_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  "envoy.config.core.v3.GrpcService": SERVICE,
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": ENVOY_GRPC,
};

/** @throws ConfigError */
export function parseGrpcService(owner: Section, key: string): GrpcServiceSettings {
  const service = owner.section(key, SERVICE);
  if (service === null) throw owner.wrong(key, "expected the service to ask");
  const target = service.section("envoy_grpc", ENVOY_GRPC);
  if (target === null) throw service.wrong("envoy_grpc", "expected the cluster of the service");
  const cluster = target.string("cluster_name");
  if (cluster === "") throw target.wrong("cluster_name", "expected the name of a cluster");
  const metadata: Record<string, string> = {};
  for (const header of service.list("initial_metadata", HEADER_VALUE)) {
    const name = headerName(header, "key");
    if (name.endsWith("-bin") || header.has("raw_value"))
      throw header.wrong("key", "expected metadata that is text, not bytes");
    metadata[name] = header.string("value");
  }
  return { cluster, authority: target.string("authority"), timeoutMs: service.durationMs("timeout"), metadata };
}
