/** What watches one stream that is measured, traced, or both: the engine tells it of hooks and holds. Most streams have none. */
import { Continue, type DataVerdict, Stop, StopAndBuffer, StopAndWatermark } from "@sluice/sdk";
import type { FilterSlot } from "../http/chain/filter-chain.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import type { ResponseHeaderMap } from "../http/headers/header-map.ts";
import { HeaderField } from "../http/headers/field.ts";
import type { ChainObserver } from "./chain-observer.ts";
import type { CountedVerdict, MeasuredDirection, MeasuredHook } from "./cost-names.ts";
import { type DebugTrace, type TraceFacts, type TraceStep, stepOf } from "./debug-trace.ts";
import type { HookTimer } from "./hook-timer.ts";

export const TRACE_HEADER = "x-sluice-trace";

type Answer = DataVerdict | PromiseLike<unknown>;

export class StreamProbe {
  readonly #observer: ChainObserver;
  readonly #timer: HookTimer;
  /** Whether what is seen is counted. */
  readonly #isSampled: boolean;
  readonly #trace: DebugTrace | null;

  constructor(observer: ChainObserver, timer: HookTimer, isSampled: boolean, trace: DebugTrace | null) {
    this.#observer = observer;
    this.#timer = timer;
    this.#isSampled = isSampled;
    this.#trace = trace;
  }

  /** Before a hook; `end` MUST follow, whatever the hook does. */
  begin(slot: FilterSlot, hook: MeasuredHook): void {
    this.#timer.begin(this, slot, hook);
  }

  end(slot: FilterSlot, answer: Answer): void {
    const { hook, hasFailed, us } = this.#timer.end();
    const verdict = hasFailed ? "error" : verdictOf(answer);
    if (this.#isSampled) this.#observer.costOf(slot).called(hook, verdict, us);
    this.#trace?.add(slot.name, hook, verdict, us);
  }

  /** The filter threw, or its promise was rejected. */
  failed(slot: FilterSlot, hook: string): void {
    if (this.#timer.fail(this, slot)) return;
    if (this.#isSampled) this.#observer.costOf(slot).answered("error");
    this.#trace?.add(slot.name, hook, "error", 0);
  }

  /** A promise of the filter was kept. */
  settled(slot: FilterSlot, hook: string, answer: Answer): void {
    const verdict = verdictOf(answer);
    if (this.#isSampled) this.#observer.costOf(slot).answered(verdict);
    this.#trace?.add(slot.name, hook, verdict, 0);
  }

  now(): number {
    return this.#observer.clock.now();
  }

  /** The filter lets go of a direction that it held since `sinceMs`. */
  released(slot: FilterSlot, direction: MeasuredDirection, sinceMs: number): void {
    const ms = this.now() - sinceMs;
    if (this.#isSampled) this.#observer.costOf(slot).held(direction, ms);
    this.#trace?.add(slot.name, direction, "held", ms * 1000);
  }

  /** The response's headers are about to leave. */
  stamp(stream: HttpStream, headers: ResponseHeaderMap): void {
    if (this.#trace === null) return;
    headers.setField(new HeaderField(TRACE_HEADER, this.#trace.header(this.#factsOf(stream), this.#running())));
  }

  /** The stream is over. */
  complete(stream: HttpStream): void {
    if (this.#trace === null) return;
    this.#observer.logTrace(stream.id, this.#trace.whole(this.#factsOf(stream), this.#running()));
  }

  #running(): TraceStep[] {
    const running = this.#timer.running(this);
    return running.map(({ slot, hook, hasFailed, us }) => stepOf(slot.name, hook, hasFailed ? "error" : "running", us));
  }

  #factsOf(stream: HttpStream): TraceFacts {
    const route = stream.route ?? null;
    return {
      us: (this.now() - stream.startMs) * 1000,
      virtualHost: route?.virtualHost ?? null,
      route: route?.name ?? null,
      cluster: route?.kind === "forward" ? route.clusterName : null,
      details: stream.details,
    };
  }
}

function verdictOf(answer: Answer): CountedVerdict {
  if (answer === undefined || answer === Continue) return "continue";
  if (answer === Stop) return "stop";
  if (answer === StopAndBuffer) return "buffer";
  if (answer === StopAndWatermark) return "watermark";
  if (answer instanceof Uint8Array) return "replace";
  if (typeof answer !== "object" || answer === null) return "error";
  if ("then" in answer) return "async";
  return "kind" in answer && answer.kind === "sluice.reply" ? "reply" : "error";
}
