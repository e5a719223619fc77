/** A request that the codec refused: no filter sees it, and the access log has a line for it all the same, as Envoy's. */
import type { LogType } from "../../access-log/log-type.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { StreamFilterState, StreamMetadata } from "../chain/stream-data.ts";
import type { ProtocolError } from "../codec/codec.ts";
import type { ResponseHeaderMap } from "../headers/header-map.ts";
import { StreamFacts } from "./stream-facts.ts";
import type { ServerConnection } from "./server-connection.ts";

export class RefusedRequest extends StreamFacts implements FormatContext {
  readonly id: string;
  readonly logType: LogType = "DownstreamEnd";
  readonly requestHeaders: null = null;
  responseHeaders: ResponseHeaderMap | null;
  readonly responseFlow: null = null;
  readonly route: undefined = undefined;
  readonly metadata: StreamMetadata = new StreamMetadata();
  readonly filterState: StreamFilterState = new StreamFilterState(null);

  constructor(server: ServerConnection, error: ProtocolError) {
    const { clock } = server.manager;
    const now = clock.turnNow();
    super(server.connection.info, "", now, clock.wallNow());
    this.id = server.streamId(server.requests);
    this.responseHeaders = null;
    this.status = error.status;
    this.details = error.detail;
    this.responseStartMs = now;
    this.endMs = now;
    // A client that is only slow has broken no rule.
    if (error.status !== 408) this.addFlag("DPE");
    else if (error.detail === "stream_idle_timeout") this.addFlag("SI");
  }

  answered(headers: ResponseHeaderMap, bytes: number): void {
    this.responseHeaders = headers;
    this.status = headers.status;
    this.bytesSent = bytes;
  }

  override onTimeout(): void {}
}
