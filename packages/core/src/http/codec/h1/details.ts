/**
 * The stable words that the HTTP/1 codec gives for what it refuses. Envoy's where Envoy has one (its HTTP/1 codec and connection manager); the rest
 * follow the same form.
 */
export const DETAILS = {
  codecError: "http1.codec_error",
  invalidCharacters: "http1.invalid_characters",
  invalidUrl: "http1.invalid_url",
  invalidScheme: "http1.invalid_scheme",
  invalidHost: "http1.invalid_host",
  invalidTransferEncoding: "http1.invalid_transfer_encoding",
  transferEncodingNotAllowed: "http1.transfer_encoding_not_allowed",
  contentLengthNotAllowed: "http1.content_length_not_allowed",
  contentLengthAndChunked: "http1.content_length_and_chunked_not_allowed",
  invalidContentLength: "http1.invalid_content_length",
  bodyDisallowed: "http1.body_disallowed",
  connectionRejected: "http1.connection_header_rejected",
  invalidUpgrade: "http1.invalid_upgrade",
  unsupportedVersion: "http1.unsupported_version",
  unsupportedMethod: "http1.unsupported_method",
  uriTooLong: "http1.uri_too_long",
  headTooLarge: "request_headers_too_large",
  responseHeadTooLarge: "response_headers_too_large",
  tooManyHeaders: "too_many_headers",
  missingHost: "missing_host_header",
  lowVersion: "low_version",
  absolutePathRejected: "absolute_path_rejected",
  /** The sender gave more or fewer bytes than its `content-length` said. */
  bodyLengthMismatch: "http1.body_length_mismatch",
  dataBeforeSwitch: "http1.data_before_switch",
  unexpectedSwitch: "http1.unexpected_switch",
  unexpectedData: "http1.unexpected_data",
  tooManyInformational: "http1.too_many_informational",
  /** The response is whole while its request is not: HTTP/1 cannot go on with this connection. */
  earlyResponse: "response_before_request_complete",
  clientGone: "downstream_remote_disconnect",
  upstreamGone: "upstream_remote_disconnect",
} as const;
