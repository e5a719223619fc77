/** The clusters of one thread, as everything in core hands them on; what a filter sees of one is made from it, per filter. */
import type { Cluster, GrpcClient, GrpcClientOptions, HostLookup, OpenFailure, RetryAllowance } from "@sluice/sdk";
import type { OpenCalls } from "./request/open-calls.ts";

export interface UpstreamCluster extends Pick<Cluster, "name" | "statName" | "openStream" | "connect"> {
  /** Whether its connections are TLS. @default false */
  readonly isSecure?: boolean;
  /** Absent: nobody can tell. */
  refusal?(isHighPriority: boolean): OpenFailure | null;
  /** Absent: there is always room. */
  readonly retries?: RetryAllowance;
  /** Absent where its hosts are not those that requests ask for. */
  lookUp?(authority: string): HostLookup | Promise<HostLookup> | null;
  /** A client whose calls `calls` knows, so that it can end them. Absent where the cluster takes no gRPC calls (one that a test plays). */
  grpcClient?(options: GrpcClientOptions, calls: OpenCalls): GrpcClient;
}

export interface ClusterSource {
  /** The cluster of that name as configured now. */
  get(name: string): UpstreamCluster | undefined;
}
