/** Throws in one hook, whichever it is; or rejects, or returns what is no verdict. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { HttpFilter } from "@sluice/sdk";
import type { Hooks } from "./side.ts";

export type HookName = Exclude<keyof HttpFilter, "dispose"> | "newState";
export type Failure = "throws" | "rejects" | "returns null" | "returns a string" | "returns an object";

export function throwIn(hook: HookName, failure: Failure, onError: "fail" | "continue" = "fail"): HarnessFilter {
  const fail = (): unknown => {
    switch (failure) {
      case "throws":
        throw new Error("torture");
      case "rejects":
        return Promise.reject(new Error("torture"));
      case "returns null":
        return null;
      case "returns a string":
        return "stop";
      case "returns an object":
        return { kind: "something else" };
    }
  };
  if (hook === "newState")
    return { name: "broken", newState: fail, hooks: { onRequestHeaders() {}, onInformational() {} }, onError };
  return { name: "broken", hooks: { [hook]: fail } as Hooks, onError };
}
