/**
 * For tests: a codec on a scripted connection, and an engine that records what the codec tells it. It throws where a codec breaks a rule of the interface (a call
 * after the end, headers twice, data after the end), so that every test that drives a codec tests those rules as well.
 */
import { RecordedTunnel } from "../recorded-tunnel.ts";
import { FlushQueue } from "../../../network/flush-queue.ts";
import { ScriptedConnection, type ScriptedConnectionOptions } from "../../../network/scripted-connection.ts";
import { HeaderField } from "../../headers/field.ts";
import { type HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type {
  ClientCallbacks,
  Http1ClientOptions,
  Http1ServerOptions,
  ProtocolError,
  RequestDecoder,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
  ResponseEncoder,
  ServerCallbacks,
} from "../codec.ts";
import { Http1ClientCodec } from "./client-codec.ts";
import { Http1ServerCodec } from "./server-codec.ts";

export type Pair = readonly [name: string, value: string];

const SERVER_OPTIONS: Http1ServerOptions = {
  maxHeadBytes: 61_440,
  maxHeaders: 100,
  acceptHttp10: false,
  defaultHostForHttp10: "",
  enableTrailers: false,
  allowAbsoluteUrl: true,
};
const CLIENT_OPTIONS: Http1ClientOptions = { maxHeadBytes: 61_440, maxHeaders: 100, enableTrailers: false };

export function fieldsOf(pairs: readonly Pair[]): HeaderField[] {
  return pairs.map(([name, value]) => new HeaderField(name, value));
}

export function responseHeaders(status: number, ...pairs: Pair[]): ResponseHeaderMap {
  return new ResponseHeaderMap(status, fieldsOf(pairs));
}

export function requestHeaders(method: string, path: string, ...pairs: Pair[]): RequestHeaderMap {
  return new RequestHeaderMap(method, path, "example.com", "http", fieldsOf(pairs));
}

/** What both directions of a recorded message have in common. */
class RecordedMessage {
  body = "";
  /** Calls with body bytes. */
  pieces = 0;
  trailers: Pair[] | null = null;
  hasHeaders = false;
  /** The message is complete. */
  isComplete = false;
  isReset = false;
  reset = "";
  highs = 0;
  lows = 0;

  protected headersCame(end: boolean): void {
    this.rule(!this.hasHeaders && !this.isReset, "headers twice, or after a reset");
    this.hasHeaders = true;
    this.isComplete = end;
  }

  protected dataCame(data: Uint8Array, end: boolean): void {
    this.rule(this.hasHeaders && !this.isComplete && !this.isReset, "data before the headers or after the end");
    this.rule(data.length > 0 || end, "no data and no end");
    this.body += Buffer.from(data).toString("latin1");
    this.pieces++;
    this.isComplete = end;
  }

  protected trailersCame(trailers: HeaderMap): void {
    this.rule(this.hasHeaders && !this.isComplete && !this.isReset, "trailers before the headers or after the end");
    this.trailers = [...trailers] as Pair[];
    this.isComplete = true;
  }

  protected resetCame(reason: ResetReason, detail: string): void {
    this.rule(!this.isReset, "reset twice");
    this.isReset = true;
    this.reset = `${reason} ${detail}`;
  }

  protected rule(holds: boolean, what: string): void {
    if (!holds) throw new Error(`the codec broke a rule: ${what}`);
  }
}

export class RecordedRequest extends RecordedMessage implements RequestDecoder {
  readonly encoder: ResponseEncoder;
  headers: RequestHeaderMap | null = null;
  fields: Pair[] = [];
  flushed = 0;
  /** What a test does when the headers, or the end of the request, are there. */
  readonly #peer: ServerPeer;

  constructor(peer: ServerPeer, encoder: ResponseEncoder) {
    super();
    this.#peer = peer;
    this.encoder = encoder;
  }

  onRequestHeaders(headers: RequestHeaderMap, end: boolean): void {
    this.headersCame(end);
    this.headers = headers;
    this.fields = [...headers] as Pair[];
    this.#peer.onHeaders?.(this);
    if (end) this.#peer.onComplete?.(this);
  }

  onRequestData(data: Uint8Array, end: boolean): void {
    this.dataCame(data, end);
    if (end) this.#peer.onComplete?.(this);
  }

  onRequestTrailers(trailers: HeaderMap): void {
    this.trailersCame(trailers);
    this.#peer.onComplete?.(this);
  }

  onRequestReset(reason: ResetReason, detail: string): void {
    this.rule(this.flushed === 0 || !this.isComplete, "reset after both ends");
    this.resetCame(reason, detail);
  }

  onResponseWriteHigh(): void {
    this.rule(this.highs === this.lows && !this.isReset, "high twice, or after the end");
    this.highs++;
  }

  onResponseWriteLow(): void {
    this.rule(this.highs === this.lows + 1 && !this.isReset, "low without high, or after the end");
    this.lows++;
  }

  onResponseFlushed(): void {
    this.rule(this.flushed === 0 && !this.isReset, "flushed twice or after a reset");
    this.flushed++;
  }

  /** `METHOD authority path`. */
  get line(): string {
    const { headers } = this;
    return headers === null ? "" : `${headers.method} ${headers.authority} ${headers.path}`;
  }
}

/** A server codec, the engine behind it, and the client before it. */
export class ServerPeer implements ServerCallbacks {
  readonly queue = new FlushQueue();
  readonly connection: ScriptedConnection;
  readonly codec: Http1ServerCodec;
  readonly requests: RecordedRequest[] = [];
  readonly errors: ProtocolError[] = [];
  begins = 0;
  onHeaders: ((request: RecordedRequest) => void) | null = null;
  onComplete: ((request: RecordedRequest) => void) | null = null;

  constructor(options: Partial<Http1ServerOptions> = {}, connection: ScriptedConnectionOptions = {}) {
    this.connection = new ScriptedConnection({ flushQueue: this.queue, ...connection });
    this.codec = new Http1ServerCodec(this.connection, this, { ...SERVER_OPTIONS, ...options }, this.queue);
    this.connection.setEvents(this.codec);
  }

  onStream(encoder: ResponseEncoder): RequestDecoder {
    const request = new RecordedRequest(this, encoder);
    this.requests.push(request);
    return request;
  }

  onProtocolError(error: ProtocolError): void {
    this.errors.push(error);
    this.codec.sendErrorAndClose(responseHeaders(error.status), "");
  }

  onRequestBegin(): void {
    this.begins++;
  }

  /** The request that came last. */
  get last(): RecordedRequest {
    return this.requests.at(-1)!;
  }

  /** What the engine does outside of a delivery, as one turn. */
  turn(run: () => void): void {
    this.queue.enter();
    try {
      run();
    } finally {
      this.queue.leave();
    }
  }

  /** Answers every request at its end with 200 and `body`. */
  answerAll(body = "ok"): this {
    this.onComplete = ({ encoder }) => {
      encoder.sendHeaders(responseHeaders(200, ["content-length", String(body.length)]), body === "");
      if (body !== "") encoder.sendData(Buffer.from(body, "latin1"), true);
    };
    return this;
  }
}

export class RecordedResponse extends RecordedMessage implements ResponseDecoder {
  encoder!: RequestEncoder;
  status = 0;
  readonly tunnel = new RecordedTunnel();
  fields: Pair[] = [];
  informational: number[] = [];

  onInformational(headers: ResponseHeaderMap): void {
    this.rule(!this.hasHeaders && !this.isReset, "informational after the headers");
    this.informational.push(headers.status);
  }

  onResponseHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.headersCame(end);
    this.status = headers.status;
    this.fields = [...headers] as Pair[];
  }

  onResponseData(data: Uint8Array, end: boolean): void {
    this.dataCame(data, end);
  }

  onResponseTrailers(trailers: HeaderMap): void {
    this.trailersCame(trailers);
  }

  onResponseReset(reason: ResetReason, detail: string): void {
    this.rule(!this.isComplete || this.tunnel.mayBeLost(this.status), "reset after the end");
    this.resetCame(reason, detail);
  }

  onRequestWriteHigh(): void {
    this.rule(this.highs === this.lows, "high twice");
    this.highs++;
  }

  onRequestWriteLow(): void {
    this.rule(this.highs === this.lows + 1, "low without high");
    this.lows++;
  }
}

/** A client codec, the pool before it, and the upstream behind it. */
export class ClientPeer implements ClientCallbacks {
  readonly queue = new FlushQueue();
  readonly connection: ScriptedConnection;
  readonly codec: Http1ClientCodec;
  /** `reusable` of each stream that ended. */
  readonly ends: boolean[] = [];
  drainings = 0;

  constructor(options: Partial<Http1ClientOptions> = {}, connection: ScriptedConnectionOptions = {}) {
    this.connection = new ScriptedConnection({ flushQueue: this.queue, ...connection });
    this.codec = new Http1ClientCodec(this.connection, this, { ...CLIENT_OPTIONS, ...options }, this.queue);
    this.connection.setEvents(this.codec);
  }

  onStreamEnd(reusable: boolean): void {
    this.ends.push(reusable);
  }

  onDraining(): void {
    this.drainings++;
    if (this.drainings > 1) throw new Error("the codec broke a rule: draining twice");
  }

  turn(run: () => void): void {
    this.queue.enter();
    try {
      run();
    } finally {
      this.queue.leave();
    }
  }

  /** Opens a stream and sends its headers, in one turn. */
  send(headers: RequestHeaderMap, end = true): RecordedResponse {
    const response = new RecordedResponse();
    this.turn(() => {
      response.encoder = this.codec.openStream(response);
      response.tunnel.watch(response.encoder, headers);
      response.encoder.sendHeaders(headers, end);
    });
    return response;
  }

  /** The same for a GET. */
  get(method = "GET"): RecordedResponse {
    return this.send(requestHeaders(method, "/"));
  }
}
