/** The terminal filter of a harness where no filter under test ends the chain: the test is the upstream. Fails as the router does. */
import { type ResetReason, type TerminalStream, defineTerminalHttpFilter, parsedBy } from "@sluice/sdk";
import type { StreamHandle } from "../http/chain/stream-handle.ts";
import type { HeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import type { AnyDefinition } from "./setup.ts";
import { UpstreamEnd } from "./upstream-end.ts";

const WORDS: Readonly<
  Record<ResetReason, readonly [flag: "UF" | "UC" | "UR" | "UPE" | "UO" | "UMSDR" | "LR", words: string]>
> = {
  connection_failure: ["UF", "remote_connection_failure"],
  connection_timeout: ["UF", "connection_timeout"],
  connection_termination: ["UC", "connection_termination"],
  remote_reset: ["UR", "remote_reset"],
  protocol_error: ["UPE", "protocol_error"],
  overflow: ["UO", "overflow"],
  max_duration: ["UMSDR", "upstream_max_stream_duration_reached"],
  local_reset: ["LR", "local_reset"],
};

class ScriptedUpstream extends UpstreamEnd {
  readonly #stream: TerminalStream<ScriptedUpstream>;
  #isSlow = false;
  #responded = false;

  constructor(stream: TerminalStream<ScriptedUpstream>) {
    super();
    this.#stream = stream;
    stream.response.watch({
      onAboveHighWatermark: () => this.setPaused(true),
      onBelowLowWatermark: () => this.setPaused(false),
    });
  }

  override slow(): this {
    if (!this.#isSlow) this.#stream.request.pause();
    this.#isSlow = true;
    return this;
  }

  override fast(): this {
    if (this.#isSlow) this.#stream.request.unpause();
    this.#isSlow = false;
    return this;
  }

  protected override sendInformational(headers: ResponseHeaderMap): void {
    this.#stream.sendInformational(headers);
  }

  protected override sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.#responded = true;
    this.#stream.sendHeaders(headers, end);
  }

  protected override sendData(data: Uint8Array, end: boolean): void {
    this.#stream.sendData(data, end);
  }

  protected override sendTrailers(trailers: HeaderMap): void {
    this.#stream.sendTrailers(trailers);
  }

  protected override sendReset(reason: ResetReason): void {
    const [flag, words] = WORDS[reason];
    if (this.#responded) {
      this.#stream.reset(`upstream_reset_after_response_started{${words}}`, flag);
      return;
    }
    const details = `upstream_reset_before_response_started{${words}}`;
    const body = "upstream connect error or disconnect/reset before headers";
    this.#stream.reply({ status: reason === "protocol_error" ? 502 : 503, body, details, flag });
  }

  // The hooks' part.
  take = {
    headers: this.gotHeaders.bind(this),
    data: this.gotData.bind(this),
    trailers: this.gotTrailers.bind(this),
    destroy: () => {
      if (!this.frames.includes("end")) this.gotReset();
      else this.over();
    },
  };
}

export const UPSTREAM_ID = "sluice.testing.upstream";

/** `onStream`: a request has come to the end of the chain. */
export function scriptedUpstream(onStream: (stream: HttpStream, upstream: UpstreamEnd) => void): AnyDefinition {
  return defineTerminalHttpFilter({
    id: UPSTREAM_ID,
    maturity: "stable",
    security: "unknown",
    config: parsedBy(() => ({})),
    newState: (): { upstream: ScriptedUpstream | null } => ({ upstream: null }),
    create: () => ({
      onRequestHeaders(headers, end, stream) {
        const upstream = new ScriptedUpstream(stream as unknown as TerminalStream<ScriptedUpstream>);
        stream.state.upstream = upstream;
        onStream((stream as unknown as StreamHandle).stream, upstream);
        upstream.take.headers(headers, end);
      },
      onRequestData: (data, end, stream) => stream.state.upstream!.take.data(data, end),
      onRequestTrailers: (trailers, stream) => stream.state.upstream!.take.trailers(trailers),
      onDestroy: (stream) => stream.state.upstream?.take.destroy(),
    }),
  });
}
