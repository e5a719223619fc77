/** Where a thread's connection managers look whether streams are recorded: one null check a stream while nobody asks. */
import type { TapSession } from "./tap-session.ts";

export class TapPoint {
  session: TapSession | null = null;
}

/** Which streams, and how much of them; the same in all threads. */
export interface TapOptions {
  /** Name of the listener; "": all. */
  readonly listener: string;
  /** Of the path as the client sent it. */
  readonly pathPrefix: string;
  /** Streams that are recorded: the first that begin. */
  readonly count: number;
  /** Of bodies, for each stream, all directions together. */
  readonly maxBytes: number;
  /** Lower-case names of headers whose values are left out. */
  readonly redact: readonly string[];
}

/** What main tells a thread. Every command is answered with what was finished since the last. */
export type TapCommand =
  | { readonly kind: "start"; readonly options: TapOptions }
  | { readonly kind: "take" }
  /** Also gives what is not finished. */
  | { readonly kind: "stop" };
