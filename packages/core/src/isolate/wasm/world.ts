/**
 * The world `sluice:filter` (packages/sdk/wit/filter.wit) as tables: its interfaces, what the hooks are called on either side, and how many plain
 * numbers each function takes in the canonical ABI.
 */

export const PACKAGE = "sluice:filter";
export const VERSION = "0.1.0";

/** Hooks of a component → the interface and function that has it, and its name among the hooks of the sdk (null: the host's own doing). */
export const HOOKS = {
  requestHeaders: { face: "request-headers", name: "on-request-headers", hook: "onRequestHeaders", arity: 4 },
  requestData: { face: "request-data", name: "on-request-data", hook: "onRequestData", arity: 4 },
  requestTrailers: { face: "request-trailers", name: "on-request-trailers", hook: "onRequestTrailers", arity: 3 },
  informational: { face: "informational", name: "on-informational", hook: "onInformational", arity: 3 },
  responseHeaders: { face: "response-headers", name: "on-response-headers", hook: "onResponseHeaders", arity: 4 },
  responseData: { face: "response-data", name: "on-response-data", hook: "onResponseData", arity: 4 },
  responseTrailers: { face: "response-trailers", name: "on-response-trailers", hook: "onResponseTrailers", arity: 3 },
  localReply: { face: "local-reply", name: "on-local-reply", hook: "onLocalReply", arity: 4 },
  callResponse: { face: "call-response", name: "on-call-response", hook: null, arity: 8 },
  timer: { face: "timer", name: "on-timer", hook: null, arity: 2 },
  streamComplete: { face: "stream-complete", name: "on-stream-complete", hook: "onStreamComplete", arity: 1 },
  streamEnd: { face: "stream-end", name: "on-destroy", hook: "onDestroy", arity: 1 },
} as const;
export type ComponentHook = keyof typeof HOOKS;
export const HOOK_NAMES = Object.keys(HOOKS) as readonly ComponentHook[];

export const LIFECYCLE = { face: "lifecycle", name: "configure", arity: 2 } as const;

/** Interfaces that a component may import → their functions. */
export const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  types: [],
  host: ["log", "counter", "increment", "now", "wall-now", "random"],
  "this-stream": ["attribute", "route-config", "metadata", "set-metadata"],
  calls: ["start"],
  timers: ["start"],
};

export const VERDICTS = ["continue", "stop", "stop-and-buffer", "stop-and-watermark"] as const;
export const EDIT_KINDS = ["set", "append", "delete"] as const;
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** `sluice:filter/request-headers@0.1.0` */
export function interfaceName(face: string): string {
  return `${PACKAGE}/${face}@${VERSION}`;
}

/** The name of a core module's export, as wit-component and wit-bindgen write it. */
export function coreName(face: string, name: string): string {
  return `${interfaceName(face)}#${name}`;
}
