/** What checks over HTTP have in common: one request at a time over the host's own pool, and an outcome when its answer is whole. */
import type { Headers, ResetReason, ResponseHeaders, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { HostPool } from "../pool/host-pool.ts";
import { HeardBytes } from "./payload.ts";
import { NO_ANSWER, type Probe, type ProbeOutcome } from "./probe.ts";

export interface HeardAnswer {
  readonly headers: ResponseHeaderMap;
  readonly body: Buffer;
  /** null: none came. */
  readonly trailers: Headers | null;
}

export interface RequestProbeOptions {
  readonly pool: HostPool;
  /** A request is its stream's: made anew each time. */
  readonly request: () => RequestHeaderMap;
  readonly body: Buffer;
  /** Bytes of the answer's body that are of interest; 0: all. */
  readonly bufferBytes: number;
  /** A connection serves one check alone. */
  readonly closesAfter: boolean;
  readonly judge: (answer: HeardAnswer) => ProbeOutcome;
}

export class RequestProbe implements Probe, UpstreamStreamEvents {
  readonly #options: RequestProbeOptions;
  readonly #body: HeardBytes;
  #done: ((outcome: ProbeOutcome) => void) | null = null;
  #stream: UpstreamStream | null = null;
  #headers: ResponseHeaderMap | null = null;

  constructor(options: RequestProbeOptions) {
    this.#options = options;
    this.#body = new HeardBytes(options.bufferBytes);
  }

  run(done: (outcome: ProbeOutcome) => void): void {
    const { pool, request, body } = this.#options;
    this.#done = done;
    this.#headers = null;
    this.#body.clear();
    const stream = pool.openStream(this);
    if (typeof stream === "string") {
      queueMicrotask(() => this.#end(NO_ANSWER));
      return;
    }
    this.#stream = stream;
    stream.sendHeaders(request(), body.length === 0);
    if (body.length !== 0) stream.sendData(body, true);
  }

  cancel(): void {
    this.#done = null;
    const stream = this.#stream;
    this.#stream = null;
    stream?.reset();
    // What did not answer in time may never: the next check finds out on a connection of its own.
    this.#options.pool.closeConnections();
  }

  close(): void {
    this.cancel();
    this.#options.pool.destroy();
  }

  onUpstreamReady(): void {}
  onUpstreamInformational(_headers: ResponseHeaders): void {}

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    this.#headers = headers as ResponseHeaderMap;
    if (end) this.#answered(null);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    this.#body.add(data);
    if (end) this.#answered(null);
  }

  onUpstreamTrailers(trailers: Headers): void {
    this.#answered(trailers);
  }

  onUpstreamReset(_reason: ResetReason, _detail: string): void {
    this.#stream = null;
    this.#end(NO_ANSWER);
  }

  onUpstreamWriteHigh(): void {}
  onUpstreamWriteLow(): void {}

  #answered(trailers: Headers | null): void {
    const headers = this.#headers!;
    this.#stream = null;
    const outcome = this.#judge({ headers, body: this.#body.all(), trailers });
    if (this.#options.closesAfter) queueMicrotask(() => this.#options.pool.closeConnections());
    this.#end(outcome);
  }

  /** It is called by a connection, which nobody stands behind in main. */
  #judge(answer: HeardAnswer): ProbeOutcome {
    try {
      return this.#options.judge(answer);
    } catch (error) {
      return { kind: "error", error };
    }
  }

  #end(outcome: ProbeOutcome): void {
    const done = this.#done;
    this.#done = null;
    done?.(outcome);
  }
}
