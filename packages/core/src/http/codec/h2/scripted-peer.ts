/**
 * For tests: a codec on a scripted connection under virtual time, an engine that records what the codec tells it and throws where a codec breaks a rule of the
 * interface.
 */
import { RecordedTunnel } from "../recorded-tunnel.ts";
import { FlushQueue } from "../../../network/flush-queue.ts";
import { ScriptedConnection, type ScriptedConnectionOptions } from "../../../network/scripted-connection.ts";
import { VirtualTime } from "../../../timing/virtual.ts";
import { HeaderField } from "../../headers/field.ts";
import { type HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type {
  ClientCallbacks,
  ProtocolError,
  RequestDecoder,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
  ResponseEncoder,
  ServerCallbacks,
} from "../codec.ts";
import { Http2ClientCodec } from "./client-codec.ts";
import { PREFACE } from "./frame.ts";
import {
  HTTP2_CLIENT_DEFAULTS,
  HTTP2_SERVER_DEFAULTS,
  type Http2Environment,
  type Http2Options,
  type Http2Stats,
} from "./options.ts";
import { type Pair, SETTINGS_ACK, type SentFrame, Wire, settings } from "./scripted-wire.ts";
import { Http2ServerCodec } from "./server-codec.ts";

// The engine.

/** What both directions of a recorded message have in common. */
class RecordedMessage {
  body = "";
  /** Calls with body bytes. */
  pieces = 0;
  fields: Pair[] = [];
  trailers: Pair[] | null = null;
  hasHeaders = false;
  isComplete = false;
  isReset = false;
  reset = "";
  highs = 0;
  lows = 0;

  protected headersCame(headers: HeaderMap, end: boolean): void {
    this.rule(!this.hasHeaders && !this.isReset, "headers twice, or after a reset");
    this.hasHeaders = true;
    this.fields = [...headers] as Pair[];
    this.isComplete = end;
  }

  protected dataCame(bytes: Uint8Array, end: boolean): void {
    this.rule(this.hasHeaders && !this.isComplete && !this.isReset, "data before the headers or after the end");
    this.rule(bytes.length > 0 || end, "no data and no end");
    this.body += Buffer.from(bytes).toString("latin1");
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

  protected highCame(): void {
    this.rule(this.highs === this.lows && !this.isReset, "high twice, or after the end");
    this.highs++;
  }

  protected lowCame(): void {
    this.rule(this.highs === this.lows + 1 && !this.isReset, "low without high, or after the end");
    this.lows++;
  }

  protected rule(holds: boolean, what: string): void {
    if (!holds) throw new Error(`the codec broke a rule: ${what}`);
  }
}

export class RecordedRequest extends RecordedMessage implements RequestDecoder {
  readonly encoder: ResponseEncoder;
  headers: RequestHeaderMap | null = null;
  flushed = 0;
  readonly #peer: ServerPeer;

  constructor(peer: ServerPeer, encoder: ResponseEncoder) {
    super();
    this.#peer = peer;
    this.encoder = encoder;
  }

  onRequestHeaders(map: RequestHeaderMap, end: boolean): void {
    this.headersCame(map, end);
    this.headers = map;
    this.#peer.onHeaders?.(this);
    if (end) this.#peer.onComplete?.(this);
  }

  onRequestData(bytes: Uint8Array, end: boolean): void {
    this.dataCame(bytes, end);
    this.#peer.onData?.(this, bytes, end);
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
    this.highCame();
  }

  onResponseWriteLow(): void {
    this.lowCame();
    this.#peer.onLow?.(this);
  }

  onResponseFlushed(): void {
    this.rule(this.flushed === 0 && !this.isReset, "flushed twice or after a reset");
    this.flushed++;
  }

  /** `METHOD authority path`. */
  get line(): string {
    const map = this.headers;
    return map === null ? "" : `${map.method} ${map.authority} ${map.path}`;
  }
}

export class RecordedResponse extends RecordedMessage implements ResponseDecoder {
  encoder!: RequestEncoder;
  status = 0;
  readonly tunnel = new RecordedTunnel();
  informational: number[] = [];

  onInformational(map: ResponseHeaderMap): void {
    this.rule(!this.hasHeaders && !this.isReset, "informational after the headers");
    this.informational.push(map.status);
  }

  onResponseHeaders(map: ResponseHeaderMap, end: boolean): void {
    this.headersCame(map, end);
    this.status = map.status;
  }

  onResponseData(bytes: Uint8Array, end: boolean): void {
    this.dataCame(bytes, end);
  }

  onResponseTrailers(trailers: HeaderMap): void {
    this.trailersCame(trailers);
  }

  onResponseReset(reason: ResetReason, detail: string): void {
    this.rule(!this.isComplete || this.tunnel.mayBeLost(this.status), "reset after the end");
    this.resetCame(reason, detail);
  }

  onRequestWriteHigh(): void {
    this.highCame();
  }

  onRequestWriteLow(): void {
    this.lowCame();
  }
}

export function fieldsOf(pairs: readonly Pair[]): HeaderField[] {
  return pairs.map(([name, value]) => new HeaderField(name, value));
}

export function response(status: number, ...pairs: Pair[]): ResponseHeaderMap {
  return new ResponseHeaderMap(status, fieldsOf(pairs));
}

export function request(method: string, path: string, ...pairs: Pair[]): RequestHeaderMap {
  return new RequestHeaderMap(method, path, "example.com", "http", fieldsOf(pairs));
}

class Count {
  value = 0;
  inc(amount = 1): void {
    this.value += amount;
  }
  dec(amount = 1): void {
    this.value -= amount;
  }
}

export type CountedStats = { readonly [Name in keyof Http2Stats]: Count };

export function countedStats(): CountedStats {
  return {
    headerOverflow: new Count(),
    inboundEmptyFramesFlood: new Count(),
    inboundPriorityFramesFlood: new Count(),
    inboundWindowUpdateFramesFlood: new Count(),
    keepaliveTimeout: new Count(),
    outboundControlFlood: new Count(),
    outboundFlood: new Count(),
    rxMessagingError: new Count(),
    rxReset: new Count(),
    streamRefusedErrors: new Count(),
    trailers: new Count(),
    txFlushTimeout: new Count(),
    txReset: new Count(),
    goawaySent: new Count(),
    tooManyPrematureResets: new Count(),
    streamsActive: new Count(),
    pendingSendBytes: new Count(),
  };
}

abstract class Peer {
  readonly queue = new FlushQueue();
  readonly time = new VirtualTime();
  readonly stats = countedStats();
  readonly connection: ScriptedConnection;
  readonly environment: Http2Environment;
  protected readonly wire: Wire;

  constructor(connection: ScriptedConnectionOptions, isServer: boolean) {
    this.connection = new ScriptedConnection({ flushQueue: this.queue, ...connection });
    const { clock, timers } = this.time;
    this.environment = { flushQueue: this.queue, timers, clock, stats: this.stats, random: () => 0.5 };
    this.wire = new Wire(!isServer);
  }

  /** Bytes arrive, in one turn. */
  receive(...parts: readonly (Uint8Array | string)[]): void {
    this.connection.receive(Buffer.concat(parts.map((part) => Buffer.from(part as string, "latin1"))));
  }

  /** What was written since the last call, a word per frame. */
  sent(): string[] {
    const bytes = Buffer.concat(this.connection.writes);
    this.connection.writes.length = 0;
    return this.wire.words(bytes);
  }

  /** The same as frames. */
  sentFrames(): SentFrame[] {
    const bytes = Buffer.concat(this.connection.writes);
    this.connection.writes.length = 0;
    return this.wire.frames(bytes);
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
}

/** A server codec, the engine behind it, and the client before it. */
export class ServerPeer extends Peer implements ServerCallbacks {
  readonly codec: Http2ServerCodec;
  readonly requests: RecordedRequest[] = [];
  readonly errors: ProtocolError[] = [];
  onHeaders: ((request: RecordedRequest) => void) | null = null;
  onData: ((request: RecordedRequest, bytes: Uint8Array, end: boolean) => void) | null = null;
  onComplete: ((request: RecordedRequest) => void) | null = null;
  onLow: ((request: RecordedRequest) => void) | null = null;

  constructor(options: Partial<Http2Options> = {}, connection: ScriptedConnectionOptions = {}) {
    super(connection, true);
    const all = { ...HTTP2_SERVER_DEFAULTS, ...options };
    this.codec = new Http2ServerCodec(this.connection, this, all, this.environment);
    this.connection.setEvents(this.codec);
  }

  /** The client's preface, its SETTINGS and its answer to ours; what was written so far is forgotten. */
  greet(...pairs: ReadonlyArray<readonly [number, number]>): this {
    this.receive(PREFACE, settings(...pairs), SETTINGS_ACK);
    this.sent();
    return this;
  }

  onStream(encoder: ResponseEncoder): RequestDecoder {
    const recorded = new RecordedRequest(this, encoder);
    this.requests.push(recorded);
    return recorded;
  }

  onProtocolError(error: ProtocolError): void {
    this.errors.push(error);
    this.connection.closeAfterFlush(1000);
  }

  onRequestBegin(): void {}

  /** The request that came last. */
  get last(): RecordedRequest {
    return this.requests.at(-1)!;
  }

  /** Answers every request at its end with 200 and `body`. */
  answerAll(body = "ok"): this {
    this.onComplete = ({ encoder }) => {
      encoder.sendHeaders(response(200), body === "");
      if (body !== "") encoder.sendData(Buffer.from(body, "latin1"), true);
    };
    return this;
  }
}

/** A client codec, the pool before it, and the upstream behind it. */
export class ClientPeer extends Peer implements ClientCallbacks {
  readonly codec: Http2ClientCodec;
  /** `reusable` of each stream that ended. */
  readonly ends: boolean[] = [];
  drainings = 0;

  constructor(options: Partial<Http2Options> = {}, connection: ScriptedConnectionOptions = {}) {
    super(connection, false);
    const all = { ...HTTP2_CLIENT_DEFAULTS, ...options };
    this.codec = new Http2ClientCodec(this.connection, this, all, this.environment);
    this.connection.setEvents(this.codec);
    this.turn(() => undefined);
  }

  /** The server's SETTINGS and its answer to ours; what was written so far is forgotten. */
  greet(...pairs: ReadonlyArray<readonly [number, number]>): this {
    this.receive(settings(...pairs), SETTINGS_ACK);
    this.sent();
    return this;
  }

  onStreamEnd(reusable: boolean): void {
    this.ends.push(reusable);
  }

  onDraining(): void {
    this.drainings++;
    if (this.drainings > 1) throw new Error("the codec broke a rule: draining twice");
  }

  /** Opens a stream and sends its headers, in one turn. */
  send(map: RequestHeaderMap, end = true): RecordedResponse {
    const recorded = new RecordedResponse();
    this.turn(() => {
      recorded.encoder = this.codec.openStream(recorded);
      recorded.tunnel.watch(recorded.encoder, map);
      recorded.encoder.sendHeaders(map, end);
    });
    return recorded;
  }

  get(method = "GET"): RecordedResponse {
    return this.send(request(method, "/"));
  }
}
