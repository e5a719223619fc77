/** Hot path. One stream of the router: between the chain's handle and the upstream stream, back-pressure both ways, the route's time-outs. */
import type {
  ForwardRoute,
  Headers,
  LocalReplyOptions,
  OpenFailure,
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
import { isTerminated, openConnect } from "./connect-upstream.ts";
import { failureOf, lastedTooLong, NOT_OPENED, TOO_LONG_TO_REPEAT, tooLate } from "./failures.ts";
import type { Router } from "./filter.ts";
import { streamDuration } from "./grpc-timeout.ts";
import { ForwardedRequest } from "./forwarded-request.ts";
import { followRedirect } from "./internal-redirect.ts";
import { KeptRequest } from "./kept-request.ts";
import { type FurtherCounters, furtherCounters } from "./request-counters.ts";
import { askedDuration, requestTimeout, takesAlternative } from "./request-timeout.ts";
import type { ResponseCounters } from "./response-counters.ts";
import { type Mirror, mirrorsOf, sendCopies } from "./mirrors.ts";
import { type RetriedUpstream, retriedUpstream } from "./retried-upstream.ts";
import { takeAsking } from "./retry-settings.ts";
import { completeHandshake } from "./websocket-handshake.ts";

export type RouterHandle = TerminalStream<RouterStream>;

export class RouterStream extends ForwardedRequest implements UpstreamStreamEvents, WatermarkListener {
  router: Router | null;
  upstream: UpstreamStream | null;
  counters: ResponseCounters | null;
  /** Besides the cluster's; null: none. */
  further: FurtherCounters | null;
  /** null: the request is never sent again. */
  kept: KeptRequest | null;
  /** null: it is sent once. */
  retries: RetriedUpstream | null;
  /** null: nobody gets a copy. */
  mirrors: readonly Mirror[] | null;
  timer: Timer | null;
  timeoutMs: number;
  /** 504, or what the client wants instead when the time is up. */
  timeoutStatus: number;
  /** When the request was on its way upstream; -1 before. */
  sentMs: number;
  responded: boolean;
  /** Raw bytes both ways, if the upstream agrees: each direction has an end of its own. */
  isTunnel: boolean;
  requestPaused: boolean;
  responsePaused: boolean;

  constructor() {
    super();
    this.router = null;
    this.upstream = null;
    this.counters = null;
    this.further = null;
    this.kept = null;
    this.retries = null;
    this.mirrors = null;
    this.timer = null;
    this.timeoutMs = 0;
    this.timeoutStatus = 504;
    this.sentMs = -1;
    this.responded = false;
    this.isTunnel = false;
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
    this.counters = router.counters.ofCluster(cluster.statName);
    if (route.idleTimeoutMs >= 0) stream.setIdleTimeout(route.idleTimeoutMs);
    this.headers = headers;
    const { connect } = route;
    const endsHere = connect !== null && isTerminated(connect, headers);
    this.isTunnel = endsHere || headers.upgrade !== "" || headers.method === "CONNECT";
    if (route.internalRedirect !== null && !this.isTunnel) this.keep(stream.copyRequestHeaders(), end);
    const mayAsk = route.mayAsk(headers);
    if (mayAsk || route.isCounted) this.further = furtherCounters(router.counters, cluster.statName, route, headers);
    if (route.maxStreamDurationMs >= 0 || route.grpcTimeoutHeader !== null) {
      const durationMs = streamDuration(headers, route);
      if (durationMs >= 0) stream.setMaxDuration(durationMs);
    }
    this.timeoutMs = requestTimeout(headers, route, mayAsk, router.settings);
    this.isHighPriority = route.isHighPriority;
    // A tunnel is never sent again, whoever asks for it.
    if (this.isTunnel) {
      if (mayAsk) takeAsking(headers);
    } else if (mayAsk || route.retry !== null) this.retries = retriedUpstream(this, headers, mayAsk);
    if (route.mirrors !== null && !this.isTunnel) this.mirrors = mirrorsOf(route, headers);
    const isRepeated = this.retries !== null && this.retries.settings.on !== 0;
    if (this.kept === null && (isRepeated || this.mirrors !== null)) this.keep(headers, end);
    const upstream = endsHere
      ? openConnect(cluster, connect, this, stream)
      : this.retries === null
        ? cluster.openStream(this, this)
        : this.retries.open(cluster);
    if (typeof upstream === "string") {
      this.notOpened(upstream);
      return;
    }
    this.upstream = upstream;
    if (mayAsk) this.obey(headers);
    info.upstreamAttempts = 1;
    router.finalizeRequest(headers, route, stream);
    stream.response.watch(this);
    upstream.sendHeaders(headers, end);
    if (end) this.requestEnded();
  }

  /** What the request asks for besides a time-out. */
  private obey(headers: RequestHeaders): void {
    if (takesAlternative(headers)) this.timeoutStatus = 204;
    const durationMs = askedDuration(headers);
    if (durationMs !== 0) this.stream!.setTimer(onMaxDuration, durationMs);
  }

  private keep(headers: RequestHeaders, end: boolean): void {
    const { bufferLimitBytes } = this.route!;
    const limit = end ? 0 : this.stream!.request.bufferLimit;
    this.kept = new KeptRequest(headers, bufferLimitBytes < 0 ? limit : Math.min(limit, bufferLimitBytes));
  }

  data(data: Uint8Array, end: boolean): void {
    if (this.upstream === null) return;
    if (this.kept !== null && this.kept.data(data)) {
      this.counters!.rare("retry_or_shadow_abandoned");
      if (this.retries?.lostBody() === true) return this.tooLongToRepeat();
    }
    this.upstream.sendData(data, end);
    if (end) this.requestEnded();
  }

  trailers(trailers: Headers): void {
    if (this.upstream === null) return;
    if (this.kept !== null) this.kept.trailers = trailers;
    this.upstream.sendTrailers(trailers);
    this.requestEnded();
  }

  private requestEnded(): void {
    const { stream } = this;
    const router = this.router!;
    if (this.upstream === null || stream === null) return;
    this.sentMs = router.clock.turnNow();
    if (this.mirrors !== null) sendCopies(this.mirrors, router, stream, this.kept!, this.timeoutMs);
    // A tunnel has no end that a time-out could wait for.
    if (this.timeoutMs !== 0 && !this.isTunnel) {
      this.timer = stream.setTimer(onResponseTimeout, this.timeoutMs);
    }
  }

  timedOut(): void {
    if (this.upstream === null) return;
    this.counters!.timeout.inc();
    this.further?.timedOut();
    this.end(this.timeoutStatus === 504);
    this.answer(tooLate(this.timeoutStatus, "response_timeout"));
  }

  /** One attempt was too slow, and there is no other. */
  attemptTimedOut(details: string): void {
    this.end();
    this.answer(tooLate(this.timeoutStatus, details));
  }

  /** No attempt is under way, and none can be. */
  notOpened(failure: OpenFailure): void {
    if (failure === "overflow") return this.failed(failure, "");
    this.end();
    this.answer(NOT_OPENED[failure]);
  }

  /** The last attempt has failed, the next one waits, and the body does not fit any more. */
  private tooLongToRepeat(): void {
    this.end();
    this.answer(TOO_LONG_TO_REPEAT);
  }

  /** Envoy: x-envoy-upstream-stream-duration-ms. */
  lastedTooLong(): void {
    if (this.upstream === null) return;
    this.counters!.rare("upstream_rq_max_duration_reached");
    this.end();
    this.timer?.cancel();
    this.answer(lastedTooLong(this.sentMs >= 0));
  }

  /** The stream is over, from whichever side. */
  end(timedOut = false): void {
    const { upstream } = this;
    this.upstream = null;
    upstream?.reset(timedOut);
  }

  // ---- from upstream ------------------------------------------------------------------------------------------------------------------------

  onUpstreamReady(host: UpstreamHost, localAddress: string): void {
    const { stream, route, headers } = this;
    const { info } = stream!;
    info.upstreamHost = host;
    info.upstreamLocalAddress = localAddress;
    this.further?.sent();
    // A host without a name of its own is called by its address: that is no authority to send.
    if (route!.autoHostRewrite && headers !== null && host.hostname !== host.address) headers.authority = host.hostname;
  }

  onUpstreamInformational(headers: ResponseHeaders): void {
    this.stream!.sendInformational(headers);
  }

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    const { stream, route } = this;
    const router = this.router!;
    if (this.kept !== null && route!.internalRedirect !== null && this.redirects(headers, end)) return;
    if (this.mirrors === null) this.kept = null;
    this.responded = true;
    this.counters!.answered(headers.status);
    this.further?.answered(headers.status);
    router.stampResponse(headers, this.sentMs);
    if (headers.status === 101) completeHandshake(this.headers!, headers, stream!.info.protocol);
    if (route!.includeAttemptCountInResponse)
      headers.set("x-envoy-attempt-count", String(stream!.info.upstreamAttempts));
    if (this.cookies !== null) for (const cookie of this.cookies) headers.append("set-cookie", cookie);
    route!.finalizeResponse(headers, stream!);
    if (end) this.responseEnded();
    stream!.sendHeaders(headers, end);
  }

  /** Whether the answer is a redirect that is followed: the stream is over then. */
  private redirects(headers: ResponseHeaders, end: boolean): boolean {
    const policy = this.route!.internalRedirect!;
    if (!policy.statuses.includes(headers.status)) return false;
    const { upstream } = this;
    // What is complete need not be reset.
    if (end && this.sentMs >= 0) this.upstream = null;
    const outcome =
      this.sentMs < 0 ? "passed" : followRedirect(this.stream!, this.kept!, policy, this.route!.name, headers);
    const isFollowed = outcome === "followed";
    this.counters!.rare(`upstream_internal_redirect_${isFollowed ? "succeeded" : "failed"}_total`);
    if (!isFollowed) {
      this.upstream = upstream;
      if (outcome !== "passed") this.router!.countRefusal(outcome);
    }
    return isFollowed;
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
    if (this.sentMs < 0) {
      // A request that is not complete is of no use to an upstream that has answered. Of a tunnel's end the engine knows more.
      if (!this.isTunnel) this.end();
    } else {
      this.upstream = null;
      const tookMs = this.router!.clock.turnNow() - this.sentMs;
      this.counters!.took(tookMs);
      this.further?.took(tookMs);
    }
  }

  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null, code = -1): void {
    if (this.upstream === null) return;
    this.upstream = null;
    const { info } = this.stream!;
    if (host !== null) info.upstreamHost = host;
    info.upstreamFailure = detail;
    this.timer?.cancel();
    if (reason === "max_duration") this.answer(lastedTooLong(this.sentMs >= 0));
    else this.failed(reason, detail, code);
  }

  private failed(reason: ResetReason, detail: string, resetCode = -1): void {
    this.timer?.cancel();
    this.answer(failureOf(reason, detail, this.responded, resetCode, !this.router!.settings.suppressEnvoyHeaders));
  }

  /** A reply made here is the cluster's too: it is counted there as Envoy does. */
  private answer(options: LocalReplyOptions): void {
    if (!this.responded) {
      this.counters!.answered(options.status);
      this.further?.answered(options.status);
    }
    const attempts = this.stream!.info.upstreamAttempts;
    if (attempts === 0 || !this.route!.includeAttemptCountInResponse) this.stream!.reply(options);
    else {
      const headers = { ...options.headers, "x-envoy-attempt-count": String(attempts) };
      this.stream!.reply({ ...options, headers });
    }
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

const onResponseTimeout = (handle: RouterHandle): void => handle.state.timedOut();
const onMaxDuration = (handle: RouterHandle): void => handle.state.lastedTooLong();
