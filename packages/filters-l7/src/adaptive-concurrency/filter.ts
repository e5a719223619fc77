/** Hot path. Answers requests beyond the limit that its controller finds. */
import {
  Continue,
  type Clock,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type LocalReply,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeValue,
  type Verdict,
  reply,
} from "@sluice/sdk";
import { featureFlag } from "../shared/feature-flag.ts";
import type { AdaptiveConcurrencySettings } from "./config.ts";
import { GradientController } from "./gradient-controller.ts";

export class AdaptiveConcurrencyState {
  /** -1: it is not (any more) among those under way. */
  startMs: number;

  constructor() {
    this.startMs = -1;
  }
}

type Stream = HttpStream<AdaptiveConcurrencyState>;

export class AdaptiveConcurrencyFilter implements HttpFilter<AdaptiveConcurrencyState> {
  readonly #controller: GradientController;
  readonly #enabled: RuntimeValue<boolean>;
  readonly #clock: Clock;
  readonly #refusal: LocalReply;

  constructor(settings: AdaptiveConcurrencySettings, context: FilterContext) {
    this.#controller = new GradientController(settings.gradient, context);
    this.#enabled = featureFlag(context.runtime, settings.enabled);
    this.#clock = context.clock;
    const { status } = settings;
    this.#refusal = reply({ status, body: "reached concurrency limit", details: "reached_concurrency_limit" });
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, { state }: Stream): Verdict {
    if (!this.#enabled.value) return Continue;
    if (!this.#controller.begin()) return this.#refusal;
    state.startMs = this.#clock.turnNow();
    return Continue;
  }

  onResponseHeaders({ status }: ResponseHeaders, end: boolean, { state, requestHeaders }: Stream): void {
    // How long a tunnel stands says nothing of the upstream.
    if (status === 101 || (requestHeaders.method === "CONNECT" && status < 300)) this.#gaveUp(state);
    else if (end) this.#ended(state);
  }

  onResponseData(_data: Uint8Array, end: boolean, { state }: Stream): void {
    if (end) this.#ended(state);
  }

  onResponseTrailers(_trailers: Headers, { state }: Stream): void {
    this.#ended(state);
  }

  onDestroy({ state }: Stream): void {
    this.#gaveUp(state);
  }

  #gaveUp(state: AdaptiveConcurrencyState): void {
    if (state.startMs < 0) return;
    state.startMs = -1;
    this.#controller.gaveUp();
  }

  #ended(state: AdaptiveConcurrencyState): void {
    if (state.startMs < 0) return;
    const { startMs } = state;
    state.startMs = -1;
    this.#controller.ended(startMs);
  }
}
