/**
 * Hot path (`get`, `openStream`, `connect`): docs/extending/hot-path-rules.md. Clusters as one filter sees them. A filter's view of a cluster is made once for each
 * version of the cluster; what the filter begins through it ends with the filter.
 */
import type {
  Cluster,
  Clusters,
  ConnectionInfo,
  GrpcClient,
  GrpcClientOptions,
  HostChoice,
  HostLookup,
  OpenFailure,
  RequestHeaders,
  RetryAllowance,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamRequest,
  UpstreamRequestInit,
  UpstreamResponse,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { Timers } from "../../timing/clock.ts";
import type { ClusterSource, UpstreamCluster } from "../cluster-source.ts";
import type { OpenCalls } from "./open-calls.ts";
import { newRequestHead } from "./request-head.ts";
import { sendRequest } from "./upstream-call.ts";

export class FilterClusters implements Clusters {
  readonly #source: ClusterSource;
  readonly #timers: Timers;
  readonly #calls: OpenCalls;
  readonly #views = new Map<string, FilterCluster>();
  /** The one asked for last: most filters use one. */
  #last: FilterCluster | null = null;

  constructor(source: ClusterSource, timers: Timers, calls: OpenCalls) {
    this.#source = source;
    this.#timers = timers;
    this.#calls = calls;
  }

  get(name: string): Cluster | undefined {
    const cluster = this.#source.get(name);
    const last = this.#last;
    if (last !== null && last.cluster === cluster) return last;
    if (cluster === undefined) {
      this.#views.delete(name);
      return undefined;
    }
    let view = this.#views.get(name);
    if (view === undefined || view.cluster !== cluster) {
      view = new FilterCluster(cluster, this.#timers, this.#calls);
      this.#views.set(name, view);
    }
    this.#last = view;
    return view;
  }
}

const UNLIMITED: RetryAllowance = { take: () => true, giveBack() {} };

class FilterCluster implements Cluster {
  readonly cluster: UpstreamCluster;
  readonly name: string;
  readonly statName: string;
  readonly timers: Timers;
  readonly calls: OpenCalls;

  constructor(cluster: UpstreamCluster, timers: Timers, calls: OpenCalls) {
    this.cluster = cluster;
    this.name = cluster.name;
    this.statName = cluster.statName;
    this.timers = timers;
    this.calls = calls;
  }

  openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure {
    return this.cluster.openStream(events, request);
  }

  connect(
    events: UpstreamConnectionEvents,
    client?: ConnectionInfo | null,
    choice?: HostChoice | null,
  ): UpstreamConnection | OpenFailure {
    return this.cluster.connect(events, client, choice);
  }

  refusal(isHighPriority = false): OpenFailure | null {
    return this.cluster.refusal?.(isHighPriority) ?? null;
  }

  get retries(): RetryAllowance {
    return this.cluster.retries ?? UNLIMITED;
  }

  newRequest(method: string, authority: string, path = ""): RequestHeaders {
    return newRequestHead(method, authority, path, this.cluster.isSecure === true ? "https" : "http");
  }

  lookUp(authority: string): HostLookup | Promise<HostLookup> | null {
    return this.cluster.lookUp?.(authority) ?? null;
  }

  request(init: UpstreamRequestInit): Promise<UpstreamResponse> {
    return sendRequest(this.cluster, init, this.timers, this.calls);
  }

  grpc(options: GrpcClientOptions = {}): GrpcClient {
    const { cluster } = this;
    if (cluster.grpcClient === undefined) throw new TypeError(`cluster "${this.name}" takes no gRPC calls`);
    return cluster.grpcClient(options, this.calls);
  }
}
