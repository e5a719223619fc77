/** Hot path. The response through its filters: reverse order, from the terminal filter (or a local reply) to the codec. */
import type { DataVerdict, Verdict } from "@sluice/sdk";
import { Continue } from "@sluice/sdk";
import type { MeasuredDirection, MeasuredHook } from "../../observe/cost-names.ts";
import type { HeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import type { HttpStream } from "../manager/http-stream.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { Flow } from "./flow.ts";
import { readOnlyResponse, readOnlyTrailers } from "./read-only-headers.ts";

const HOOKS = ["onResponseHeaders", "onResponseData", "onResponseTrailers"] as const;

export class ResponseFlow extends Flow {
  declare readonly stream: HttpStream;

  // oxlint-disable-next-line no-useless-constructor -- narrows the stream's type
  constructor(stream: HttpStream) {
    super(stream);
  }

  protected override get origin(): number {
    return 0x7fff_ffff;
  }

  protected override before(a: number, b: number): boolean {
    return a > b;
  }

  protected override headersSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.responseHeaders;
  }

  protected override dataSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.responseData;
  }

  protected override trailersSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.responseTrailers;
  }

  protected override callHeaders(slot: FilterSlot, headers: HeaderMap, end: boolean): Verdict | Promise<Verdict> {
    const handle = this.stream.handle(slot);
    this.stream.enter(slot);
    const map = headers as ResponseHeaderMap;
    return slot.filter.onResponseHeaders!(slot.readOnlyHeaders ? readOnlyResponse(map) : map, end, handle);
  }

  protected override callData(slot: FilterSlot, data: Uint8Array, end: boolean): DataVerdict | Promise<DataVerdict> {
    const handle = this.stream.handle(slot);
    this.stream.enter(slot);
    return slot.filter.onResponseData!(data, end, handle);
  }

  protected override callTrailers(slot: FilterSlot, trailers: HeaderMap): Verdict | Promise<Verdict> {
    const handle = this.stream.handle(slot);
    this.stream.enter(slot);
    return slot.filter.onResponseTrailers!(slot.readOnlyHeaders ? readOnlyTrailers(trailers) : trailers, handle);
  }

  /** 1xx responses pass every filter that wants to see them; what is not `Continue` drops one. A promise delays nothing else: 1xx are advice. */
  sendInformational(headers: ResponseHeaderMap): void {
    this.runInformational(headers, 0);
  }

  private runInformational(headers: ResponseHeaderMap, from: number): void {
    const slots = this.stream.hooks.informational;
    if (slots !== null) {
      for (let i = from; i < slots.length; i++) {
        const slot = slots[i]!;
        const { probe } = this.stream;
        if (probe !== null) probe.begin(slot, "onInformational");
        let verdict: Verdict | Promise<Verdict> = Continue;
        try {
          const handle = this.stream.handle(slot);
          this.stream.enter(slot);
          verdict = slot.filter.onInformational!(slot.readOnlyHeaders ? readOnlyResponse(headers) : headers, handle);
          if (typeof verdict === "object" && "then" in verdict) {
            this.awaitInformational(verdict, slot, i, headers);
            return;
          }
          if (verdict !== undefined && verdict !== Continue) return;
        } catch (error) {
          if (!this.stream.filterFailed(slot, "onInformational", error)) return;
        } finally {
          if (probe !== null) probe.end(slot, verdict);
        }
        // Late advice is no advice: once the final headers are on their way it is dropped.
        if (this.inert || this.headers !== null) return;
      }
    }
    this.stream.sinkInformational(headers);
  }

  private awaitInformational(
    promise: PromiseLike<Verdict>,
    slot: FilterSlot,
    at: number,
    headers: ResponseHeaderMap,
  ): void {
    Promise.resolve(promise).then(
      (verdict) => {
        if ((verdict === undefined || verdict === Continue) && !this.inert && this.headers === null)
          this.runInformational(headers, at + 1);
      },
      (error: unknown) => {
        if (this.inert || !this.stream.filterFailed(slot, "onInformational", error)) return;
        if (this.headers === null) this.runInformational(headers, at + 1);
      },
    );
  }

  protected override get direction(): MeasuredDirection {
    return "response";
  }

  protected override hookName(phase: number): MeasuredHook {
    return HOOKS[phase]!;
  }

  protected override sinkHeaders(headers: HeaderMap, end: boolean): void {
    this.stream.sinkHeaders(headers as ResponseHeaderMap, end);
  }

  protected override sinkData(data: Uint8Array, end: boolean): void {
    this.stream.sinkData(data, end);
  }

  protected override sinkTrailers(trailers: HeaderMap): void {
    this.stream.sinkTrailers(trailers);
  }

  // The source is the terminal filter: it watches this direction.
  protected override pauseSource(): void {}
  protected override unpauseSource(): void {}
}
