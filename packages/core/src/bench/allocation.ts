/**
 * Bytes that requests allocate: growth of the heap and of array buffers over a batch in which nothing is collected. The process runs with
 * `--expose-gc` and young generation large enough for it; a batch in which the heap shrank was collected, and does not count.
 */
const TARGET_BYTES = 4 * 1024 * 1024;
const MIN_REQUESTS = 100;
const MAX_REQUESTS = 20_000;
const SAMPLES = 5;

export async function allocatedBytes(run: (count: number) => Promise<void> | void): Promise<number> {
  let count = MIN_REQUESTS;
  const first = await growth(run, count);
  if (first > 0) count = Math.round(Math.min(MAX_REQUESTS, Math.max(MIN_REQUESTS, TARGET_BYTES / first)));
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) samples.push(await growth(run, count));
  samples.sort((a, b) => a - b);
  return Math.max(0, samples[SAMPLES >> 1]!);
}

async function growth(run: (count: number) => Promise<void> | void, count: number): Promise<number> {
  collect();
  const before = process.memoryUsage();
  const running = run(count);
  if (running !== undefined) await running;
  const after = process.memoryUsage();
  return (after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / count;
}

function collect(): void {
  if (globalThis.gc === undefined) throw new Error("the measuring process runs without --expose-gc");
  globalThis.gc();
}
