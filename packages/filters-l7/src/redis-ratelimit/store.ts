/** What decides: asks Redis, and tells at once where it cannot be asked. Verdicts are read from the script's answer. */
import { ANSWERS_PER_KEY } from "./script.ts";

/** One limit's word on a request. Times are milliseconds. */
export interface Verdict {
  readonly admits: boolean;
  /** After this request. */
  readonly remaining: number;
  /** Until a request could pass; 0 where this one does. */
  readonly waitMs: number;
  /** Until the bucket is full. */
  readonly fullMs: number;
}

/** Whoever waits for a decision. Called once, never inside `decide`. */
export interface Waiting {
  /** null: Redis failed. */
  decided(verdicts: readonly Verdict[] | null): void;
}

export interface Store {
  /** false: Redis cannot be asked now, and nobody is called. `words`: of the script, for each key. */
  decide(keys: readonly string[], words: readonly string[], waiting: Waiting): boolean;
  /** A decision did not come in time. */
  overdue(): void;
  close(): void;
}

/** @throws TypeError for what is no answer of the script */
export function readVerdicts(answer: unknown, keys: number): Verdict[] {
  if (!Array.isArray(answer) || answer.length !== keys * ANSWERS_PER_KEY || !answer.every(Number.isFinite))
    throw new TypeError("not an answer of the script");
  const words = answer as readonly number[];
  const verdicts: Verdict[] = [];
  for (let at = 0; at < words.length; at += ANSWERS_PER_KEY) {
    verdicts.push({
      admits: words[at] === 1,
      remaining: words[at + 1]!,
      waitMs: words[at + 2]! / 1000,
      fullMs: words[at + 3]! / 1000,
    });
  }
  return verdicts;
}
