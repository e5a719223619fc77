// Waits for a condition instead of for a time: the test goes on as soon as it holds, and says what did not come true.
import { setTimeout as wait } from "node:timers/promises";

const POLL_MS = 5;

/** Resolves with the first result of `probe` that is not false, null or undefined. A probe that throws has not come true yet. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 8000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const result = await probe();
      if (result !== false && result !== null && result !== undefined) return result as NonNullable<T>;
      last = result;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what} (last: ${String(last)})`);
    await wait(POLL_MS);
  }
}

/** The promise's value; rejects, saying what did not happen, when it takes longer. */
export async function within<T>(what: string, promise: Promise<T>, ms = 8000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
