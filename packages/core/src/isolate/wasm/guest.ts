/** One instance of a component as the filter drives it, whichever glue is underneath; and what the host offers to it. */
import type { LOG_LEVELS, VERDICTS, EDIT_KINDS, ComponentHook } from "./world.ts";

export interface GuestReply {
  readonly status: number;
  /** Flat. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly details: string;
}

/** What a hook answered. One object per instance, valid until its next call. */
export class Outcome {
  /** One of the sdk's integers. */
  verdict: 0 | 1 | 2 | 3;
  /** Index into EDIT_KINDS, for each edit. */
  readonly kinds: number[];
  readonly names: string[];
  readonly values: string[];
  edits: number;
  data: Uint8Array | null;
  reply: GuestReply | null;

  constructor() {
    this.verdict = 0;
    this.kinds = [];
    this.names = [];
    this.values = [];
    this.edits = 0;
    this.data = null;
    this.reply = null;
  }

  clear(): void {
    this.verdict = 0;
    this.edits = 0;
    this.data = null;
    this.reply = null;
  }

  edit(kind: number, name: string, value: string): void {
    const at = this.edits++;
    this.kinds[at] = kind;
    this.names[at] = name;
    this.values[at] = value;
  }
}

export type FieldsHook =
  | "requestHeaders"
  | "requestTrailers"
  | "informational"
  | "responseHeaders"
  | "responseTrailers";
export type DataHook = "requestData" | "responseData";

/** The answer to a call: a response, or the word for why there is none. */
export type CallAnswer =
  | { readonly status: number; readonly headers: readonly string[]; readonly body: Uint8Array }
  | string;

/** Whatever these throw means that the instance is lost: a trap, a value that makes no sense, a refused import. */
export interface Guest {
  has(hook: ComponentHook): boolean;
  /** null, or why the component does not take its configuration. */
  configure(config: string): string | null;
  /** `fields` holds `count` texts: names and values. */
  fields(hook: FieldsHook, stream: number, fields: readonly string[], count: number, end: boolean): Outcome;
  data(hook: DataHook, stream: number, data: Uint8Array, end: boolean): Outcome;
  localReply(stream: number, status: number, details: string): void;
  callResponse(stream: number, call: number, answer: CallAnswer): Outcome;
  timer(stream: number, timer: number): Outcome;
  streamComplete(stream: number): void;
  streamEnd(stream: number): void;
}

export interface GuestRequest {
  readonly cluster: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

export type LogLevel = (typeof LOG_LEVELS)[number];
export type VerdictName = (typeof VERDICTS)[number];
export type EditKind = (typeof EDIT_KINDS)[number];

/** The imports of the world. What they throw goes through the component's code back to the host: the instance is lost. */
export interface GuestHost {
  log(level: LogLevel, message: string): void;
  counter(name: string): number;
  increment(counter: number, amount: number): void;
  now(): number;
  wallNow(): number;
  random(): number;
  attribute(name: string): string | undefined;
  routeConfig(): string | undefined;
  metadata(namespace: string): string | undefined;
  setMetadata(namespace: string, values: string): void;
  startCall(request: GuestRequest): number;
  startTimer(ms: number): number;
}
