/**
 * Gauges that no thread writes: counts of a shared tally against their limits, read where statistics are read. So they cost nothing where things are counted, and
 * are the same whoever counts.
 */

export interface Level {
  /** First word of the tally in the threads' shared table, and the count in it. */
  readonly at: number;
  readonly index: number;
  readonly limit: number;
  readonly budget: BudgetShare | null;
  /** 1 at the limit and 0 below it, or what is left. */
  readonly shows: "open" | "remaining";
}

/** A limit that is a share of two other counts, less the count itself. */
export interface BudgetShare {
  readonly percent: number;
  readonly least: number;
  readonly active: number;
  readonly pending: number;
}

export function levelOf(words: Int32Array, level: Level): number {
  const { at, index, budget } = level;
  const count = Atomics.load(words, at + index);
  const limit = budget === null ? level.limit : budgetLimit(words, at, index, budget);
  return level.shows === "open" ? Number(count >= limit) : Math.max(0, limit - count);
}

/** What is sent again counts among the requests as soon as it is: it is taken off, so that it does not raise its own limit. */
export function budgetLimit(words: Int32Array, at: number, index: number, budget: BudgetShare): number {
  const requests = Atomics.load(words, at + budget.active) + Atomics.load(words, at + budget.pending);
  const others = Math.max(0, requests - Atomics.load(words, at + index));
  return Math.max(budget.least, Math.floor((others * budget.percent) / 100));
}
