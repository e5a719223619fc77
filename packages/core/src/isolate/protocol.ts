/**
 * What a worker and the thread of an isolated filter say to each other. "Near" is the worker, where the chain is; "far" the thread, where the filter is.
 * Each side sends one message a turn: a list of entries, each a small array whose first element says what it is.
 */
import type { LocalReplyOptions, ResponseFlag, UpstreamErrorReason, UpstreamHost } from "@sluice/sdk";
import type { ExtensionModule, Json } from "../config/model.ts";
import type { LogLevel } from "../worker/log.ts";

/** Hooks that are asked; the number is the place in this list. */
export const ASKED = [
  "onRequestHeaders",
  "onRequestData",
  "onRequestTrailers",
  "onInformational",
  "onResponseHeaders",
  "onResponseData",
  "onResponseTrailers",
] as const;
export type AskedHook = (typeof ASKED)[number];

export const REQUEST_HEADERS = 0;
export const REQUEST_DATA = 1;
export const REQUEST_TRAILERS = 2;
export const INFORMATIONAL = 3;
export const RESPONSE_HEADERS = 4;
export const RESPONSE_DATA = 5;
export const RESPONSE_TRAILERS = 6;

/** 0: the request, 1: the response. */
export type DirectionNumber = 0 | 1;

export function directionOf(hook: number): DirectionNumber {
  return hook < INFORMATIONAL ? 0 : 1;
}

/** Words of the shared memory through which a thread is watched. */
export const WATCH_WORDS = 6;
/** Calls of the filter's code that have begun; and which hook and stream the last was for. */
export const WATCH_BEGUN = 0;
export const WATCH_HOOK = 1;
export const WATCH_STREAM = 2;
/** Messages whose turn is over. */
export const WATCH_DONE = 3;
/** KiB of buffers outside of the heap. */
export const WATCH_EXTERNAL_KIB = 4;
/** The system's number of the thread; 0 where it is not known. */
export const WATCH_THREAD = 5;

/** The hook of a call that is none: a timer, a watermark. */
export const NO_HOOK = -1;

/** What the filter sees of the stream beside the frame: the route's configurations by their number (-1: none), and the attributes that it declared, in their order. */
export type Snapshot = readonly [requestSeen: boolean, routeConfigs: number, values: readonly unknown[] | null];

/** Why a promise of the far side is rejected. */
export interface FarError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

export function toFarError(error: unknown): FarError {
  if (!(error instanceof Error)) return { name: "Error", message: textOf(error), stack: "" };
  return { name: textOf(error.name), message: textOf(error.message), stack: textOf(error.stack ?? "") };
}

/** Of whatever was thrown; what has no text of its own has one too. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something that has no text";
  }
}

export function fromFarError({ name, message, stack }: FarError): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== "") error.stack = stack;
  return error;
}

/** What the thread is given at its start. */
export interface FarStart {
  readonly module: Pick<ExtensionModule, "specifier" | "url" | "bundle">;
  readonly id: string;
  /** As configured: the thread runs the schema itself. */
  readonly config: Json;
  readonly name: string;
  readonly statPrefix: string;
  /** The attributes that snapshots carry, in their order. */
  readonly attributes: readonly string[];
  readonly watch: SharedArrayBuffer;
}

/** A frame for a hook. `section`: headers or trailers, see sections.ts; `data`: a copy. */
export type CallEntry = readonly [
  kind: "call",
  stream: number,
  call: number,
  hook: number,
  end: boolean,
  section: string | null,
  data: Uint8Array | null,
  snapshot: Snapshot,
];

export type ToFar =
  | CallEntry
  /** Configurations of routes, before the first snapshot that names them. */
  | readonly [kind: "routes", number: number, configs: readonly Json[]]
  | readonly [kind: "localReply", stream: number, reply: LocalReplyOptions, snapshot: Snapshot]
  | readonly [kind: "complete", stream: number, snapshot: Snapshot]
  /** The end of a stream: the last entry for it. `isLost`: given up before its end, and no hook is told. */
  | readonly [kind: "destroy", stream: number, isLost: boolean]
  | readonly [kind: "timer", stream: number, timer: number, snapshot: Snapshot]
  | readonly [kind: "contextTimer", timer: number]
  | readonly [kind: "watermark", stream: number, direction: DirectionNumber, isAbove: boolean]
  /** The answer to `body`. */
  | readonly [kind: "body", stream: number, body: number, data: Uint8Array | null, error: FarError | null]
  | readonly [kind: "answer", request: number, head: UpstreamHead | null, error: UpstreamFailure | null]
  | readonly [kind: "answerData", request: number, data: Uint8Array | null, error: UpstreamFailure | null]
  | readonly [kind: "answerTrailers", request: number, section: string | null, error: UpstreamFailure | null]
  /** The upstream takes more of a request's body. */
  | readonly [kind: "pull", request: number]
  | readonly [kind: "dispose"];

export interface UpstreamHead {
  /** Status and headers of the response. */
  readonly section: string;
  readonly host: UpstreamHost;
}

/** Why a request came to nothing; `reason` null: not by the upstream's doing. */
export interface UpstreamFailure extends FarError {
  readonly reason: UpstreamErrorReason | null;
  readonly detail: string;
}

/** A request of the filter to a cluster; its body follows in `askData`, piece by piece as it is pulled, where `streams`. null: not said. */
export interface UpstreamAsk {
  readonly cluster: string;
  readonly method: string | null;
  readonly path: string;
  readonly authority: string | null;
  readonly headers: readonly (readonly [string, string])[];
  /** null: none, or it follows in pieces. */
  readonly body: string | Uint8Array | null;
  readonly streams: boolean;
  readonly timeoutMs: number | null;
}

export type MetricKind = "counter" | "gauge" | "histogram";

export type FromFar =
  | readonly [kind: "ready", hooks: readonly string[]]
  | readonly [kind: "refused", message: string]
  | readonly [kind: "disposed", error: FarError | null]
  | readonly [
      kind: "outcome",
      call: number,
      /** A verdict of the sdk, reply or number; undefined where `data` stands for it. */
      verdict: unknown,
      data: Uint8Array | null,
      edits: readonly string[] | null,
      /** Those that the hook added, as a section. */
      trailers: string | null,
    ]
  | readonly [kind: "failure", call: number, error: FarError]
  /** Changes of headers that a hook made and that count before its outcome, see sections.ts. */
  | readonly [kind: "edits", call: number, edits: readonly string[]]
  /** What a callback of a stream threw. */
  | readonly [kind: "error", stream: number, where: string, error: FarError]
  | readonly [kind: "resume", stream: number, direction: DirectionNumber]
  /** `call`: the headers hook that did it, before its first await; -1: none. */
  | readonly [kind: "inject", stream: number, direction: DirectionNumber, data: Uint8Array, end: boolean, call: number]
  | readonly [kind: "askBody", stream: number, direction: DirectionNumber, body: number, limit: number | undefined]
  | readonly [kind: "replaceBody", stream: number, direction: DirectionNumber, data: Uint8Array]
  | readonly [kind: "pause", stream: number, direction: DirectionNumber, isPause: boolean]
  | readonly [kind: "watch", stream: number, direction: DirectionNumber, isOn: boolean]
  | readonly [kind: "bufferLimit", stream: number, direction: DirectionNumber, bytes: number]
  | readonly [kind: "reply", stream: number, options: LocalReplyOptions]
  | readonly [kind: "reset", stream: number, details: string | undefined, flag: ResponseFlag | undefined]
  | readonly [kind: "clearRouteCache", stream: number]
  | readonly [kind: "resetIdleTimer", stream: number]
  | readonly [kind: "flag", stream: number, flag: ResponseFlag]
  | readonly [kind: "details", stream: number, details: string]
  | readonly [kind: "metadata", stream: number, namespace: string, values: Readonly<Record<string, unknown>>]
  | readonly [
      kind: "filterState",
      stream: number,
      key: string,
      value: unknown,
      readOnly: boolean,
      life: "request" | "connection",
    ]
  /** `stream` -1: of the context. `ms` -1: cancelled. */
  | readonly [kind: "setTimer", stream: number, timer: number, ms: number]
  | readonly [
      kind: "metric",
      metric: number,
      metricKind: MetricKind,
      isRoot: boolean,
      name: string,
      bounds: readonly number[] | null,
    ]
  /** Counters: metric and amount, in turn. */
  | readonly [kind: "counts", pairs: readonly number[]]
  /** Of a gauge or a histogram. */
  | readonly [kind: "measure", metric: number, operation: "set" | "inc" | "dec" | "record", value: number]
  | readonly [kind: "log", level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> | undefined]
  /** Nobody waited for that promise. */
  | readonly [kind: "rejection", error: FarError]
  | readonly [kind: "ask", request: number, ask: UpstreamAsk]
  | readonly [kind: "askData", request: number, data: Uint8Array | null, error: FarError | null]
  /** Wants more of the answer's body; gives the request up. */
  | readonly [kind: "pullAnswer", request: number]
  | readonly [kind: "cancel", request: number];

/** `levels`: bit n says whether level n of LOG_LEVELS is logged. */
export type ToFarMessage = readonly [levels: number, ...entries: ToFar[]];
export type FromFarMessage = readonly FromFar[];
