/** A connection pool of one host: HTTP/1 is the first kind; another protocol is another class behind the same interface. */
import type { OpenFailure, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";

export interface Pool {
  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure;
  /** The host is gone from the cluster: idle connections close now, the others when their stream ends. */
  drain(): void;
  /** Called once, after `drain`, when nothing is left. */
  onEmpty: (() => void) | null;
}
