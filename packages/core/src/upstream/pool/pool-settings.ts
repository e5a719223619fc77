/** What all pools of a cluster have in common, as its configuration says. */
import type { ClusterModel, HeaderCaseModel } from "../../config/model.ts";
import { Http2CodecStats } from "../../http/codec/h2/codec-stats.ts";
import { HTTP2_CLIENT_DEFAULTS, type Http2Environment, NO_HTTP2_STATS } from "../../http/codec/h2/index.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { WorkerServices } from "../../worker/services.ts";
import type { PoolSettings } from "./host-pool.ts";

const LOWER_CASE: HeaderCaseModel = { style: "lower", preserves: false };

export function poolSettings(model: ClusterModel): PoolSettings {
  const { http } = model;
  return {
    http1: {
      maxHeadBytes: http.maxResponseHeadersBytes,
      maxHeaders: http.maxHeadersCount,
      enableTrailers: http.enableTrailers,
      allowChunkedLength: http.allowChunkedLength ?? false,
      headerCase: http.headerCase ?? LOWER_CASE,
    },
    http2: {
      ...HTTP2_CLIENT_DEFAULTS,
      ...http.http2,
      maxHeaders: http.maxHeadersCount,
      streamBufferBytes: Math.min(model.bufferLimitBytes, HTTP2_CLIENT_DEFAULTS.streamBufferBytes),
    },
    connectTimeoutMs: model.connectTimeoutMs,
    idleTimeoutMs: http.idleTimeoutMs,
    maxAgeMs: http.maxConnectionDurationMs,
    maxRequests: http.maxRequestsPerConnection,
    maxStreamMs: http.maxStreamDurationMs,
    preconnectRatio: model.preconnect.perUpstream,
  };
}

export function http2Environment(
  { clock, timers, flushQueue, random }: Pick<WorkerServices, "clock" | "timers" | "flushQueue" | "random">,
  scope: StatsScope,
): Http2Environment {
  const stats = new Http2CodecStats(scope.under("http2."), NO_HTTP2_STATS.tooManyPrematureResets);
  return { clock, timers, flushQueue, stats, random: () => random.next() };
}
