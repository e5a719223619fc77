/** What a tap records: streams of HTTP as their chain saw them from both ends, frame by frame, as JSON. `replay` of `@sluice/core/testing` plays it. */
import type { ResetReason, TlsInfo } from "@sluice/sdk";

export type HeaderEntries = readonly (readonly [name: string, value: string])[];

/** A frame; `at_ms` is the time since the stream's begin. */
export type TapFrame = { readonly at_ms: number } & (
  | {
      readonly kind: "request";
      readonly method: string;
      readonly path: string;
      readonly authority: string;
      readonly scheme: string;
      readonly upgrade: string;
      readonly headers: HeaderEntries;
      readonly end: boolean;
    }
  | {
      readonly kind: "informational" | "response";
      readonly status: number;
      readonly headers: HeaderEntries;
      readonly end: boolean;
    }
  /** Base64. `cut`: bytes that are left out, beyond `max_bytes`. */
  | { readonly kind: "data"; readonly data: string; readonly end: boolean; readonly cut?: number }
  | { readonly kind: "trailers"; readonly headers: HeaderEntries }
  | { readonly kind: "reset"; readonly reason: ResetReason }
);

export interface TapStream {
  readonly client: { readonly ip: string; readonly port: number; readonly tls: TlsInfo | null };
  readonly protocol: string;
  /** Milliseconds since the epoch. */
  readonly started_at_ms: number;
  /** Whether the stream was over when the tap ended. */
  readonly complete: boolean;
  /** Whether bytes or frames are left out. */
  readonly cut: boolean;
  /** What came from the client, before any filter. */
  readonly from_client: readonly TapFrame[];
  /** What came from the terminal filter (its upstream), before any filter. */
  readonly from_upstream: readonly TapFrame[];
  /** What left for the client, after all filters. */
  readonly to_client: readonly TapFrame[];
  readonly details: string;
  readonly flags: readonly string[];
}

export interface TapFixture {
  readonly sluice_tap: 1;
  readonly streams: readonly TapStream[];
}

/** Value of a header that was not to be recorded. */
export const REDACTED = "[redacted]";
