/** Why an access log has a line: Envoy's AccessLogType, of the lines that Sluice writes. Rendered by `%ACCESS_LOG_TYPE%`. */
export const LOG_TYPES = [
  "NotSet",
  "TcpUpstreamConnected",
  "TcpPeriodic",
  "TcpConnectionEnd",
  "DownstreamStart",
  "DownstreamPeriodic",
  "DownstreamEnd",
  "DownstreamTunnelSuccessfullyEstablished",
] as const;
export type LogType = (typeof LOG_TYPES)[number];
