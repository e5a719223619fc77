/** A cluster's metrics, under Envoy's names below `cluster.<name>.`; resolved once. */
import type { Counter, Gauge, Histogram } from "@sluice/sdk";
import type { SlotGauge } from "../stats/metrics.ts";
import type { StatsScope } from "../stats/stats-store.ts";

export class ClusterStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxHttp1Total: Counter;
  readonly cxHttp2Total: Counter;
  readonly cxConnectFail: Counter;
  readonly cxConnectTimeout: Counter;
  readonly cxConnectMs: Histogram;
  readonly cxLengthMs: Histogram;
  readonly cxIdleTimeout: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxMaxDuration: Counter;
  readonly cxNoneHealthy: Counter;
  readonly cxPoolOverflow: Counter;
  readonly cxOverflow: Counter;
  readonly cxProtocolError: Counter;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyWithActiveRq: Counter;
  readonly cxDestroyRemoteWithActiveRq: Counter;
  readonly cxDestroyLocalWithActiveRq: Counter;
  readonly cxCloseNotify: Counter;
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
  readonly rqTotal: Counter;
  readonly rqActive: SlotGauge;
  readonly rqPendingTotal: Counter;
  readonly rqPendingActive: Gauge;
  readonly rqPendingOverflow: Counter;
  readonly rqPendingFailureEject: Counter;
  readonly rqCancelled: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  /** Sent again because a server promised not to have served it; Envoy has no such counter. */
  readonly rqSentAgain: Counter;
  /** Not sent again: too many were. */
  readonly rqRetryOverflow: Counter;
  readonly rqActiveOverflow: Counter;
  readonly rqMaxDuration: Counter;
  readonly membershipTotal: Gauge;
  readonly membershipHealthy: Gauge;
  readonly membershipDegraded: Gauge;
  readonly membershipChange: Counter;
  readonly flowPaused: Counter;
  readonly flowResumed: Counter;

  constructor(stats: StatsScope) {
    this.cxTotal = stats.counter("upstream_cx_total");
    this.cxActive = stats.gauge("upstream_cx_active");
    this.cxHttp1Total = stats.counter("upstream_cx_http1_total");
    this.cxHttp2Total = stats.counter("upstream_cx_http2_total");
    this.cxConnectFail = stats.counter("upstream_cx_connect_fail");
    this.cxConnectTimeout = stats.counter("upstream_cx_connect_timeout");
    this.cxConnectMs = stats.histogram("upstream_cx_connect_ms");
    this.cxLengthMs = stats.histogram("upstream_cx_length_ms");
    this.cxIdleTimeout = stats.counter("upstream_cx_idle_timeout");
    this.cxMaxRequests = stats.counter("upstream_cx_max_requests");
    this.cxMaxDuration = stats.counter("upstream_cx_max_duration_reached");
    this.cxOverflow = stats.counter("upstream_cx_overflow");
    this.cxPoolOverflow = stats.counter("upstream_cx_pool_overflow");
    this.cxNoneHealthy = stats.counter("upstream_cx_none_healthy");
    this.cxProtocolError = stats.counter("upstream_cx_protocol_error");
    this.cxDestroy = stats.counter("upstream_cx_destroy");
    this.cxDestroyLocal = stats.counter("upstream_cx_destroy_local");
    this.cxDestroyRemote = stats.counter("upstream_cx_destroy_remote");
    this.cxDestroyWithActiveRq = stats.counter("upstream_cx_destroy_with_active_rq");
    this.cxDestroyRemoteWithActiveRq = stats.counter("upstream_cx_destroy_remote_with_active_rq");
    this.cxDestroyLocalWithActiveRq = stats.counter("upstream_cx_destroy_local_with_active_rq");
    this.cxCloseNotify = stats.counter("upstream_cx_close_notify");
    this.cxRxBytes = stats.counter("upstream_cx_rx_bytes_total");
    this.cxTxBytes = stats.counter("upstream_cx_tx_bytes_total");
    this.rqTotal = stats.counter("upstream_rq_total");
    this.rqActive = stats.gauge("upstream_rq_active");
    this.rqPendingTotal = stats.counter("upstream_rq_pending_total");
    this.rqPendingActive = stats.gauge("upstream_rq_pending_active");
    this.rqPendingOverflow = stats.counter("upstream_rq_pending_overflow");
    this.rqPendingFailureEject = stats.counter("upstream_rq_pending_failure_eject");
    this.rqCancelled = stats.counter("upstream_rq_cancelled");
    this.rqRxReset = stats.counter("upstream_rq_rx_reset");
    this.rqTxReset = stats.counter("upstream_rq_tx_reset");
    this.rqSentAgain = stats.counter("upstream_rq_sent_again");
    this.rqRetryOverflow = stats.counter("upstream_rq_retry_overflow");
    this.rqActiveOverflow = stats.counter("upstream_rq_active_overflow");
    this.rqMaxDuration = stats.counter("upstream_rq_max_duration_reached");
    this.membershipTotal = stats.gauge("membership_total");
    this.membershipHealthy = stats.gauge("membership_healthy");
    this.membershipDegraded = stats.gauge("membership_degraded");
    this.membershipChange = stats.counter("membership_change");
    this.flowPaused = stats.counter("upstream_flow_control_paused_reading_total");
    this.flowResumed = stats.counter("upstream_flow_control_resumed_reading_total");
  }

  /** Its hosts, as they are now. */
  hostsAre(hosts: ReadonlyArray<{ readonly health: string }>): void {
    this.membershipTotal.set(hosts.length);
    this.membershipHealthy.set(hosts.filter(({ health }) => health === "healthy").length);
    this.membershipDegraded.set(hosts.filter(({ health }) => health === "degraded").length);
  }

  /** A connection is gone. */
  destroyed(isLocal: boolean, hadStreams: boolean): void {
    this.cxDestroy.inc();
    if (isLocal) this.cxDestroyLocal.inc();
    else this.cxDestroyRemote.inc();
    if (!hadStreams) return;
    this.cxDestroyWithActiveRq.inc();
    if (isLocal) this.cxDestroyLocalWithActiveRq.inc();
    else this.cxDestroyRemoteWithActiveRq.inc();
  }
}
