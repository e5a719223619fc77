/** What matcher trees read: of a connection, or of an HTTP stream, which is its connection and more. What is not there yet is null. */
import type { AddressInfo, ConnectionInfo, DynamicMetadata, FilterState } from "@sluice/sdk";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";

export interface ConnectionMatchData {
  readonly connection: ConnectionInfo;
  /** The client: of a stream, as the connection manager knows it. */
  readonly remote: AddressInfo;
  readonly metadata: Pick<DynamicMetadata, "get">;
  readonly filterState: Pick<FilterState, "get">;
}

export interface HttpMatchData extends ConnectionMatchData {
  readonly requestHeaders: RequestHeaderMap;
  readonly requestTrailers: HeaderMap | null;
  readonly responseHeaders: ResponseHeaderMap | null;
  readonly responseTrailers: HeaderMap | null;
}
