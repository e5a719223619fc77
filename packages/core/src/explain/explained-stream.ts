/** The stream of a request that is only explained: what routes and formats read of one, with nothing in it that only running filters could leave. */
import type { AddressInfo, ConnectionInfo } from "@sluice/sdk";
import type { FormatContext } from "../formatter/context.ts";
import { HTTP_1_1 } from "../http/codec/codec.ts";
import { StreamFilterState, StreamMetadata } from "../http/chain/stream-data.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import { StreamFacts } from "../http/manager/stream-facts.ts";
import type { RouteFacts } from "../http/route/types.ts";

export class ExplainedStream extends StreamFacts implements FormatContext, RouteFacts {
  readonly id = "1";
  readonly logType = "NotSet";
  readonly requestHeaders: RequestHeaderMap;
  readonly responseHeaders: null = null;
  readonly responseFlow: null = null;
  readonly route: undefined = undefined;
  readonly metadata: StreamMetadata = new StreamMetadata();
  readonly filterState: StreamFilterState = new StreamFilterState(null);

  constructor(connection: ConnectionInfo, remote: AddressInfo, headers: RequestHeaderMap) {
    super(connection, HTTP_1_1, 0, 0);
    this.remote = remote;
    this.requestHeaders = headers;
  }

  /** Nobody asks where nothing is left to chance. */
  routeRandom(): number {
    return 0;
  }

  override onTimeout(): void {}
}
