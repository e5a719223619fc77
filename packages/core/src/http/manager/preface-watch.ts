/**
 * Hot path. What a connection has until its first bytes say which HTTP it speaks (`codec_type: AUTO` without ALPN): HTTP/2 with prior knowledge begins with a
 * preface that no HTTP/1 request begins with. Only a beginning of the preface is held, and that is known text: nothing is kept.
 */
import type { ResponseHeaderMap } from "../headers/header-map.ts";
import type { ServerCodec } from "../codec/codec.ts";

/** As much of RFC 9113 section 3.4's preface as Envoy asks for; the codec looks at the rest. */
const PREFACE: Uint8Array = Buffer.from("PRI * HTTP/2", "latin1");

/** The connection, as the watch sees it. */
export interface WatchedConnection {
  /** Takes the codec of that protocol instead of the watch. */
  useHttp1(): ServerCodec;
  useHttp2(): ServerCodec;
  onRequestBegin(): void;
}

export class PrefaceWatch implements ServerCodec {
  readonly #connection: WatchedConnection;
  /** Bytes of the preface that have come. */
  #matched: number;

  constructor(connection: WatchedConnection) {
    this.#connection = connection;
    this.#matched = 0;
  }

  get activeStreams(): number {
    return 0;
  }

  get readingHead(): boolean {
    return this.#matched !== 0;
  }

  onData(data: Uint8Array): void {
    const connection = this.#connection;
    const before = this.#matched;
    let matched = before;
    let at = 0;
    while (at < data.length && matched < PREFACE.length && data[at] === PREFACE[matched]) {
      at++;
      matched++;
    }
    if (at === data.length && matched < PREFACE.length) {
      this.#matched = matched;
      if (before === 0 && matched !== 0) connection.onRequestBegin();
      return;
    }
    const codec = matched === PREFACE.length ? connection.useHttp2() : connection.useHttp1();
    if (before !== 0) codec.onData(PREFACE.subarray(0, before));
    codec.onData(data);
  }

  /** What has begun and ends here is no HTTP/2. */
  onEnd(): void {
    this.#connection.useHttp1().onEnd();
  }

  sendErrorAndClose(headers: ResponseHeaderMap, body: string): void {
    this.#connection.useHttp1().sendErrorAndClose(headers, body);
  }

  // Nothing was written, and no stream is open.
  onClose(): void {}
  onWriteHigh(): void {}
  onWriteLow(): void {}
  onDrained(): void {}
  flush(): void {}
  /** The codec that comes is told. */
  shutdown(): void {}
}
