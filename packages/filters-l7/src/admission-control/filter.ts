/**
 * Hot path. Refuses a share of the requests while too many of those before failed, so that an upstream that is overloaded gets fewer. Each worker judges by what
 * it has seen itself, as in Envoy.
 */
import {
  Continue,
  type Counter,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type Random,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeValue,
  type StreamInfo,
  type Verdict,
  reply,
} from "@sluice/sdk";
import { featureFlag } from "../shared/feature-flag.ts";
import { isGrpcResponse, knownStatus } from "../shared/grpc.ts";
import { runtimeNumber } from "../shared/runtime-number.ts";
import type { AdmissionControlSettings } from "./config.ts";
import { SuccessWindow } from "./success-window.ts";

/** Nothing is counted of the stream (any more); its response is awaited; its gRPC status is. */
const IDLE = 0;
const ADMITTED = 1;
const AWAITS_STATUS = 2;

export class AdmissionState {
  phase: typeof IDLE | typeof ADMITTED | typeof AWAITS_STATUS;

  constructor() {
    this.phase = IDLE;
  }
}

const DENIED = reply({ status: 503, details: "denied_by_admission_control" });

type Stream = HttpStream<AdmissionState>;

export class AdmissionControlFilter implements HttpFilter<AdmissionState> {
  readonly #settings: AdmissionControlSettings;
  readonly #window: SuccessWindow;
  readonly #random: Random;
  readonly #enabled: RuntimeValue<boolean>;
  readonly #aggression: RuntimeValue<number>;
  readonly #threshold: RuntimeValue<number>;
  readonly #rps: RuntimeValue<number>;
  readonly #mostPercent: RuntimeValue<number>;
  readonly #rejected: Counter;
  readonly #succeeded: Counter;
  readonly #failed: Counter;

  constructor(settings: AdmissionControlSettings, { clock, random, runtime, rootStats, statPrefix }: FilterContext) {
    const prefix = `http.${statPrefix}.admission_control.`;
    this.#settings = settings;
    this.#window = new SuccessWindow(clock, settings.windowMs);
    this.#random = random;
    this.#enabled = featureFlag(runtime, settings.enabled);
    this.#aggression = runtimeNumber(runtime, settings.aggression);
    this.#threshold = runtimeNumber(runtime, settings.successRateThreshold);
    this.#rps = runtimeNumber(runtime, settings.rpsThreshold);
    this.#mostPercent = runtimeNumber(runtime, settings.maxRejectionProbability);
    this.#rejected = rootStats.counter(`${prefix}rq_rejected`);
    this.#succeeded = rootStats.counter(`${prefix}rq_success`);
    this.#failed = rootStats.counter(`${prefix}rq_failure`);
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, { state }: Stream): Verdict {
    if (!this.#enabled.value) return Continue;
    if (this.#rejects()) {
      this.#rejected.inc();
      return DENIED;
    }
    state.phase = ADMITTED;
    return Continue;
  }

  #rejects(): boolean {
    const window = this.#window;
    window.update();
    if (window.averageRps < this.#rps.value) return false;
    const chance = rejectionProbability(
      window.requests,
      window.successes,
      this.#threshold.value / 100,
      this.#aggression.value,
      this.#mostPercent.value / 100,
    );
    return chance > 0 && this.#random.next() < chance;
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean, { state }: Stream): void {
    if (state.phase !== ADMITTED) return;
    if (!isGrpcResponse(headers, end)) return this.#record(state, this.#isHttpSuccess(headers.status));
    if (!end && !headers.has("grpc-status")) state.phase = AWAITS_STATUS;
    else this.#record(state, this.#isGrpcSuccess(headers));
  }

  onResponseTrailers(trailers: Headers, { state }: Stream): void {
    if (state.phase === AWAITS_STATUS) this.#record(state, this.#isGrpcSuccess(trailers));
  }

  /** Of a client that went away nothing is counted: whoever likes could have others refused. */
  onStreamComplete(info: StreamInfo, { state }: Stream): void {
    if (state.phase === AWAITS_STATUS && !info.hasFlag("DC") && !info.hasFlag("DR")) this.#record(state, false);
  }

  #isHttpSuccess(status: number): boolean {
    const ranges = this.#settings.httpSuccess;
    for (let i = 0; i < ranges.length; i++) {
      if (status >= ranges[i]!.start && status < ranges[i]!.end) return true;
    }
    return false;
  }

  #isGrpcSuccess(headers: Headers): boolean {
    return this.#settings.grpcSuccess.includes(knownStatus(headers));
  }

  #record(state: AdmissionState, isSuccess: boolean): void {
    state.phase = IDLE;
    this.#window.record(isSuccess);
    if (isSuccess) this.#succeeded.inc();
    else this.#failed.inc();
  }
}

/** Envoy: ((requests - successes / threshold) / (requests + 1)) ^ (1 / aggression), at most `most`. What the runtime says is brought into its range. */
export function rejectionProbability(
  requests: number,
  successes: number,
  threshold: number,
  aggression: number,
  most: number,
): number {
  const missing = requests - successes / Math.min(1, Math.max(0.01, threshold));
  if (missing <= 0) return 0;
  const share = missing / (requests + 1);
  return Math.min(most, aggression <= 1 ? share : share ** (1 / aggression));
}
