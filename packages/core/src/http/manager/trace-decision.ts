/**
 * Whether a request is traced: decided where tracing is configured, told to everybody behind us in the request id. Spans are the business of tracers, of which
 * there are none yet. Envoy: ConnectionManagerUtility::mutateTracingRequestHeader.
 */
import type { RuntimeFraction } from "@sluice/sdk";
import type { RequestIdPackingModel, TracingModel } from "../../config/model.ts";
import type { FilterRuntime } from "../../runtime/runtime-store.ts";
import { HeaderField, KNOWN } from "../headers/field.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { TraceReason, idNumber, packReason, packedReason } from "./trace-reason.ts";

export class TraceDecision {
  readonly #client: RuntimeFraction;
  readonly #random: RuntimeFraction;
  readonly #overall: RuntimeFraction;
  readonly #packing: RequestIdPackingModel;

  constructor(model: TracingModel, packing: RequestIdPackingModel, runtime: FilterRuntime) {
    this.#client = runtime.fraction(model.clientSampling.key, model.clientSampling);
    this.#random = runtime.fraction(model.randomSampling.key, model.randomSampling);
    this.#overall = runtime.fraction(model.overallSampling.key, model.overallSampling);
    this.#packing = packing;
  }

  /** Decides, and writes into the request id what others will read. What is no UUID decides nothing. */
  decide(headers: RequestHeaderMap): TraceReason {
    if (!this.#packing.useForTraceSampling) return TraceReason.sampled;
    const id = headers.findKnown(KNOWN.xRequestId);
    const number = id === null ? -1 : idNumber(id.value);
    if (id === null || number === -1) return TraceReason.none;
    const { packTraceReason } = this.#packing;
    const before = packTraceReason ? packedReason(id.value) : TraceReason.none;
    let reason: TraceReason = before;
    if (reason === TraceReason.none) {
      if (headers.find("x-client-trace-id") !== null && this.#client.includes()) reason = TraceReason.client;
      else if (headers.find("x-envoy-force-trace") !== null) reason = TraceReason.forced;
      else if (this.#random.includes(number % 10_000)) reason = TraceReason.sampled;
    }
    if (reason !== TraceReason.none && !this.#overall.includes(number % 10_000)) reason = TraceReason.none;
    if (packTraceReason && reason !== before)
      headers.setField(new HeaderField("x-request-id", packReason(id.value, reason)));
    return reason;
  }
}
