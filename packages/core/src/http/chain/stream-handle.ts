/** Hot path. A filter's own view of one stream: one object per stream and filter, the same in every hook. After the stream's end every call is inert. */
import type {
  Direction,
  DynamicMetadata,
  FilterState,
  Headers,
  LocalReplyOptions,
  RequestHeaders,
  RestartedRequest,
  ResponseFlag,
  ResponseHeaders,
  Route,
  StreamInfo,
  TerminalStream,
  Timer,
} from "@sluice/sdk";
import { ResponseHeaderMap } from "../headers/header-map.ts";
import type { HeaderMap, RequestHeaderMap } from "../headers/header-map.ts";
import type { HttpStream } from "../manager/http-stream.ts";
import { restartStream } from "../manager/restart-stream.ts";
import { sendToCluster } from "../route/other-cluster.ts";
import { DirectionView } from "./direction.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { readOnlyRequest, readOnlyResponse, readOnlyTrailers } from "./read-only-headers.ts";

const NO_CONFIGS: readonly never[] = [];

export class StreamHandle implements TerminalStream {
  readonly stream: HttpStream;
  readonly slot: FilterSlot;
  state: unknown;
  requestView: DirectionView | null;
  responseView: DirectionView | null;

  constructor(stream: HttpStream, slot: FilterSlot) {
    this.stream = stream;
    this.slot = slot;
    this.state = undefined;
    this.requestView = null;
    this.responseView = null;
  }

  get requestSeen(): boolean {
    return this.stream.requestFlow.reached >= this.slot.slot;
  }

  get routeConfig(): unknown {
    return this.stream.routeEntry()?.perFilter[this.slot.slot]?.mostSpecific;
  }

  get routeConfigs(): readonly unknown[] {
    return this.stream.routeEntry()?.perFilter[this.slot.slot]?.all ?? NO_CONFIGS;
  }

  get route(): Route | undefined {
    return this.stream.routeEntry() ?? undefined;
  }

  get id(): string {
    return this.stream.id;
  }

  get info(): StreamInfo {
    return this.stream;
  }

  get metadata(): DynamicMetadata {
    return this.stream.metadata;
  }

  get filterState(): FilterState {
    return this.stream.filterState;
  }

  get requestHeaders(): RequestHeaders {
    const headers = this.stream.requestHeaders;
    return this.slot.readOnlyHeaders ? readOnlyRequest(headers) : headers;
  }

  get requestTrailers(): Headers | undefined {
    return this.trailersOf(this.stream.requestFlow.trailers);
  }

  get responseHeaders(): ResponseHeaders | undefined {
    const headers = this.stream.responseHeaders;
    if (headers === null) return undefined;
    return this.slot.readOnlyHeaders ? readOnlyResponse(headers) : headers;
  }

  get responseTrailers(): Headers | undefined {
    return this.trailersOf(this.stream.responseFlow.trailers);
  }

  private trailersOf(trailers: HeaderMap | null): Headers | undefined {
    if (trailers === null) return undefined;
    return this.slot.readOnlyHeaders ? readOnlyTrailers(trailers) : trailers;
  }

  get signal(): AbortSignal {
    return this.stream.abortSignal();
  }

  get request(): Direction {
    return (this.requestView ??= new DirectionView(this.stream.requestFlow, this.slot));
  }

  get response(): Direction {
    return (this.responseView ??= new DirectionView(this.stream.responseFlow, this.slot));
  }

  reply(options: LocalReplyOptions): void {
    if (!this.stream.over) this.stream.localReply(options, options.details ?? this.slot.id);
  }

  reset(details = "filter_reset", flag?: ResponseFlag): void {
    if (this.stream.over) return;
    if (flag !== undefined) this.stream.addFlag(flag);
    this.stream.resetStream("local_reset", details);
  }

  setTimer(callback: (stream: TerminalStream) => void, ms: number): Timer {
    return this.stream.setFilterTimer(this, callback, ms);
  }

  toCluster(name: string): boolean {
    return sendToCluster(this.stream, name);
  }

  clearRouteCache(): void {
    this.stream.clearRouteCache();
  }

  resetIdleTimer(): void {
    this.stream.touch();
  }

  // ---- the terminal filter's part ---------------------------------------------------------------------------------------------------------

  sendInformational(headers: ResponseHeaders): void {
    this.stream.fromTerminalInformational(headers as ResponseHeaderMap);
  }

  sendHeaders(headers: ResponseHeaders, end: boolean): void {
    this.stream.fromTerminalHeaders(headers as ResponseHeaderMap, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.stream.fromTerminalData(data, end);
  }

  sendTrailers(trailers: Headers): void {
    this.stream.fromTerminalTrailers(trailers as HeaderMap);
  }

  newResponse(status: number): ResponseHeaders {
    return new ResponseHeaderMap(status);
  }

  setIdleTimeout(ms: number): void {
    this.stream.setIdleTimeout(ms);
  }

  setMaxDuration(ms: number): void {
    this.stream.setMaxDuration(ms);
  }

  copyRequestHeaders(): RequestHeaders {
    return this.stream.requestHeaders.clone();
  }

  routeFor(headers: RequestHeaders): Route | undefined {
    const { stream } = this;
    return stream.manager.matchRoute(stream, headers as RequestHeaderMap) ?? undefined;
  }

  restart(request: RestartedRequest): boolean {
    return restartStream(this.stream, request);
  }

  get inheritance(): unknown {
    return this.stream.relay?.inheritance;
  }
}
