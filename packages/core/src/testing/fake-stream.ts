/** The far end of an HTTP stream that a filter has opened to a fake cluster, by itself or with `request()`: the test is the server. */
import type {
  Headers,
  RequestHeaders,
  ResetReason,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { HeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import { UpstreamEnd } from "./upstream-end.ts";

const LOCAL = "10.0.0.9:50000";

export class FakeStream extends UpstreamEnd {
  readonly port: UpstreamStream;
  readonly #events: UpstreamStreamEvents;
  readonly #host: UpstreamHost;
  #isAbove = false;
  #isReady = false;
  #isOver = false;

  constructor(events: UpstreamStreamEvents, host: UpstreamHost) {
    super();
    this.#events = events;
    this.#host = host;
    this.port = new StreamPort(this);
  }

  override slow(): this {
    this.#setAbove(true);
    return this;
  }

  override fast(): this {
    this.#setAbove(false);
    return this;
  }

  /** Whether the answer was sent whole. */
  get answered(): boolean {
    return this.#isOver;
  }

  get aboveWatermark(): boolean {
    return this.#isAbove;
  }

  #setAbove(isAbove: boolean): void {
    if (this.#isAbove === isAbove || this.gone) return;
    this.#isAbove = isAbove;
    if (isAbove) this.#events.onUpstreamWriteHigh();
    else this.#events.onUpstreamWriteLow();
  }

  /** For the kit: no event fires before `openStream` has returned. */
  connect(failure: ResetReason | null): void {
    queueMicrotask(() => {
      if (this.gone) return;
      if (failure === null) this.#ready();
      else this.sendReset(failure);
    });
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#events.onUpstreamReady(this.#host, LOCAL);
  }

  protected override sendInformational(headers: ResponseHeaderMap): void {
    this.#ready();
    this.#events.onUpstreamInformational(headers);
  }

  protected override sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.#ready();
    this.#end(end);
    this.#events.onUpstreamHeaders(headers, end);
  }

  protected override sendData(data: Uint8Array, end: boolean): void {
    this.#end(end);
    this.#events.onUpstreamData(data, end);
  }

  protected override sendTrailers(trailers: HeaderMap): void {
    this.#end(true);
    this.#events.onUpstreamTrailers(trailers);
  }

  protected override sendReset(reason: ResetReason): void {
    this.over();
    this.#events.onUpstreamReset(reason, "", this.#isReady ? this.#host : null);
  }

  #end(end: boolean): void {
    if (end) this.#isOver = true;
  }

  /** For the kit: what the proxy's side does. */
  got(what: "reset"): void;
  got(what: "headers", headers: RequestHeaders, end: boolean): void;
  got(what: "data", data: Uint8Array, end: boolean): void;
  got(what: "trailers", trailers: Headers): void;
  got(what: "pause", isPaused: boolean): void;
  got(what: string, value?: unknown, end = false): void {
    if (this.gone) return;
    if (what === "headers") this.gotHeaders(value as RequestHeaders, end);
    else if (what === "data") this.gotData(value as Uint8Array, end);
    else if (what === "trailers") this.gotTrailers(value as Headers);
    else if (what === "pause") this.setPaused(value as boolean);
    else if (this.#isOver) this.over();
    else this.gotReset();
  }
}

/** The proxy's side of it. */
class StreamPort implements UpstreamStream {
  readonly #stream: FakeStream;
  #pauses = 0;

  constructor(stream: FakeStream) {
    this.#stream = stream;
  }

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    this.#stream.got("headers", headers, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.#stream.got("data", data, end);
  }

  sendTrailers(trailers: Headers): void {
    this.#stream.got("trailers", trailers);
  }

  reset(): void {
    this.#stream.got("reset");
  }

  pause(): void {
    if (this.#pauses++ === 0) this.#stream.got("pause", true);
  }

  unpause(): void {
    if (this.#pauses > 0 && --this.#pauses === 0) this.#stream.got("pause", false);
  }

  get aboveWatermark(): boolean {
    return this.#stream.aboveWatermark;
  }
}
