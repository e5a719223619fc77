/** What the two sides of the worker runtime say to each other. */
import type { HookCall, HookOutcome, RemoteHook } from "./remote-filter.ts";

export interface WorkerStart {
  readonly config: { readonly header: string; readonly value: string };
  /** One Float64 a counter, in the order in which `create` asked for them. */
  readonly counters: SharedArrayBuffer;
}

export type ToFar =
  | { readonly kind: "call"; readonly id: number; readonly call: HookCall }
  | { readonly kind: "destroy"; readonly stream: number };

export type FromFar =
  | { readonly kind: "ready"; readonly hooks: readonly RemoteHook[]; readonly counters: readonly string[] }
  | { readonly kind: "outcome"; readonly id: number; readonly outcome: HookOutcome }
  | { readonly kind: "failure"; readonly id: number; readonly message: string };
