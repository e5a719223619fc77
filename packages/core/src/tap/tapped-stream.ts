/** A stream that may be recorded: like any other, and it tells its record what comes from both ends and what leaves for the client. */
import type { LocalReplyOptions, ResetReason } from "@sluice/sdk";
import type { HookTable } from "../http/chain/filter-chain.ts";
import type { ResponseEncoder } from "../http/codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import { HttpStream } from "../http/manager/http-stream.ts";
import type { ServerConnection } from "../http/manager/server-connection.ts";
import type { StreamRecord } from "./stream-record.ts";
import type { TapSession } from "./tap-session.ts";

/** How the router's details tell that its upstream was lost. */
const UPSTREAM_RESET = /^upstream_reset_(?:before|after)_response_started\{([a-z_]+?)[}|]/;
const REASONS: Readonly<Record<string, ResetReason>> = {
  remote_connection_failure: "connection_failure",
  connection_timeout: "connection_timeout",
  connection_termination: "connection_termination",
  remote_reset: "remote_reset",
  protocol_error: "protocol_error",
  overflow: "overflow",
  upstream_max_stream_duration_reached: "max_duration",
  local_reset: "local_reset",
};

export class TappedStream extends HttpStream {
  readonly #session: TapSession;
  readonly #tap: TapEncoder;

  constructor(
    session: TapSession,
    server: ServerConnection,
    encoder: ResponseEncoder,
    hooks: HookTable,
    nowMs: number,
    wallMs: number,
  ) {
    const tap = new TapEncoder(encoder);
    super(server, tap, hooks, nowMs, wallMs);
    this.#session = session;
    this.#tap = tap;
  }

  override onRequestHeaders(headers: RequestHeaderMap, end: boolean): void {
    const record = this.#session.begin(this, headers);
    this.#tap.record = record;
    // Before the connection manager and the filters change them.
    record?.request(headers, end);
    super.onRequestHeaders(headers, end);
  }

  override onRequestData(data: Uint8Array, end: boolean): void {
    if (!this.over) this.#tap.record?.data("from_client", data, end);
    super.onRequestData(data, end);
  }

  override onRequestTrailers(trailers: HeaderMap): void {
    if (!this.over) this.#tap.record?.trailers("from_client", trailers);
    super.onRequestTrailers(trailers);
  }

  override onRequestReset(reason: ResetReason, detail: string): void {
    if (!this.over) this.#tap.record?.reset("from_client", reason);
    super.onRequestReset(reason, detail);
  }

  override fromTerminalInformational(headers: ResponseHeaderMap): void {
    if (!this.over) this.#tap.record?.response("from_upstream", "informational", headers.status, headers, false);
    super.fromTerminalInformational(headers);
  }

  override fromTerminalHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (!this.over) this.#tap.record?.response("from_upstream", "response", headers.status, headers, end);
    super.fromTerminalHeaders(headers, end);
  }

  override fromTerminalData(data: Uint8Array, end: boolean): void {
    if (!this.over) this.#tap.record?.data("from_upstream", data, end);
    super.fromTerminalData(data, end);
  }

  override fromTerminalTrailers(trailers: HeaderMap): void {
    if (!this.over) this.#tap.record?.trailers("from_upstream", trailers);
    super.fromTerminalTrailers(trailers);
  }

  override localReply(options: LocalReplyOptions, details: string): void {
    this.#upstreamReset(details);
    super.localReply(options, details);
  }

  override resetStream(reason: ResetReason, details: string, code?: number): void {
    this.#upstreamReset(details);
    super.resetStream(reason, details, code);
  }

  override finish(): void {
    if (this.over) return;
    super.finish();
    const { record } = this.#tap;
    if (record !== null) this.#session.finished(record);
  }

  #upstreamReset(details: string): void {
    if (this.over) return;
    const word = UPSTREAM_RESET.exec(details.replaceAll(" ", "_"))?.[1];
    if (word !== undefined) this.#tap.record?.reset("from_upstream", REASONS[word] ?? "remote_reset");
  }
}

/** Between a stream and its codec. */
class TapEncoder implements ResponseEncoder {
  readonly protocol: string;
  record: StreamRecord | null = null;
  readonly #encoder: ResponseEncoder;

  constructor(encoder: ResponseEncoder) {
    this.protocol = encoder.protocol;
    this.#encoder = encoder;
  }

  get aboveWatermark(): boolean {
    return this.#encoder.aboveWatermark;
  }

  sendInformational(headers: ResponseHeaderMap): void {
    this.record?.response("to_client", "informational", headers.status, headers, false);
    this.#encoder.sendInformational(headers);
  }

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.record?.response("to_client", "response", headers.status, headers, end);
    this.#encoder.sendHeaders(headers, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.record?.data("to_client", data, end);
    this.#encoder.sendData(data, end);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.record?.trailers("to_client", trailers);
    this.#encoder.sendTrailers(trailers);
  }

  reset(reason: ResetReason, code?: number): void {
    this.record?.reset("to_client", reason);
    this.#encoder.reset(reason, code);
  }

  pauseRequest(): void {
    this.#encoder.pauseRequest();
  }

  resumeRequest(): void {
    this.#encoder.resumeRequest();
  }

  closeAfterResponse(): void {
    this.#encoder.closeAfterResponse();
  }
}
