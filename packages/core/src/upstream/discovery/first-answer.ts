/** How long a configuration waits for something that may never come. */

/** A first answer of DNS that takes longer is not waited for. */
export const FIRST_ANSWER_MS = 5000;

/** Resolves with the promise, or when the time is over: then with false. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms).unref();
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
