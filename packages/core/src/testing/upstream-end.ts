/** The upstream's end of one stream, as a test plays it: it keeps the request as it arrived, and answers when told or by itself. What carries it is the subclass's. */
import type { Headers, RequestHeaders, ResetReason } from "@sluice/sdk";
import { HeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import {
  type BytesInput,
  type HeadersInput,
  type ReceivedRequest,
  type Respond,
  type UpstreamAnswer,
  bytesOf,
  chunksOf,
  fieldsOf,
  lend,
  recordOf,
  withLength,
} from "./messages.ts";

/** Grows while frames come. */
export class RequestRecord implements ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly headerList: readonly (readonly [string, string])[];
  readonly chunks: number[] = [];
  trailers: Readonly<Record<string, string>> | null = null;
  ended = false;
  /** Bytes of the body so far. */
  length = 0;
  readonly #data: Buffer[] = [];

  constructor(headers: RequestHeaders) {
    this.method = headers.method;
    this.path = headers.path;
    this.authority = headers.authority;
    this.scheme = headers.scheme;
    this.headerList = [...headers];
  }

  get headers(): Readonly<Record<string, string>> {
    return recordOf(this.headerList);
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#data);
  }

  get body(): string {
    return Buffer.concat(this.#data).toString("utf8");
  }

  /** For the kit: bytes of one data frame. */
  add(data: Uint8Array, keeps: boolean): void {
    this.length += data.length;
    if (!keeps) return;
    this.chunks.push(data.length);
    this.#data.push(Buffer.from(data));
  }
}

export abstract class UpstreamEnd {
  /** What came, in order: `headers`, `data:<bytes>`, `trailers`, `end`, `reset`. */
  readonly frames: string[] = [];
  /** The proxy's side is gone: it was reset, or the stream is over. Whatever is sent then goes nowhere. */
  gone = false;
  /** For the kit: whether buffers are overwritten, whether bodies are kept, whether a function answers. */
  overwritesBuffers = true;
  keepsBody = true;
  answersItself = false;
  #request: RequestRecord | null = null;
  #isPaused = false;
  #waiting: (() => void) | null = null;
  #onEnd: ((request: ReceivedRequest) => void) | null = null;

  /** The request as far as it has come. */
  get request(): ReceivedRequest {
    if (this.#request === null) throw new Error("the request's headers have not come to the upstream yet");
    return this.#request;
  }

  /** Bytes of the request's body so far. */
  get receivedBytes(): number {
    return this.#request?.length ?? 0;
  }

  /** Whether the proxy has asked the upstream to wait: its client is slow, or a filter holds. */
  get responsePaused(): boolean {
    return this.#isPaused;
  }

  /** Answers: headers, then body and trailers where the answer has them. `end` false: the test goes on with `data` and `trailers`. */
  respond(answer: UpstreamAnswer = {}, end = true): this {
    for (const status of answer.informational ?? []) this.informational(status);
    const chunks = chunksOf(answer);
    const { trailers } = answer;
    this.sendHeaders(headersOf(answer), end && chunks.length === 0 && trailers === undefined);
    for (const [i, chunk] of chunks.entries())
      this.#send(chunk, end && trailers === undefined && i === chunks.length - 1);
    if (trailers !== undefined) this.trailers(trailers);
    return this;
  }

  /** A 1xx response. */
  informational(status: number, headers: HeadersInput = {}): this {
    if (!this.gone) this.sendInformational(new ResponseHeaderMap(status, fieldsOf(headers)));
    return this;
  }

  /** One data frame, in a buffer that is overwritten when the call returns, as a socket's is. */
  data(data: BytesInput, end = false): this {
    this.#send(bytesOf(data), end);
    return this;
  }

  trailers(trailers: HeadersInput): this {
    if (!this.gone) this.sendTrailers(new HeaderMap(fieldsOf(trailers)));
    return this;
  }

  /** The upstream takes no more of the request, takes more again. */
  abstract slow(): this;
  abstract fast(): this;

  /** The upstream is lost. @param reason by default its connection ended early */
  reset(reason: ResetReason = "connection_termination"): this {
    if (!this.gone) this.sendReset(reason);
    return this;
  }

  #send(data: Buffer, end: boolean): void {
    if (this.gone) return;
    lend(data, this.overwritesBuffers, (bytes) => this.sendData(bytes, end));
  }

  // ---- for the kit --------------------------------------------------------------------------------------------------------------------------

  protected abstract sendInformational(headers: ResponseHeaderMap): void;
  protected abstract sendHeaders(headers: ResponseHeaderMap, end: boolean): void;
  protected abstract sendData(data: Uint8Array, end: boolean): void;
  protected abstract sendTrailers(trailers: HeaderMap): void;
  protected abstract sendReset(reason: ResetReason): void;

  protected gotHeaders(headers: RequestHeaders, end: boolean): void {
    this.#request = new RequestRecord(headers);
    this.frames.push("headers");
    if (end) this.#ended();
  }

  protected gotData(data: Uint8Array, end: boolean): void {
    this.#request!.add(data, this.keepsBody);
    if (this.keepsBody) this.frames.push(`data:${data.length}`);
    if (end) this.#ended();
  }

  protected gotTrailers(trailers: Headers): void {
    this.#request!.trailers = recordOf(trailers);
    this.frames.push("trailers");
    this.#ended();
  }

  protected gotReset(): void {
    this.frames.push("reset");
    this.over();
  }

  protected setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) this.#wake();
  }

  protected over(): void {
    this.gone = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  #ended(): void {
    this.frames.push("end");
    this.#request!.ended = true;
    this.#onEnd?.(this.#request!);
  }

  /** Answers by itself when the request is whole, and waits where it is asked to. `delay` resolves after virtual milliseconds. */
  async answerWith(respond: Respond, delay: (ms: number) => Promise<void>): Promise<void> {
    this.answersItself = true;
    const request = await this.#whole();
    const answer = await respond(request);
    if (answer.delayMs !== undefined) await delay(answer.delayMs);
    for (const status of answer.informational ?? []) this.informational(status);
    const chunks = chunksOf(answer);
    const { trailers, reset } = answer;
    if (reset !== undefined && chunks.length === 0) {
      this.reset(reset);
      return;
    }
    if (this.gone) return;
    const isOpen = trailers !== undefined || reset !== undefined;
    this.sendHeaders(headersOf(answer), chunks.length === 0 && !isOpen);
    for (const [i, chunk] of chunks.entries()) {
      while (this.#isPaused && !this.gone) await new Promise<void>((resolve) => (this.#waiting = resolve));
      this.#send(chunk, !isOpen && i === chunks.length - 1);
    }
    if (reset !== undefined) this.reset(reset);
    else if (trailers !== undefined) this.trailers(trailers);
  }

  #whole(): Promise<ReceivedRequest> {
    if (this.#request?.ended === true) return Promise.resolve(this.#request);
    return new Promise((resolve) => (this.#onEnd = resolve));
  }
}

function headersOf({ status = 200, headers, body, chunks }: UpstreamAnswer): ResponseHeaderMap {
  return new ResponseHeaderMap(status, withLength(fieldsOf(headers), chunks === undefined ? body : undefined));
}
