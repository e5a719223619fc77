/** The route that a stream took, as filters see it. Resolved at configuration time; one object serves every stream that takes it. */
import type { RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { TerminalStream } from "./http-filter.ts";

interface RouteBase {
  /** Envoy: Route.name; empty where it has none. */
  readonly name: string;
  readonly virtualHost: string;
  /** Adds, sets and removes the response headers that weighted cluster, route, virtual host and route configuration ask for. */
  finalizeResponse(headers: ResponseHeaders, stream: TerminalStream): void;
}

/** RouteAction: forward to a cluster. */
export interface ForwardRoute extends RouteBase {
  readonly kind: "forward";
  /** The chosen one where the clusters are weighted. */
  readonly clusterName: string;
  /** Status where that cluster does not exist: 503, 404 or 500. */
  readonly clusterNotFoundStatus: number;
  /** From the end of the request to the end of the response; 0: none. RouteAction.timeout, 15 000 unless told. */
  readonly timeoutMs: number;
  /** -1: the connection manager's stream idle time-out; 0: none. */
  readonly idleTimeoutMs: number;
  /** -1: the connection manager's; 0: none. */
  readonly maxStreamDurationMs: number;
  /** Whether the host header becomes the name of the chosen upstream host (auto_host_rewrite). */
  readonly autoHostRewrite: boolean;
  /** Rewrites path and host and mutates the headers, before the request goes upstream. */
  finalizeRequest(headers: RequestHeaders, stream: TerminalStream): void;
}

export interface RedirectRoute extends RouteBase {
  readonly kind: "redirect";
  readonly status: number;
  location(headers: RequestHeaders, stream: TerminalStream): string;
}

export interface DirectRoute extends RouteBase {
  readonly kind: "direct";
  readonly status: number;
  readonly body: Uint8Array | null;
}

export type Route = ForwardRoute | RedirectRoute | DirectRoute;
