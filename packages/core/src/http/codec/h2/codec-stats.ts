/** Envoy's statistics of HTTP/2 codecs, below `http2.` for clients and `cluster.<name>.http2.` for upstreams; resolved once. */
import type { Counter, Gauge, Stats } from "@sluice/sdk";
import type { Http2Stats } from "./options.ts";

export class Http2CodecStats implements Http2Stats {
  readonly headerOverflow: Counter;
  readonly inboundEmptyFramesFlood: Counter;
  readonly inboundPriorityFramesFlood: Counter;
  readonly inboundWindowUpdateFramesFlood: Counter;
  readonly keepaliveTimeout: Counter;
  readonly outboundControlFlood: Counter;
  readonly outboundFlood: Counter;
  readonly rxMessagingError: Counter;
  readonly rxReset: Counter;
  readonly streamRefusedErrors: Counter;
  readonly trailers: Counter;
  readonly txFlushTimeout: Counter;
  readonly txReset: Counter;
  readonly goawaySent: Counter;
  readonly tooManyPrematureResets: Http2Stats["tooManyPrematureResets"];
  readonly streamsActive: Gauge;
  readonly pendingSendBytes: Gauge;

  /** `stats`: the scope that ends in `http2.`; `tooManyPrematureResets` stands elsewhere, with the connection manager's own. */
  constructor(stats: Stats, tooManyPrematureResets: Http2Stats["tooManyPrematureResets"]) {
    this.headerOverflow = stats.counter("header_overflow");
    this.inboundEmptyFramesFlood = stats.counter("inbound_empty_frames_flood");
    this.inboundPriorityFramesFlood = stats.counter("inbound_priority_frames_flood");
    this.inboundWindowUpdateFramesFlood = stats.counter("inbound_window_update_frames_flood");
    this.keepaliveTimeout = stats.counter("keepalive_timeout");
    this.outboundControlFlood = stats.counter("outbound_control_flood");
    this.outboundFlood = stats.counter("outbound_flood");
    this.rxMessagingError = stats.counter("rx_messaging_error");
    this.rxReset = stats.counter("rx_reset");
    this.streamRefusedErrors = stats.counter("stream_refused_errors");
    this.trailers = stats.counter("trailers");
    this.txFlushTimeout = stats.counter("tx_flush_timeout");
    this.txReset = stats.counter("tx_reset");
    this.goawaySent = stats.counter("goaway_sent");
    this.tooManyPrematureResets = tooManyPrematureResets;
    this.streamsActive = stats.gauge("streams_active");
    this.pendingSendBytes = stats.gauge("pending_send_bytes");
  }
}
