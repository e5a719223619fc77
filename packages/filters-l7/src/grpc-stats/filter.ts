/** Hot path. Counts gRPC calls and their messages as they go by; changes nothing. */
import {
  type Clock,
  type Clusters,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  isGrpcType,
} from "@sluice/sdk";
import { type GrpcCounters, GrpcCountersByCluster } from "../shared/grpc-counters.ts";
import { GrpcFrames } from "../shared/grpc-frames.ts";
import { isGrpcResponse, isMethodPath, withoutQuery } from "../shared/grpc.ts";
import type { GrpcStatsSettings } from "./config.ts";

/** Key of the filter state. */
const STATE = "envoy.filters.http.grpc_stats";

/** Envoy: grpc_stats.v3.FilterObject, as access logs show it. */
class GrpcMessageCounts {
  request_message_count: number;
  response_message_count: number;

  constructor() {
    this.request_message_count = 0;
    this.response_message_count = 0;
  }
}

export class GrpcStatsState {
  /** null: the stream is no gRPC call, or nothing is counted of it. */
  counters: GrpcCounters | null;
  /** null: no gRPC goes that way. */
  requestFrames: GrpcFrames | null;
  responseFrames: GrpcFrames | null;
  emitted: GrpcMessageCounts | null;
  /** When the request's end went by; -1 before. */
  requestEndMs: number;
  isLocalReply: boolean;

  constructor() {
    this.counters = null;
    this.requestFrames = null;
    this.responseFrames = null;
    this.emitted = null;
    this.requestEndMs = -1;
    this.isLocalReply = false;
  }
}

type Stream = HttpStream<GrpcStatsState>;

export class GrpcStatsFilter implements HttpFilter<GrpcStatsState> {
  readonly #settings: GrpcStatsSettings;
  readonly #clusters: Clusters;
  readonly #clock: Clock;
  readonly #counters: GrpcCountersByCluster;

  constructor(settings: GrpcStatsSettings, context: FilterContext) {
    this.#settings = settings;
    this.#clusters = context.clusters;
    this.#clock = context.clock;
    this.#counters = new GrpcCountersByCluster(
      context.rootStats,
      "grpc",
      settings.methods === "all" && settings.replacesDots,
    );
  }

  onRequestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): void {
    if (!isGrpcType(headers.get("content-type"))) return;
    const { state } = stream;
    state.requestFrames = new GrpcFrames();
    state.counters = this.#countersOf(headers.path, stream);
    if (end) state.requestEndMs = this.#clock.turnNow();
  }

  /** null: the path is no method's, or there is no such cluster. */
  #countersOf(path: string, stream: Stream): GrpcCounters | null {
    const { route } = stream;
    if (route === undefined || route.kind !== "forward") return null;
    const cluster = this.#clusters.get(route.clusterName);
    const method = withoutQuery(path);
    if (cluster === undefined || !isMethodPath(method)) return null;
    const { methods } = this.#settings;
    const isNamed = methods === "all" || (methods !== null && methods.has(method));
    return isNamed ? this.#counters.method(cluster.statName, method) : this.#counters.rest(cluster.statName);
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): void {
    const { state } = stream;
    if (state.requestFrames === null) return;
    const begun = state.requestFrames.add(data);
    if (begun > 0) {
      state.counters?.requestMessages(begun);
      if (this.#settings.emitsState) emit(state, stream);
    }
    if (end) state.requestEndMs = this.#clock.turnNow();
  }

  onRequestTrailers(_trailers: Headers, stream: Stream): void {
    stream.state.requestEndMs = this.#clock.turnNow();
  }

  onLocalReply(_reply: unknown, stream: Stream): void {
    stream.state.isLocalReply = true;
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean, stream: Stream): void {
    const { state } = stream;
    if (state.requestFrames === null) return;
    if (!end && isGrpcResponse(headers, false)) state.responseFrames = new GrpcFrames();
    if (state.counters === null) return;
    state.counters.ended(headers);
    if (end) this.#took(state);
  }

  onResponseData(data: Uint8Array, _end: boolean, stream: Stream): void {
    const { state } = stream;
    if (state.responseFrames === null) return;
    const begun = state.responseFrames.add(data);
    if (begun === 0) return;
    state.counters?.responseMessages(begun);
    if (this.#settings.emitsState) emit(state, stream);
  }

  onResponseTrailers(trailers: Headers, stream: Stream): void {
    const { state } = stream;
    if (state.counters === null) return;
    state.counters.ended(trailers);
    this.#took(state);
  }

  /** The response's end went by. */
  #took(state: GrpcStatsState): void {
    if (!this.#settings.timesUpstream || state.isLocalReply || state.requestEndMs === -1) return;
    state.counters!.upstreamTook(this.#clock.turnNow() - state.requestEndMs);
  }
}

function emit(state: GrpcStatsState, stream: Stream): void {
  let { emitted } = state;
  if (emitted === null) {
    state.emitted = emitted = new GrpcMessageCounts();
    stream.filterState.set(STATE, emitted);
  }
  emitted.request_message_count = state.requestFrames!.count;
  emitted.response_message_count = state.responseFrames?.count ?? 0;
}
