/**
 * Hot path: docs/extending/hot-path-rules.md. One request and its response: between the codec (`RequestDecoder`, `ResponseEncoder`) and the filter chain (two flows).
 * Every field is set in the constructor; what few streams need is made on first use. All errors of filters end here (`filterFailed`): the one rescue point.
 */
import type { LocalReply, LocalReplyOptions, ResetReason, ResponseFlag } from "@sluice/sdk";
import type { RequestDecoder, ResponseEncoder } from "../codec/codec.ts";
import { type HeaderMap, RequestHeaderMap, type ResponseHeaderMap } from "../headers/header-map.ts";
import type { FilterSlot, HookTable } from "../chain/filter-chain.ts";
import { CLIENT } from "../chain/flow-control.ts";
import type { FlowStream, HoldList } from "../chain/hold-list.ts";
import { detailsWord, localReplyMessage } from "../chain/local-reply.ts";
import { RequestFlow } from "../chain/request-flow.ts";
import { ResponseFlow } from "../chain/response-flow.ts";
import { StreamFilterState, StreamMetadata } from "../chain/stream-data.ts";
import { StreamHandle } from "../chain/stream-handle.ts";
import type { StreamProbe } from "../../observe/stream-probe.ts";
import type { RouteEntry } from "../route/types.ts";
import type { ServerConnection } from "./server-connection.ts";
import { callDestroy, callLocalReply, callStreamComplete } from "./stream-hooks.ts";
import type { StreamRelay } from "./stream-relay.ts";
import { TimedStream } from "./timed-stream.ts";

const NO_REQUEST = new RequestHeaderMap("", "", "", "");

export class HttpStream extends TimedStream implements RequestDecoder, FlowStream {
  readonly encoder: ResponseEncoder;
  readonly requestFlow: RequestFlow;
  readonly responseFlow: ResponseFlow;
  hooks: HookTable;
  handles: (StreamHandle | null)[];
  requestHeaders: RequestHeaderMap;
  responseHeaders: ResponseHeaderMap | null;
  /** undefined: not matched yet; null: no route. */
  route: RouteEntry | null | undefined;
  /** Response headers are with the codec; the response's end is. */
  headersSent: boolean;
  responseComplete: boolean;
  /** The response is a local reply: what the terminal filter still sends is dropped. */
  locallyReplied: boolean;
  /** The codec carries raw bytes both ways (101, CONNECT). */
  upgraded: boolean;
  bufferLimit: number;
  /** null: the stream stands for no other, and none for it. */
  relay: StreamRelay | null;
  /** null: the stream is neither measured nor traced. */
  probe: StreamProbe | null;
  private ownMetadata: StreamMetadata | null;
  private ownFilterState: StreamFilterState | null;
  private aborter: AbortController | null;
  /** Of the connection's requests; the first is 1. */
  private readonly ordinal: number;
  private knownId: string;

  constructor(server: ServerConnection, encoder: ResponseEncoder, hooks: HookTable, nowMs: number, wallMs: number) {
    super(server, server.connection.info, encoder.protocol, nowMs, wallMs);
    const { manager } = server;
    this.encoder = encoder;
    this.requestFlow = new RequestFlow(this);
    this.responseFlow = new ResponseFlow(this);
    this.hooks = hooks;
    this.handles = manager.chain.noHandles.slice();
    this.requestHeaders = NO_REQUEST;
    this.responseHeaders = null;
    this.route = undefined;
    this.headersSent = false;
    this.responseComplete = false;
    this.locallyReplied = false;
    this.upgraded = false;
    this.bufferLimit = manager.settings.bufferLimitBytes;
    this.relay = null;
    this.probe = null;
    this.ownMetadata = null;
    this.ownFilterState = null;
    this.aborter = null;
    this.ordinal = server.requests;
    this.knownId = "";
  }

  // ---- the request, from the codec ----------------------------------------------------------------------------------------------------------

  onRequestHeaders(headers: RequestHeaderMap, end: boolean): void {
    const { manager } = this;
    this.requestHeaders = headers;
    this.startTimeouts(end);
    if (end) this.requestEnded();
    if (manager.observer !== null) manager.observer.meet(this, headers);
    if (!manager.admission.admit(this, headers)) return;
    this.requestFlow.sendHeaders(headers, end);
  }

  onRequestData(data: Uint8Array, end: boolean): void {
    if (this.over) return;
    this.bytesReceived += data.length;
    if (end) this.requestEnded();
    this.touch();
    this.requestFlow.sendData(data, end);
  }

  onRequestTrailers(trailers: HeaderMap): void {
    if (this.over) return;
    this.requestEnded();
    this.touch();
    this.manager.admission.cleanTrailers(trailers);
    this.requestFlow.sendTrailers(trailers);
  }

  onRequestReset(reason: ResetReason, detail: string): void {
    this.successor?.onRequestReset(reason, detail);
    if (this.over) return;
    const { server, manager } = this;
    if (reason === "protocol_error") {
      this.addFlag("DPE");
      // HTTP/2 tells the connection of its errors itself; others cost one stream.
      if (server.refusedWith === 0) {
        if (!server.isHttp2) manager.stats.cxProtocolError.inc();
      } else if (!this.headersSent) this.status = server.refusedWith;
    } else {
      this.addFlag(reason === "remote_reset" ? "DR" : "DC");
      manager.stats.rqRxReset.inc();
    }
    const isGone = detail === "" || reason === "connection_termination";
    if (this.details === "" || !this.headersSent) this.details = isGone ? "downstream_remote_disconnect" : detail;
    this.finish();
  }

  onResponseWriteHigh(): void {
    const { successor } = this;
    if (successor !== null) return successor.onResponseWriteHigh();
    this.manager.stats.flowPaused.inc();
    this.responseFlow.pause(CLIENT);
  }

  onResponseWriteLow(): void {
    const { successor } = this;
    if (successor !== null) return successor.onResponseWriteLow();
    this.manager.stats.flowResumed.inc();
    this.touch();
    this.responseFlow.unpause(CLIENT);
  }

  onResponseFlushed(): void {}

  // ---- the response, from the terminal filter -------------------------------------------------------------------------------------------------

  fromTerminalInformational(headers: ResponseHeaderMap): void {
    if (this.over || this.locallyReplied || this.responseFlow.headers !== null) return;
    // The proxy has answered expectations itself: a second 100 would be nobody's.
    if (headers.status === 100 && !this.manager.settings.proxy100Continue) return;
    this.responseFlow.sendInformational(headers);
  }

  fromTerminalHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (this.over || this.locallyReplied) return;
    if (this.responseFlow.headers !== null) throw new TypeError("sendHeaders() called twice");
    this.responseHeaders = headers;
    this.touch();
    this.responseFlow.sendHeaders(headers, end);
  }

  fromTerminalData(data: Uint8Array, end: boolean): void {
    if (this.over || this.locallyReplied) return;
    if (this.responseFlow.headers === null) throw new TypeError("sendData() before sendHeaders()");
    this.touch();
    this.responseFlow.sendData(data, end);
  }

  fromTerminalTrailers(trailers: HeaderMap): void {
    if (this.over || this.locallyReplied) return;
    if (this.responseFlow.headers === null) throw new TypeError("sendTrailers() before sendHeaders()");
    this.touch();
    this.responseFlow.sendTrailers(trailers);
  }

  // ---- local replies and failures -----------------------------------------------------------------------------------------------------------

  /**
   * Answers the stream, in all three situations: before a response, in the middle of its filters, after its headers went out (reset).
   * @throws TypeError where the options are not legal: nothing has happened then.
   */
  localReply(options: LocalReplyOptions, details: string): void {
    if (this.over || (this.locallyReplied && this.responseFlow.headers === null)) return;
    let message = localReplyMessage(options, this.requestHeaders, this.isGrpc);
    if (options.flag !== undefined) this.addFlag(options.flag as ResponseFlag);
    this.details = detailsWord(details);
    this.requestFlow.halt();
    if (this.headersSent) {
      this.resetStream("local_reset", this.details, options.resetCode);
      return;
    }
    const begun = this.responseFlow.headers !== null;
    this.locallyReplied = true;
    const { localReplies } = this.manager;
    if (localReplies !== null) message = localReplies.rewrite(this, options, this.requestHeaders.method === "HEAD");
    this.responseHeaders = message.headers;
    const bodyless = message.body.length === 0;
    if (begun) {
      this.responseFlow.halt();
      this.sinkHeaders(message.headers, bodyless);
      if (!bodyless && !this.over) this.sinkData(message.body, true);
      return;
    }
    const { localReply } = this.hooks;
    if (localReply !== null) callLocalReply(this, localReply, options);
    if (this.over) return;
    this.responseFlow.sendHeaders(message.headers, bodyless);
    if (!bodyless && !this.responseFlow.inert) this.responseFlow.sendData(message.body, true);
  }

  /** A reply that is not legal is still one: the filter did not mean to let the request pass, whatever it does on errors. */
  replyFrom(slot: FilterSlot, reply: LocalReply): void {
    try {
      this.localReply(reply, reply.details ?? slot.id);
    } catch (error) {
      this.containError(slot, "reply", error);
      this.localReply({ status: 500, body: "Internal Server Error" }, `filter_error{${slot.name}:reply}`);
    }
  }

  bodyTooLarge(flow: HoldList): void {
    const { stats } = this.manager;
    if (flow === this.requestFlow) {
      stats.rqTooLarge.inc();
      this.localReply({ status: 413, body: "Payload Too Large" }, "request_payload_too_large");
    } else {
      stats.rsTooLarge.inc();
      this.localReply({ status: 500, body: "Internal Server Error" }, "response_payload_too_large");
    }
  }

  /** A filter threw, or its promise was rejected. Tells whether the stream goes on without it. */
  filterFailed(slot: FilterSlot, hook: string, error: unknown): boolean {
    this.containError(slot, hook, error);
    if (slot.continueOnError || this.over) return !this.over;
    this.localReply({ status: 500, body: "Internal Server Error" }, `filter_error{${slot.name}:${hook}}`);
    return false;
  }

  /** An error of a filter ends here: counted, and told in the log. */
  containError(slot: FilterSlot, hook: string, error: unknown): void {
    slot.errors.inc();
    this.manager.observer?.costOf(slot).failed();
    this.probe?.failed(slot, hook);
    this.manager.stats.filterErrors.inc();
    this.manager.filterError(slot.name, hook, error);
  }

  /** Ends the stream without an answer. */
  resetStream(reason: ResetReason, details: string, code?: number): void {
    if (this.over) return;
    this.details = detailsWord(details);
    this.manager.stats.rqTxReset.inc();
    this.encoder.reset(reason, code);
    this.finish();
  }

  // ---- the response, to the codec -----------------------------------------------------------------------------------------------------------

  sinkInformational(headers: ResponseHeaderMap): void {
    if (!this.over && !this.headersSent) this.encoder.sendInformational(headers);
  }

  sinkHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (this.over) return;
    const { manager } = this;
    const now = manager.clock.turnNow();
    this.headersSent = true;
    this.responseHeaders = headers;
    this.responseStartMs = now;
    manager.finalizeResponse(this, headers);
    const { status } = headers;
    this.status = status;
    if (this.probe !== null) this.probe.stamp(this, headers);
    if (this.details === "") this.details = "via_upstream";
    // A reply of our own is no tunnel: nothing is at its other end.
    this.upgraded =
      !this.locallyReplied &&
      ((status === 101 && this.requestHeaders.upgrade !== "") ||
        (this.requestHeaders.method === "CONNECT" && status < 300));
    if (this.upgraded) manager.onUpgraded(this);
    else if ((end && !this.requestComplete) || this.server.lastRequest) this.encoder.closeAfterResponse();
    this.encoder.sendHeaders(headers, end);
    if (end) this.responseEnded();
  }

  sinkData(data: Uint8Array, end: boolean): void {
    if (this.over) return;
    this.bytesSent += data.length;
    this.encoder.sendData(data, end);
    if (end) this.responseEnded();
  }

  sinkTrailers(trailers: HeaderMap): void {
    if (this.over) return;
    this.encoder.sendTrailers(trailers);
    this.responseEnded();
  }

  private responseEnded(): void {
    this.responseComplete = true;
    // The other direction of a CONNECT tunnel has an end of its own.
    if (this.upgraded && this.requestHeaders.method === "CONNECT" && !this.requestFlow.endDone) return;
    if (!this.requestComplete && !this.upgraded) this.manager.stats.rqResponseBeforeComplete.inc();
    this.finish();
  }

  /** onStreamComplete, access log, onDestroy; then everything is inert. */
  finish(): void {
    if (this.over) return;
    const { manager } = this;
    this.endMs = manager.clock.turnNow();
    this.over = true;
    this.requestFlow.halt();
    this.responseFlow.halt();
    this.endTimers();
    const { complete, destroy } = this.hooks;
    if (complete !== null) callStreamComplete(this, complete);
    manager.logAccess(this, "DownstreamEnd");
    if (destroy !== null) callDestroy(this, destroy);
    this.aborter?.abort();
    if (this.probe !== null) this.probe.complete(this);
    this.server.streamEnded(this);
  }

  override logMeanwhile(): void {
    this.manager.logAccess(this, "DownstreamPeriodic");
  }

  // ---- what handles ask for -----------------------------------------------------------------------------------------------------------------

  handle(slot: FilterSlot): StreamHandle {
    const { handles } = this;
    let handle = handles[slot.slot]!;
    if (handle === null) {
      handle = new StreamHandle(this, slot);
      handles[slot.slot] = handle;
      if (slot.newState !== null) handle.state = slot.newState();
    }
    return handle;
  }

  enter(slot: FilterSlot): void {
    this.manager.heartbeat.enter(slot.heartbeatId);
  }

  routeEntry(): RouteEntry | null {
    if (this.route === undefined) this.route = this.manager.matchRoute(this);
    return this.route;
  }

  clearRouteCache(): void {
    if (!this.over && this.responseFlow.headers === null) this.route = undefined;
  }

  /** The stream that stands in the place of this one, which is over; null: none. */
  get successor(): HttpStream | null {
    const { relay } = this;
    return relay === null || relay.current === this ? null : relay.current;
  }

  /** Its request goes on in another stream. */
  get isRestarted(): boolean {
    return this.relay !== null && this.relay.current !== this;
  }

  get id(): string {
    if (this.knownId === "") this.knownId = this.server.streamId(this.ordinal);
    return this.knownId;
  }

  get metadata(): StreamMetadata {
    return (this.ownMetadata ??= new StreamMetadata());
  }

  get filterState(): StreamFilterState {
    return (this.ownFilterState ??= new StreamFilterState(this.server.filterState()));
  }

  abortSignal(): AbortSignal {
    this.aborter ??= new AbortController();
    if (this.over) this.aborter.abort();
    return this.aborter.signal;
  }

  pauseRequest(): void {
    if (!this.over && !this.requestComplete) this.encoder.pauseRequest();
  }

  resumeRequest(): void {
    if (!this.over) this.encoder.resumeRequest();
  }
}
