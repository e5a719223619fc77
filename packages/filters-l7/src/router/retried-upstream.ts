/**
 * Hot path for routes with retries. A request that may be sent again, in the shape of an upstream stream: what fails in a way that its policy names is followed by another
 * attempt, as long as nothing of an answer has gone to the client. After that it passes on what comes. With hedging a late attempt goes on beside the next one, and the
 * first good answer counts. Envoy: router.cc, RetryStateImpl.
 */
import type {
  Cluster,
  Headers,
  OpenFailure,
  RequestHeaders,
  ResetReason,
  ResponseHeaders,
  Timer,
  UpstreamHost,
  UpstreamStream,
} from "@sluice/sdk";
import { Attempt } from "./attempt.ts";
import { AttemptTimes, type Slowness } from "./attempt-times.ts";
import { waitMs } from "./back-off.ts";
import { remind } from "./remaining-time.ts";
import { retriesReset, retriesResponse } from "./retry-conditions.ts";
import { RetryCredit } from "./retry-credit.ts";
import { RetrySettings } from "./retry-settings.ts";
import type { RouterHandle, RouterStream } from "./router-stream.ts";
import { TriedHosts } from "./tried-hosts.ts";
import { TriedPriorities } from "./tried-priorities.ts";

/** null: neither the route nor the request asks for more than one attempt. Takes what the request asks for out of its headers. */
export function retriedUpstream(owner: RouterStream, headers: RequestHeaders, mayAsk: boolean): RetriedUpstream | null {
  const settings = new RetrySettings(owner.route!, headers, mayAsk, owner.timeoutMs);
  return settings.isNeeded ? new RetriedUpstream(owner, settings) : null;
}

export class RetriedUpstream implements UpstreamStream {
  readonly settings: RetrySettings;
  readonly #owner: RouterStream;
  readonly #credit: RetryCredit;
  /** Attempts that are under way, the latest last. */
  readonly #running: Attempt[];
  /** null: it does not matter to the next one where others went. */
  readonly #tried: TriedHosts | null;
  readonly #priorities: TriedPriorities | null;
  /** Whose answer the client gets. */
  #winner: Attempt | null;
  /** The next attempt waits. */
  #backOff: Timer | null;
  #isTimeoutRetry: boolean;
  /** null: attempts have no time of their own. */
  readonly #times: AttemptTimes | null;
  #hasEnded: boolean;
  #pauses: number;
  #authority: string;
  #beganMs: number;

  constructor(owner: RouterStream, settings: RetrySettings) {
    this.settings = settings;
    this.#owner = owner;
    this.#credit = new RetryCredit(owner, settings.retries);
    this.#running = [];
    const { policy } = settings;
    this.#tried = policy === null || policy.hosts === null ? null : new TriedHosts(policy.hosts);
    this.#priorities =
      policy === null || policy.priorityUpdateFrequency === 0
        ? null
        : new TriedPriorities(policy.priorityUpdateFrequency);
    this.#winner = null;
    this.#backOff = null;
    this.#isTimeoutRetry = false;
    const { perTryTimeoutMs, perTryIdleTimeoutMs } = settings;
    this.#times =
      perTryTimeoutMs === 0 && perTryIdleTimeoutMs === 0
        ? null
        : new AttemptTimes(settings, owner.router!, owner.stream!);
    this.#hasEnded = false;
    this.#pauses = 0;
    this.#authority = "";
    this.#beganMs = owner.router!.clock.turnNow();
  }

  /** Opens the stream of the first attempt. */
  open(cluster: Cluster): UpstreamStream | OpenFailure {
    return this.#open(cluster) ?? this;
  }

  #open(cluster: Cluster): OpenFailure | null {
    const attempt = new Attempt(this);
    const upstream = cluster.openStream(attempt, this.#owner);
    if (typeof upstream === "string") return upstream;
    attempt.upstream = upstream;
    for (let i = 0; i < this.#pauses; i++) upstream.pause();
    this.#running.push(attempt);
    return null;
  }

  // ---- from the router ----------------------------------------------------------------------------------------------------------------------

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    const attempt = this.#running[0]!;
    this.#authority = headers.authority;
    this.#hasEnded = end;
    this.#tellTime(headers, 0);
    attempt.headers = headers;
    this.#watch(attempt);
    attempt.upstream.sendHeaders(headers, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded();
    for (const attempt of this.#running.slice()) {
      attempt.upstream.sendData(data, end);
      this.#touch(attempt);
    }
  }

  sendTrailers(trailers: Headers): void {
    this.#requestEnded();
    for (const attempt of this.#running.slice()) attempt.upstream.sendTrailers(trailers);
  }

  #requestEnded(): void {
    this.#hasEnded = true;
    for (const attempt of this.#running) this.#watch(attempt);
  }

  /** The body became too long to be sent again. Without an attempt that has it all nothing is left to do. Returns whether that is so. */
  lostBody(): boolean {
    return this.#winner === null && this.#running.length === 0;
  }

  reset(timedOut = false): void {
    for (const attempt of this.#running.splice(0)) attempt.upstream.reset(timedOut);
    this.#backOff?.cancel();
    this.#times?.cancel();
    this.#credit.giveBack();
  }

  pause(): void {
    this.#pauses++;
    for (const attempt of this.#running) attempt.upstream.pause();
  }

  unpause(): void {
    if (this.#pauses === 0) return;
    this.#pauses--;
    for (const attempt of this.#running) attempt.upstream.unpause();
  }

  get aboveWatermark(): boolean {
    return this.#running.at(-1)?.upstream.aboveWatermark ?? !this.#hasEnded;
  }

  // ---- from the attempts --------------------------------------------------------------------------------------------------------------------

  ready(attempt: Attempt, host: UpstreamHost, localAddress: string): void {
    this.#tries(host);
    this.#touch(attempt);
    // What depends on the host is written into the headers of this attempt.
    this.#owner.headers = attempt.headers;
    this.#owner.onUpstreamReady(host, localAddress);
  }

  #tries(host: UpstreamHost): void {
    if (this.#tried !== null) this.#tried.add(host);
    if (this.#priorities !== null) this.#priorities.add(host);
  }

  /** Whoever was told of one upstream's work is not told of another's. */
  informational(attempt: Attempt, headers: ResponseHeaders): void {
    this.#touch(attempt);
    this.#win(attempt);
    this.#owner.onUpstreamInformational(headers);
  }

  answered(attempt: Attempt, headers: ResponseHeaders, end: boolean): void {
    this.#touch(attempt);
    attempt.deadlineMs = 0;
    if (this.#winner === null) {
      const isBad = retriesResponse(this.settings, headers);
      if (isBad && !attempt.isFollowed && this.#credit.take()) {
        this.#owner.counters!.retried(headers.status);
        this.#drop(attempt, end);
        return this.#retryLater(this.#waitMs(headers), false);
      }
      // Another one may still come to something better.
      if (isBad && (this.#running.length > 1 || this.#backOff !== null)) return this.#drop(attempt, end);
      if (!isBad && this.#credit.done !== 0) this.#credit.count("upstream_rq_retry_success");
      this.#win(attempt);
    }
    if (end) this.#answerEnded(attempt);
    this.#owner.onUpstreamHeaders(headers, end);
  }

  dataCame(attempt: Attempt, data: Uint8Array, end: boolean): void {
    this.#touch(attempt);
    if (end) this.#answerEnded(attempt);
    this.#owner.onUpstreamData(data, end);
  }

  trailersCame(trailers: Headers): void {
    this.#answerEnded(this.#winner!);
    this.#owner.onUpstreamTrailers(trailers);
  }

  failed(attempt: Attempt, reason: ResetReason, detail: string, code: number): void {
    const { host } = attempt;
    this.#over(attempt);
    if (this.#winner === null) {
      if (!attempt.isDelivered && host !== null) this.#tries(host);
      const isBad = retriesReset(this.settings.on, reason, detail, attempt.isDelivered);
      if (isBad && !attempt.isFollowed && this.#credit.take()) return this.#retryLater(this.#waitMs(null), false);
      if (this.#running.length !== 0 || this.#backOff !== null) return;
    }
    this.#credit.giveBack();
    this.#owner.onUpstreamReset(reason, detail, host, code);
  }

  pressed(attempt: Attempt, isHigh: boolean): void {
    if (this.#running.at(-1) !== attempt) return;
    if (isHigh) this.#owner.onUpstreamWriteHigh();
    else this.#owner.onUpstreamWriteLow();
  }

  // ---- decisions ----------------------------------------------------------------------------------------------------------------------------

  #retryLater(waitMs: number, isTimeoutRetry: boolean): void {
    const { stream } = this.#owner;
    this.#isTimeoutRetry = isTimeoutRetry;
    if (!this.#hasEnded) this.#owner.onUpstreamWriteHigh();
    this.#backOff = stream!.setTimer(onBackOff, waitMs);
  }

  #waitMs(response: ResponseHeaders | null): number {
    const { router, counters } = this.#owner;
    return waitMs(this.settings, router!, counters!, response, this.#credit.done);
  }

  /** The back-off is over. */
  next(): void {
    const owner = this.#owner;
    const { stream, route, kept } = owner;
    this.#backOff = null;
    owner.isRetry = true;
    owner.aversion = this.#tried;
    owner.priorities = this.#priorities;
    const cluster = owner.router!.clusters.get(route!.clusterName);
    const failure = cluster === undefined ? "no_healthy_upstream" : this.#open(cluster);
    if (failure !== null) return this.#cannotOpen(failure);
    const { info } = stream!;
    const attempt = this.#running.at(-1)!;
    info.upstreamAttempts++;
    const headers = stream!.copyRequestHeaders();
    headers.authority = this.#authority;
    if (route!.includeAttemptCount) headers.set("x-envoy-attempt-count", String(info.upstreamAttempts));
    if (route!.includeIsTimeoutRetry) headers.set("x-envoy-is-timeout-retry", String(this.#isTimeoutRetry));
    this.#tellTime(headers, owner.router!.clock.turnNow() - (owner.sentMs < 0 ? this.#beganMs : owner.sentMs));
    attempt.headers = headers;
    this.#watch(attempt);
    kept!.sendTo(attempt.upstream, headers, this.#hasEnded);
    if (this.#running.at(-1) === attempt && !this.#hasEnded && !attempt.upstream.aboveWatermark)
      owner.onUpstreamWriteLow();
  }

  #cannotOpen(failure: OpenFailure): void {
    this.#credit.giveBack();
    if (this.#running.length !== 0) return;
    if (failure === "overflow") this.#owner.onUpstreamReset("overflow", "", null);
    else this.#owner.notOpened(failure);
  }

  #win(attempt: Attempt): void {
    if (this.#winner !== null) return;
    this.#winner = attempt;
    this.#backOff?.cancel();
    this.#backOff = null;
    this.#credit.giveBack();
    if (attempt.host !== null) this.#owner.stream!.info.upstreamHost = attempt.host;
    if (this.#running.length === 1) return;
    for (const other of this.#running.splice(0)) if (other !== attempt) other.upstream.reset();
    this.#running.push(attempt);
  }

  /** One whose request nobody will complete is there to be reset. */
  #answerEnded(attempt: Attempt): void {
    if (this.#hasEnded) this.#over(attempt);
  }

  /** It is none of those that are under way any more. */
  #over(attempt: Attempt): void {
    const at = this.#running.indexOf(attempt);
    if (at >= 0) this.#running.splice(at, 1);
    // It may have been the one that pressed back.
    if (!this.#hasEnded && this.#running.length !== 0 && !this.aboveWatermark) this.#owner.onUpstreamWriteLow();
  }

  /** Its answer is not wanted. What is complete need not be reset. */
  #drop(attempt: Attempt, isComplete: boolean, timedOut = false): void {
    this.#over(attempt);
    if (!isComplete || !this.#hasEnded) attempt.upstream.reset(timedOut);
  }

  // ---- time ---------------------------------------------------------------------------------------------------------------------------------

  #tellTime(headers: RequestHeaders, elapsedMs: number): void {
    const { route, router, timeoutMs } = this.#owner;
    const { perTryTimeoutMs, hedges } = this.settings;
    remind(headers, route!, router!.settings, timeoutMs, hedges ? 0 : perTryTimeoutMs, elapsedMs);
  }

  /** The time of an attempt begins when the request has ended. */
  #watch(attempt: Attempt): void {
    if (this.#times !== null) this.#times.begin(attempt, this.#running, this.#hasEnded && !this.#owner.responded);
  }

  #touch(attempt: Attempt): void {
    if (this.#times !== null) this.#times.touch(attempt);
  }

  checkTime(): void {
    this.#times!.check(this.#running, this);
  }

  tooSlow(attempt: Attempt, which: Slowness): void {
    const isOpen = this.#winner === null;
    // A time-out that the client takes for an answer is not the host's.
    const isCharged = this.#owner.timeoutStatus === 504;
    if (this.settings.hedges && which === "per_try_timeout") {
      attempt.deadlineMs = 0;
      attempt.idleDeadlineMs = 0;
      if (!isOpen) return;
      if (isCharged) attempt.upstream.late?.();
      if (attempt.isFollowed || !this.#credit.take()) return;
      attempt.isFollowed = true;
      return this.#retryLater(this.#waitMs(null), true);
    }
    this.#credit.count(`upstream_rq_${which}`);
    this.#drop(attempt, false, isCharged);
    const isBad = isOpen && retriesReset(this.settings.on, "local_reset", "", attempt.isDelivered);
    if (isBad && !attempt.isFollowed && this.#credit.take()) return this.#retryLater(this.#waitMs(null), true);
    if (this.#running.length !== 0 || this.#backOff !== null) return;
    this.#credit.giveBack();
    this.#owner.attemptTimedOut(`upstream_${which}`);
  }
}

function onBackOff(handle: RouterHandle): void {
  handle.state.retries?.next();
}
