/** What a client has got of one response, as the codec would have written it; it grows while frames come. Anything that no codec could write throws at once. */
import type { ResetReason, ResponseFlag } from "@sluice/sdk";
import type { ResponseEncoder } from "../http/codec/codec.ts";
import type { HeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { type ReceivedRequest, recordOf } from "./messages.ts";

/** A response as its client sees it. */
export interface TestResponse {
  /** 0 while there is none. */
  readonly status: number;
  /** Values of one name joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly headerList: readonly (readonly [name: string, value: string])[];
  /** As UTF-8. */
  readonly body: string;
  readonly bytes: Uint8Array;
  /** Lengths of the data frames. */
  readonly chunks: readonly number[];
  readonly trailers: Readonly<Record<string, string>> | null;
  /** Statuses of 1xx responses. */
  readonly informational: readonly number[];
  /** In order: `1xx`, `headers`, `data:<bytes>`, `trailers`, `end`, `reset:<reason>`. */
  readonly frames: readonly string[];
  /** Whether the response is whole. */
  readonly ended: boolean;
  /** Why it was broken off; null where it was not. */
  readonly reset: ResetReason | null;
  /** `%RESPONSE_CODE_DETAILS%` of the access log. */
  readonly details: string;
  /** `%RESPONSE_FLAGS%`. */
  readonly flags: readonly ResponseFlag[];
  /** The request as the upstream got it; null where nothing left the chain. */
  readonly upstream: ReceivedRequest | null;
}

/** What the kit writes and tests read. */
export class ResponseRecord implements TestResponse {
  readonly frames: string[] = [];
  readonly chunks: number[] = [];
  readonly informational: number[] = [];
  status = 0;
  headerList: readonly (readonly [string, string])[] = [];
  trailers: Readonly<Record<string, string>> | null = null;
  ended = false;
  reset: ResetReason | null = null;
  /** For the kit: bytes of the body so far; whether it is kept. */
  length = 0;
  keepsBody = true;
  readonly #data: Buffer[] = [];
  readonly #facts: () => HttpStream;
  readonly #upstream: () => ReceivedRequest | null;

  constructor(facts: () => HttpStream, upstream: () => ReceivedRequest | null) {
    this.#facts = facts;
    this.#upstream = upstream;
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

  get details(): string {
    return this.#facts().details;
  }

  get flags(): readonly ResponseFlag[] {
    return this.#facts().flags;
  }

  get upstream(): ReceivedRequest | null {
    return this.#upstream();
  }

  /** For the kit: bytes of one data frame. */
  add(data: Uint8Array): void {
    this.length += data.length;
    if (!this.keepsBody) return;
    this.chunks.push(data.length);
    this.#data.push(Buffer.from(data));
    this.frames.push(`data:${data.length}`);
  }
}

/** The codec's place. */
export class ClientEnd implements ResponseEncoder {
  readonly protocol = "HTTP/1.1";
  requestPaused = false;
  aboveWatermark = false;
  readonly #record: ResponseRecord;
  readonly #onFrame: () => void;

  /** `onFrame`: the request may go on, or the response is over. */
  constructor(record: ResponseRecord, onFrame: () => void) {
    this.#record = record;
    this.#onFrame = onFrame;
  }

  sendInformational(headers: ResponseHeaderMap): void {
    if (this.#record.status !== 0) throw new Error("a 1xx response after the headers");
    this.#record.informational.push(headers.status);
    this.#record.frames.push("1xx");
  }

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    const record = this.#record;
    if (record.status !== 0) throw new Error("headers were sent twice");
    record.status = headers.status;
    record.headerList = [...headers];
    record.frames.push("headers");
    if (end) this.#end();
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.#expectOpen("data");
    this.#record.add(data);
    if (end) this.#end();
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#expectOpen("trailers");
    this.#record.trailers = recordOf(trailers);
    this.#record.frames.push("trailers");
    this.#end();
  }

  reset(reason: ResetReason): void {
    if (this.#record.ended || this.#record.reset !== null) throw new Error("reset after the end");
    this.#record.reset = reason;
    this.#record.frames.push(`reset:${reason}`);
    this.#onFrame();
  }

  pauseRequest(): void {
    this.requestPaused = true;
  }

  resumeRequest(): void {
    this.requestPaused = false;
    this.#onFrame();
  }

  closeAfterResponse(): void {}

  #expectOpen(what: string): void {
    if (this.#record.status === 0) throw new Error(`${what} before headers`);
    if (this.#record.ended) throw new Error(`${what} after the end`);
    if (this.#record.reset !== null) throw new Error(`${what} after a reset`);
  }

  #end(): void {
    if (this.#record.ended) throw new Error("the response ended twice");
    this.#record.ended = true;
    this.#record.frames.push("end");
    this.#onFrame();
  }
}
