/** What command operators read: facts of one stream or connection. The connection manager's stream satisfies it as it is; a TCP connection leaves the HTTP parts null. */
import type { DynamicMetadata, FilterState, StreamInfo } from "@sluice/sdk";
import type { LogType } from "../access-log/log-type.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";

export interface FormatContext extends StreamInfo {
  /** Unique in the process. */
  readonly id: string;
  /** Why a line is written now. */
  readonly logType: LogType;
  /** Why a network filter or the chain itself ended the connection; empty where none did, and of HTTP streams. */
  readonly terminationDetails: string;
  readonly requestHeaders: RequestHeaderMap | null;
  readonly responseHeaders: ResponseHeaderMap | null;
  readonly responseFlow: { readonly trailers: HeaderMap | null } | null;
  /** The route taken; undefined while none was asked for: a log line never makes one match. */
  readonly route: { readonly name: string; readonly virtualHost: string } | null | undefined;
  readonly metadata: DynamicMetadata;
  readonly filterState: FilterState;
}
