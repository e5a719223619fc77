/** A filter written once for both directions: `onSide("request", …)` gives request hooks, `onSide("response", …)` response hooks. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { DataVerdict, Direction, Headers, HttpStream, Verdict } from "@sluice/sdk";

export type Side = "request" | "response";
export const SIDES: readonly Side[] = ["request", "response"];

export interface SideHooks {
  readonly headers?: (way: Direction, stream: HttpStream, end: boolean, headers: Headers) => Verdict | Promise<Verdict>;
  readonly data?: (
    data: Uint8Array,
    end: boolean,
    way: Direction,
    stream: HttpStream,
  ) => DataVerdict | Promise<DataVerdict>;
  readonly trailers?: (way: Direction, stream: HttpStream, trailers: Headers) => Verdict | Promise<Verdict>;
}

export type Hooks = HarnessFilter["hooks"];

export function onSide(side: Side, hooks: SideHooks, more: Hooks = {}): HarnessFilter {
  const { headers, data, trailers } = hooks;
  const name = side === "request" ? "Request" : "Response";
  const made: Record<string, unknown> = { ...more };
  if (headers !== undefined)
    made[`on${name}Headers`] = (map: Headers, end: boolean, stream: HttpStream) =>
      headers(stream[side], stream, end, map);
  if (data !== undefined)
    made[`on${name}Data`] = (bytes: Uint8Array, end: boolean, stream: HttpStream) =>
      data(bytes, end, stream[side], stream);
  if (trailers !== undefined)
    made[`on${name}Trailers`] = (map: Headers, stream: HttpStream) => trailers(stream[side], stream, map);
  return { hooks: made as Hooks };
}

/** Bytes as text, one character per byte. */
export function text(data: Uint8Array): string {
  return Buffer.from(data).toString("latin1");
}

export function bytes(of: string): Uint8Array {
  return Buffer.from(of, "latin1");
}
