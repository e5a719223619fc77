/**
 * Hot path. A lock in one word of shared memory, held for microseconds: spins a little, then sleeps in slices. The word holds the number of its thread, so that
 * main can open the lock of a thread that died. Whoever comes first gets it, until one has waited for long: then it is handed over.
 */

/** Somebody sleeps: the holder has to wake. */
const WAITED_FOR = 1 << 16;
/** Somebody has slept for long: the holder leaves it to them. */
const STARVING = 1 << 17;
/** Free, for who waits already. */
const HANDED_OVER = 1 << 18;
const OWNER = WAITED_FOR - 1;
const SPINS = 100;
const SLICE_MS = 1;
const PATIENCE_MS = 5;
/** Nothing holds the lock so long but a dead thread that main has not buried yet, or a machine that stands still. */
const LONGEST_WAIT_MS = 500;

/** @param owner 1 to 65 535. @throws Error when it does not come free within half a second. */
export function lock(words: Int32Array, at: number, owner: number): void {
  if (Atomics.compareExchange(words, at, 0, owner) !== 0) lockSlowly(words, at, owner);
}

export function unlock(words: Int32Array, at: number, owner: number): void {
  let held = Atomics.compareExchange(words, at, owner, 0);
  if (held === owner) return;
  for (;;) {
    const next = (held & STARVING) === 0 ? 0 : HANDED_OVER;
    const was = Atomics.compareExchange(words, at, held, next);
    if (was === held) break;
    held = was;
  }
  Atomics.notify(words, at, (held & STARVING) === 0 ? 1 : Infinity);
}

/** The thread that holds it; 0: none. */
export function holderOf(words: Int32Array, at: number): number {
  return Atomics.load(words, at) & OWNER;
}

function lockSlowly(words: Int32Array, at: number, owner: number): void {
  for (let i = 0; i < SPINS; i++) {
    if (Atomics.load(words, at) === 0 && Atomics.compareExchange(words, at, 0, owner) === 0) return;
  }
  const start = performance.now();
  let waited = -1;
  for (;;) {
    const held = Atomics.load(words, at);
    if (held === 0 || (held === HANDED_OVER && waited >= 0)) {
      // Who has slept takes it as waited for: there may be others.
      if (Atomics.compareExchange(words, at, held, owner | WAITED_FOR) === held) return;
      continue;
    }
    let marked = held;
    if (held !== HANDED_OVER) {
      marked |= waited > PATIENCE_MS ? WAITED_FOR | STARVING : WAITED_FOR;
      if (held !== marked && Atomics.compareExchange(words, at, held, marked) !== held) continue;
    }
    Atomics.wait(words, at, marked, SLICE_MS);
    waited = performance.now() - start;
    if (waited > LONGEST_WAIT_MS && holderOf(words, at) !== 0)
      throw new Error(
        `shared state is busy: thread ${holderOf(words, at)} holds it, and ${LONGEST_WAIT_MS} ms are over`,
      );
  }
}
