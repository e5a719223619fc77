/** Hot path. The request through its filters: configuration order, from the codec to the terminal filter, which is the last slot and the sink. */
import type { DataVerdict, Verdict } from "@sluice/sdk";
import type { MeasuredDirection, MeasuredHook } from "../../observe/cost-names.ts";
import type { HeaderMap, RequestHeaderMap } from "../headers/header-map.ts";
import type { HttpStream } from "../manager/http-stream.ts";
import type { FilterSlot } from "./filter-chain.ts";
import { Flow } from "./flow.ts";
import { readOnlyRequest, readOnlyTrailers } from "./read-only-headers.ts";

const HOOKS = ["onRequestHeaders", "onRequestData", "onRequestTrailers"] as const;

export class RequestFlow extends Flow {
  declare readonly stream: HttpStream;

  /** The last slot to which the headers have come; -1: none. */
  reached: number;

  constructor(stream: HttpStream) {
    super(stream);
    this.reached = -1;
  }

  protected override get origin(): number {
    return -1;
  }

  protected override before(a: number, b: number): boolean {
    return a < b;
  }

  protected override headersSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.requestHeaders;
  }

  protected override dataSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.requestData;
  }

  protected override trailersSlots(): readonly FilterSlot[] | null {
    return this.stream.hooks.requestTrailers;
  }

  protected override callHeaders(slot: FilterSlot, headers: HeaderMap, end: boolean): Verdict | Promise<Verdict> {
    const handle = this.stream.handle(slot);
    this.reached = slot.slot;
    this.stream.enter(slot);
    const map = headers as RequestHeaderMap;
    return slot.filter.onRequestHeaders!(slot.readOnlyHeaders ? readOnlyRequest(map) : map, end, handle);
  }

  protected override callData(slot: FilterSlot, data: Uint8Array, end: boolean): DataVerdict | Promise<DataVerdict> {
    const handle = this.stream.handle(slot);
    this.stream.enter(slot);
    return slot.filter.onRequestData!(data, end, handle);
  }

  protected override callTrailers(slot: FilterSlot, trailers: HeaderMap): Verdict | Promise<Verdict> {
    const handle = this.stream.handle(slot);
    this.stream.enter(slot);
    return slot.filter.onRequestTrailers!(slot.readOnlyHeaders ? readOnlyTrailers(trailers) : trailers, handle);
  }

  protected override get direction(): MeasuredDirection {
    return "request";
  }

  protected override hookName(phase: number): MeasuredHook {
    return HOOKS[phase]!;
  }

  // The terminal filter is the last slot: past it there is nothing but the end of a tunnel whose other direction has ended before.
  protected override sinkHeaders(): void {}
  protected override sinkData(_data: Uint8Array, end: boolean): void {
    if (end && this.stream.responseComplete) this.stream.finish();
  }
  protected override sinkTrailers(): void {
    if (this.stream.responseComplete) this.stream.finish();
  }

  protected override pauseSource(): void {
    this.stream.pauseRequest();
  }

  protected override unpauseSource(): void {
    this.stream.resumeRequest();
  }
}
