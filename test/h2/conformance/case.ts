// What a conformance case is: bytes from a client, and what must come back.
import type { Http2Options } from "../../../packages/core/src/http/codec/h2/options.ts";
import { GET, type Pair } from "../../../packages/core/src/http/codec/h2/scripted-wire.ts";

export interface Case {
  readonly name: string;
  /** Sent in one piece after the greeting, and once more byte by byte. */
  readonly send: readonly (Uint8Array | string)[];
  /** What is written. */
  readonly expect: readonly string[];
  /** How many requests came through. */
  readonly requests?: number;
  readonly options?: Partial<Http2Options>;
  /** The engine answers `hello` at the request's end. */
  readonly answers?: boolean;
  /** The engine takes nothing of a body. */
  readonly pauses?: boolean;
  readonly noGreeting?: boolean;
}

export type Sections = Readonly<Record<string, readonly Case[]>>;

/** A request, with one field less, or one more. */
export const without = (name: string): readonly Pair[] => GET.filter(([key]) => key !== name);
export const withField = (name: string, value: string): readonly Pair[] => [...GET, [name, value]];
export const PROTOCOL_ERROR = (id: number): string[] => [`RST ${id} protocolError`];
export const GREETING = ["SETTINGS", `WINDOW 0 ${24 * 1024 * 1024 - 65_535}`];
