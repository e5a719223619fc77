/** The stable words that the HTTP/2 codec gives for what it refuses. Envoy's where Envoy has one; the rest follow the same form. */
export const DETAILS = {
  // Streams.
  remoteReset: "http2.remote_reset",
  /** The peer promises that it has not processed the request (REFUSED_STREAM, or beyond its GOAWAY): safe to send again. */
  remoteRefused: "http2.remote_refuse",
  messagingRule: "http2.violation.of.messaging.rule",
  invalidHeader: "http2.invalid.header.field",
  tooManyHeaders: "http2.too_many_headers",
  bodyLengthMismatch: "http2.body_length_mismatch",
  /** What the engine sends contradicts its own headers. */
  invalidResponse: "http2.invalid_response",
  invalidRequest: "http2.invalid_request",
  invalidTrailers: "http2.invalid_trailers",
  selfDependency: "http2.self_dependency",
  streamClosed: "http2.stream_closed",
  tooManyInformational: "http2.too_many_informational",
  /** An upgrade was to be sent before the server has said that it takes extended CONNECT, or it does not. */
  connectNotEnabled: "http2.extended_connect_not_enabled",
  flushTimeout: "http2.stream_flush_timeout",
  earlyResponse: "response_before_request_complete",
  // Connections.
  badPreface: "http2.bad_preface",
  noSettingsFirst: "http2.no_settings",
  frameTooLarge: "http2.frame_too_large",
  badStreamId: "http2.bad_stream_id",
  badLength: "http2.bad_frame_length",
  badPadding: "http2.bad_padding",
  blockInterrupted: "http2.header_block_interrupted",
  blockTooLarge: "http2.header_block_too_large",
  unexpectedContinuation: "http2.unexpected_continuation",
  pushPromise: "http2.push_promise",
  idleStream: "http2.idle_stream",
  compression: "http2.header_compression_error",
  badSettings: "http2.bad_settings",
  settingsTimeout: "http2.settings_timeout",
  windowOverflow: "http2.window_overflow",
  windowIncrement: "http2.window_increment_zero",
  windowExceeded: "http2.flow_control_exceeded",
  badGoaway: "http2.bad_goaway",
  keepaliveTimeout: "http2.keepalive_timeout",
  // Floods.
  outboundFlood: "http2.outbound_frames_flood",
  outboundControlFlood: "http2.outbound_control_frames_flood",
  emptyFramesFlood: "http2.inbound_empty_frames_flood",
  priorityFlood: "http2.inbound_priority_frames_flood",
  windowUpdateFlood: "http2.inbound_window_update_frames_flood",
  prematureResets: "too_many_premature_resets",
  tooManyResets: "http2.too_many_resets",
  // The transport.
  clientGone: "downstream_remote_disconnect",
  upstreamGone: "upstream_remote_disconnect",
} as const;
