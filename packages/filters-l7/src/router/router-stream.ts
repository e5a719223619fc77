/** Hot path. One stream of the router: between the chain's handle and the upstream stream, back-pressure both ways, the route's time-outs. */
import type {
  ForwardRoute,
  Headers,
  LocalReplyOptions,
  RequestHeaders,
  ResetReason,
  ResponseHeaders,
  TerminalStream,
  Timer,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
  WatermarkListener,
} from "@sluice/sdk";
import type { ClusterCounters } from "./cluster-counters.ts";
import { FAILURES } from "./failures.ts";
import type { Router } from "./filter.ts";
import { announceTimeout, requestTimeout, takesAlternative } from "./request-timeout.ts";

export type RouterHandle = TerminalStream<RouterStream>;

export class RouterStream implements UpstreamStreamEvents, WatermarkListener {
  router: Router | null;
  stream: RouterHandle | null;
  route: ForwardRoute | null;
  upstream: UpstreamStream | null;
  counters: ClusterCounters | null;
  headers: RequestHeaders | null;
  timer: Timer | null;
  timeoutMs: number;
  /** 504, or what the client wants instead when the time is up. */
  timeoutStatus: number;
  /** When the request was on its way upstream; -1 before. */
  sentMs: number;
  responded: boolean;
  requestPaused: boolean;
  responsePaused: boolean;

  constructor() {
    this.router = null;
    this.stream = null;
    this.route = null;
    this.upstream = null;
    this.counters = null;
    this.headers = null;
    this.timer = null;
    this.timeoutMs = 0;
    this.timeoutStatus = 504;
    this.sentMs = -1;
    this.responded = false;
    this.requestPaused = false;
    this.responsePaused = false;
  }

  /** Opens the upstream stream and sends the headers. */
  forward(router: Router, stream: RouterHandle, route: ForwardRoute, headers: RequestHeaders, end: boolean): void {
    this.router = router;
    this.stream = stream;
    this.route = route;
    const { info } = stream;
    const { clusterName } = route;
    const cluster = router.clusters.get(clusterName);
    if (cluster === undefined) {
      router.stats.noCluster.inc();
      stream.reply({ status: route.clusterNotFoundStatus, flag: "NC", details: "cluster_not_found" });
      return;
    }
    info.upstreamClusterName = clusterName;
    this.counters = router.counters.get(cluster.statName);
    if (route.idleTimeoutMs >= 0) stream.setIdleTimeout(route.idleTimeoutMs);
    if (route.maxStreamDurationMs >= 0) stream.setMaxDuration(route.maxStreamDurationMs);
    const upstream = cluster.openStream(this);
    if (typeof upstream === "string") {
      if (upstream === "no_healthy_upstream") {
        this.answer({ status: 503, body: "no healthy upstream", flag: "UH", details: "no_healthy_upstream" });
      } else this.failed("overflow", "");
      return;
    }
    this.upstream = upstream;
    this.headers = headers;
    this.timeoutMs = requestTimeout(headers, route.timeoutMs, router.settings);
    announceTimeout(headers, this.timeoutMs, router.settings);
    if (takesAlternative(headers)) this.timeoutStatus = 204;
    info.upstreamAttempts = 1;
    router.finalizeRequest(headers, route, stream);
    stream.response.watch(this);
    upstream.sendHeaders(headers, end);
    if (end) this.requestEnded();
  }

  data(data: Uint8Array, end: boolean): void {
    if (this.upstream === null) return;
    this.upstream.sendData(data, end);
    if (end) this.requestEnded();
  }

  trailers(trailers: Headers): void {
    if (this.upstream === null) return;
    this.upstream.sendTrailers(trailers);
    this.requestEnded();
  }

  private requestEnded(): void {
    const { stream } = this;
    const router = this.router!;
    if (this.upstream === null || stream === null) return;
    this.sentMs = router.clock.turnNow();
    // A tunnel has no end that a time-out could wait for.
    if (this.timeoutMs !== 0 && this.headers?.upgrade === "" && this.headers.method !== "CONNECT") {
      this.timer = stream.setTimer(onResponseTimeout, this.timeoutMs);
    }
  }

  timedOut(): void {
    if (this.upstream === null) return;
    this.counters!.timeout.inc();
    this.end();
    const body = this.timeoutStatus === 504 ? "upstream request timeout" : "";
    this.answer({ status: this.timeoutStatus, body, flag: "UT", details: "response_timeout" });
  }

  /** The stream is over, from whichever side. */
  end(): void {
    const { upstream } = this;
    this.upstream = null;
    upstream?.reset();
  }

  // ---- from upstream ------------------------------------------------------------------------------------------------------------------------

  onUpstreamReady(host: UpstreamHost, localAddress: string): void {
    const { stream, route, headers } = this;
    const { info } = stream!;
    info.upstreamHost = host;
    info.upstreamLocalAddress = localAddress;
    // A host without a name of its own is called by its address: that is no authority to send.
    if (route!.autoHostRewrite && headers !== null && host.hostname !== host.address) headers.authority = host.hostname;
  }

  onUpstreamInformational(headers: ResponseHeaders): void {
    this.stream!.sendInformational(headers);
  }

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    const { stream, route } = this;
    const router = this.router!;
    this.responded = true;
    this.counters!.answered(headers.status);
    router.stampResponse(headers, this.sentMs);
    route!.finalizeResponse(headers, stream!);
    if (end) this.responseEnded();
    stream!.sendHeaders(headers, end);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    if (end) this.responseEnded();
    this.stream!.sendData(data, end);
  }

  onUpstreamTrailers(trailers: Headers): void {
    this.responseEnded();
    this.stream!.sendTrailers(trailers);
  }

  private responseEnded(): void {
    this.timer?.cancel();
    // A request that is not complete is of no use to an upstream that has answered.
    if (this.sentMs < 0) this.end();
    else {
      this.upstream = null;
      this.counters!.took(this.router!.clock.turnNow() - this.sentMs);
    }
  }

  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null): void {
    if (this.upstream === null) return;
    this.upstream = null;
    const { info } = this.stream!;
    if (host !== null) info.upstreamHost = host;
    info.upstreamFailure = detail;
    this.failed(reason, detail);
  }

  private failed(reason: ResetReason, detail: string): void {
    this.timer?.cancel();
    const { status, flag, words } = FAILURES[reason];
    const when = this.responded ? "upstream_reset_after_response_started" : "upstream_reset_before_response_started";
    const cause = detail === "" ? words : `${words}|${detail}`;
    this.answer({
      status,
      flag,
      body: `upstream connect error or disconnect/reset before headers. reset reason: ${words}`,
      details: `${when}{${cause.replaceAll(" ", "_")}}`,
      ...(reason === "overflow" && !this.router!.settings.suppressEnvoyHeaders ? { headers: OVERLOADED } : {}),
    });
  }

  /** A reply made here is the cluster's too: it is counted there as Envoy does. */
  private answer(options: LocalReplyOptions): void {
    if (!this.responded) this.counters!.answered(options.status);
    this.stream!.reply(options);
  }

  // ---- flow control -------------------------------------------------------------------------------------------------------------------------

  onUpstreamWriteHigh(): void {
    if (this.requestPaused) return;
    this.requestPaused = true;
    this.stream!.request.pause();
  }

  onUpstreamWriteLow(): void {
    if (!this.requestPaused) return;
    this.requestPaused = false;
    this.stream!.request.unpause();
  }

  onAboveHighWatermark(): void {
    if (this.responsePaused) return;
    this.responsePaused = true;
    this.upstream?.pause();
  }

  onBelowLowWatermark(): void {
    if (!this.responsePaused) return;
    this.responsePaused = false;
    this.upstream?.unpause();
  }
}

const OVERLOADED = { "x-envoy-overloaded": "true" };

function onResponseTimeout(handle: RouterHandle): void {
  handle.state.timedOut();
}
