/** One kind of question to one host: what a session asks, and what comes of it. */

export type ProbeOutcome =
  | { readonly kind: "passed"; readonly isDegraded: boolean }
  /** The host has answered, and not well. `isRetriable`: as a network failure it counts towards the threshold. `excludes`: it asked to be left alone. */
  | { readonly kind: "failed"; readonly isRetriable: boolean; readonly excludes: boolean }
  /** It did not answer. */
  | { readonly kind: "network" }
  /** Asking it went wrong here: a host of which nothing is known is not well. */
  | { readonly kind: "error"; readonly error: unknown };

export const PASSED: ProbeOutcome = { kind: "passed", isDegraded: false };
export const FAILED: ProbeOutcome = { kind: "failed", isRetriable: false, excludes: false };
export const NO_ANSWER: ProbeOutcome = { kind: "network" };

export interface Probe {
  /** Asks. `done` is called once, not before this returns, unless `cancel` comes first. MUST NOT be called while a question is open. */
  run(done: (outcome: ProbeOutcome) => void): void;
  /** Gives the open question up. */
  cancel(): void;
  /** The end: its connection too. */
  close(): void;
}
