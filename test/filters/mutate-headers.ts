/** Tries to change one header map, by one of the ways to get at it. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Headers, HttpStream } from "@sluice/sdk";
import type { Hooks } from "./side.ts";

export type WayToHeaders = "argument" | "handle";

export function mutateHeaders(
  hook: "onRequestHeaders" | "onResponseHeaders" | "onRequestTrailers" | "onResponseTrailers",
  by: WayToHeaders,
  declared: boolean,
): HarnessFilter {
  const member = `${hook.slice(2, 3).toLowerCase()}${hook.slice(3)}` as
    | "requestHeaders"
    | "responseHeaders"
    | "requestTrailers"
    | "responseTrailers";
  const change = (headers: Headers, ...rest: unknown[]): void => {
    const map = by === "argument" ? headers : (rest.at(-1) as HttpStream)[member]!;
    if (map.get("x-old") === undefined) throw new Error("reading does not work");
    map.set("x-changed", "yes");
  };
  return { name: "mutator", hooks: { [hook]: change } as Hooks, mutatesHeaders: declared };
}
